cell! {
    /// LSTM with exponential gates, a normaliser and a stabiliser: sLSTM of Beck et al. 2024.
    pub cell StabilisedLstm {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W_i, W_f, W_z, W_o: [N, I];
        param  U_i, U_f, U_z, U_o: [N, N];
        param  β_i, β_f, β_z, β_o: [N];

        a_i[t] = W_i @ x[t] + U_i @ h[t-1] + β_i;
        a_f[t] = W_f @ x[t] + U_f @ h[t-1] + β_f;
        a_z[t] = W_z @ x[t] + U_z @ h[t-1] + β_z;
        a_o[t] = W_o @ x[t] + U_o @ h[t-1] + β_o;
        m[t]   = max(logsigmoid(a_f[t]) + m[t-1], a_i[t]);
        i[t]   = exp(a_i[t] - m[t]);
        f[t]   = exp(logsigmoid(a_f[t]) + m[t-1] - m[t]);
        c[t]   = f[t] * c[t-1] + i[t] * tanh(a_z[t]);
        n[t]   = f[t] * n[t-1] + i[t];
        h[t]   = sigmoid(a_o[t]) * c[t] / n[t];
        output h;
    }
}
