cell! {
    /// LSTM with a recurrent projection: the cells' outputs m reach the gates and the outside only as r = P m; full BPTT.
    ///
    /// Sak, Senior & Beaufays 2014, "Long short-term memory recurrent neural network architectures for large scale
    /// acoustic modeling", Interspeech; without peepholes, the form of `torch.nn.LSTM` with `proj_size`.
    pub cell ProjectionLstm {
        size   I, N, R;                            // inputs, units, projected units
        input  x: [I];
        param  W_i, W_f, W_g, W_o: [N, I];
        param  U_i, U_f, U_g, U_o: [N, R];
        param  β_i, β_f, β_g, β_o: [N];
        param  P: [R, N];

        a_i[t] = W_i @ x[t] + U_i @ r[t-1] + β_i;      i[t] = sigmoid(a_i[t]);
        a_f[t] = W_f @ x[t] + U_f @ r[t-1] + β_f;      f[t] = sigmoid(a_f[t]);
        a_g[t] = W_g @ x[t] + U_g @ r[t-1] + β_g;      g[t] = tanh(a_g[t]);
        a_o[t] = W_o @ x[t] + U_o @ r[t-1] + β_o;      o[t] = sigmoid(a_o[t]);
        c[t]   = f[t] * c[t-1] + i[t] * g[t];
        m[t]   = o[t] * tanh(c[t]);
        r[t]   = P @ m[t];
        output r;

        errors {
            ε_r of r   = upstream(r) + U_i.T @ δ_i[t+1] + U_f.T @ δ_f[t+1] + U_g.T @ δ_g[t+1] + U_o.T @ δ_o[t+1];
            ε_m of m   = P.T @ ε_r;
            δ_o of a_o = dsigmoid(a_o) * tanh(c) * ε_m;
            ε_c of c   = o * dtanh(c) * ε_m + f[t+1] * ε_c[t+1];
            δ_g of a_g = dtanh(a_g) * i * ε_c;
            δ_f of a_f = dsigmoid(a_f) * c[t-1] * ε_c;
            δ_i of a_i = dsigmoid(a_i) * g * ε_c;
        }
    }
}
