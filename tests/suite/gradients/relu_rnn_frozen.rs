cell! {
    /// `ReluRnn` with the choice between the branches of relu as a factor that is not differentiated. A difference that
    /// crosses the kink measures half a slope; with the factor kept from the run at the centre it cannot.
    pub cell ReluRnn {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        param  β: [N];

        a[t] = W @ x[t] + U @ h[t-1] + β;
        h[t] = stop(select(a[t] > 0, 1, 0)) * a[t];
        output h;
    }
}
