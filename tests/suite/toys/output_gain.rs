cell! {
    /// A projected layer whose output has a gain and a bias: the error of the bias is the one from above, which a later pass of
    /// the same units reads, too. So does it with the carry of a state to which a vector is added.
    pub cell OutputGain {
        size   I, N, R;                            // inputs, units, projected units
        input  x: [I];
        param  W: [N, I];    U: [N, R];    P: [R, N];
        param  f, g, b, β: [N];

        h[t] = tanh(W @ x[t] + U @ r[t-1] + q[t-1]);
        r[t] = P @ h[t];
        q[t] = b + f * q[t-1] + h[t-1];
        y[t] = g * h[t] + β;
        output y;
    }
}
