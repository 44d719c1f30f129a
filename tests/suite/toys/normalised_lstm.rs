cell! {
    /// LSTM with layer normalisation of its net inputs and of its state: means over all units, scalars in between.
    pub cell NormalisedLstm {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W_f, W_g: [N, I];
        param  U_f, U_g: [N, N];
        param  γ_f, γ_g, γ_c: [N] = 1;
        param  β_f, β_g, β_c: [N];
        param  τ: [] = -small;                     // a temperature
        const  small = 0.1;

        a_f[t] = W_f @ x[t] + U_f @ h[t-1];
        a_g[t] = W_g @ x[t] + U_g @ h[t-1];
        μ_f[t] = mean_N(a_f[t]);
        μ_g[t] = mean_N(a_g[t]);
        d_f[t] = a_f[t] - μ_f[t];
        d_g[t] = a_g[t] - μ_g[t];
        f[t]   = sigmoid(γ_f * d_f[t] / sqrt(mean_N(d_f[t] * d_f[t]) + small) + β_f);
        g[t]   = tanh(γ_g * d_g[t] / sqrt(mean_N(d_g[t] * d_g[t]) + small) + β_g);
        c[t]   = f[t] * c[t-1] + (1 - f[t]) * g[t];
        d_c[t] = c[t] - mean_N(c[t]);
        h[t]   = tanh(exp(τ) * γ_c * d_c[t] / sqrt(sum_N(d_c[t] * d_c[t]) / N + small) + β_c);
        output h;
    }
}
