cell! {
    /// Simple recurrent network: every unit sees the input and all units one step ago.
    ///
    /// Elman 1990, "Finding structure in time", Cognitive Science 14(2), with tanh units; error signals as in
    /// Werbos 1990, "Backpropagation through time". The cell whose error signals vanish, where this family began.
    pub cell ElmanRnn {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        param  β: [N];

        a[t] = W @ x[t] + U @ h[t-1] + β;
        h[t] = tanh(a[t]);
        output h;

        errors {
            ε of h = upstream(h) + U.T @ δ[t+1];
            δ of a = dtanh(a) * ε;
        }
    }
}
