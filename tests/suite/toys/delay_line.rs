cell! {
    /// Memory blocks that see themselves three steps ago, through a delay line; the output is the end of the line.
    pub cell DelayLine {
        size   I, N, C = 2;                        // inputs, blocks, cells per block
        input  x: [I];
        param  W: [N, C, I];                       V: [N, I];
        param  U: [N, C, N, C];
        param  peep: [N, C];                       k: [];

        q[t] = p[t-1];
        r[t] = q[t-1];
        b[t] = sigmoid(V @ x[t] + mean_C(peep * r[t-1]));
        p[t] = tanh(W @ x[t] + U @ r[t] + b[t] * stop(q[t]) + k * sum_N(sum_C(r[t-1] * peep)) / N);
        output r;
    }
}
