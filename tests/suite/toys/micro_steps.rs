cell! {
    /// One matrix three times in a step, each time on what the last product left: a recurrent highway of depth three.
    pub cell MicroSteps {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W: [N, I];
        param  R: [N, N];
        param  β: [N];

        p[t] = tanh(W @ x[t] + R @ s[t-1]);
        q[t] = tanh(R @ p[t] + β) * p[t];
        s[t] = select(q[t] > 2, exp(q[t]), q[t] - R @ q[t]) + max(β, -3) * s[t-1] / 2;
        output s;
    }
}
