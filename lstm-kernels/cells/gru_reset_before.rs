cell! {
    /// Gated recurrent unit, reset gate before the recurrent product: the candidate sees what the reset left; full BPTT.
    ///
    /// Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", EMNLP: the original form, with
    /// biases. z keeps the old state, as there; q is the state after the reset.
    pub cell GruResetBefore {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W_r, W_z, W_n: [N, I];
        param  U_r, U_z, U_n: [N, N];
        param  β_r, β_z, β_n: [N];

        a_r[t] = W_r @ x[t] + U_r @ h[t-1] + β_r;      r[t] = sigmoid(a_r[t]);
        a_z[t] = W_z @ x[t] + U_z @ h[t-1] + β_z;      z[t] = sigmoid(a_z[t]);
        q[t]   = r[t] * h[t-1];
        a_n[t] = W_n @ x[t] + U_n @ q[t]   + β_n;      n[t] = tanh(a_n[t]);
        h[t]   = (1 - z[t]) * n[t] + z[t] * h[t-1];
        output h;

        errors {
            ε_h of h   = upstream(h) + z[t+1] * ε_h[t+1] + U_r.T @ δ_r[t+1] + U_z.T @ δ_z[t+1] + r[t+1] * ε_q[t+1];
            δ_z of a_z = dsigmoid(a_z) * (h[t-1] - n) * ε_h;
            δ_n of a_n = dtanh(a_n) * (1 - z) * ε_h;
            ε_q of q   = U_n.T @ δ_n;
            δ_r of a_r = dsigmoid(a_r) * h[t-1] * ε_q;
        }
    }
}
