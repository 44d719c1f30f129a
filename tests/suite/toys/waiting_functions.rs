cell! {
    /// Functions that wait for functions, of units and of the cells of their blocks, with a product that is used before and
    /// after.
    pub cell WaitingFunctions {
        size   I, N, C = 1;                        // inputs, blocks, cells per block
        input  x: [I];
        param  W_g, W_q: [N, I];                   W_k, W_f: [N, C, I];
        param  U: [N, N, C];                       p: [N, C];

        g[t] = sigmoid(W_g @ x[t] + U @ h[t-1]);
        q[t] = W_q @ x[t];                         k[t] = W_k @ x[t];
        f[t] = tanh(k[t] * (W_f @ x[t]) + p * h[t-1]);
        s[t] = sum_C(q[t] * f[t]);
        h[t] = g[t] * tanh(s[t]) * k[t] + sigmoid(sum_C(exp(0 - f[t] * f[t]))) / 2;
        output h;
    }
}
