cell! {
    /// Units that see only themselves from step to step: the independently recurrent network of Li et al. 2018. No pass has
    /// products with the input and others.
    pub cell IndependentUnits {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W: [N, I];
        param  u, β: [N];

        h[t] = tanh(W @ x[t] + u * h[t-1] + β);
        output h;
    }
}
