cell! {
    /// Simple recurrent network with rectified linear units, which do not squash what they hold; full BPTT.
    ///
    /// Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units", who start U
    /// at the identity and β at zero; `torch.nn.RNN` with `nonlinearity="relu"`. The derivative of relu at 0 is 0.
    pub cell ReluRnn {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        param  β: [N];

        a[t] = W @ x[t] + U @ h[t-1] + β;
        h[t] = relu(a[t]);
        output h;

        errors {
            ε of h = upstream(h) + U.T @ δ[t+1];
            δ of a = drelu(a) * ε;
        }
    }
}
