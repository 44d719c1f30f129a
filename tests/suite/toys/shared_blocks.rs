cell! {
    /// Memory blocks behind a projection with an axis of its own, which sees the input both through a matrix shared with
    /// the recurrence and directly; the error is stopped on one of two ways through the same state.
    pub cell SharedBlocks {
        size   R, N, C = 1;                        // inputs and projected units, blocks, cells per block
        input  x: [R];
        param  M: [N, C, R];                       A: [N, R];
        param  B: [R, N, C];
        param  p: [N, C];                          w: [R];

        g[t] = sigmoid(A @ (x[t] - r[t-1]) + sum_C(p * stop(s[t-1])));
        z[t] = M @ x[t] + M @ r[t-1];
        s[t] = g[t] * s[t-1] + (1 - g[t]) * tanh(z[t]) / (1 + mean_C(s[t-1] * s[t-1]));
        r[t] = B @ (g[t] * s[t]) + w * x[t];
        output r;
    }
}
