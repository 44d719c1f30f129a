cell! {
    /// LSTM with forget gate, without peepholes: the form most libraries call LSTM; full BPTT.
    ///
    /// Gers, Schmidhuber & Cummins 2000, "Learning to forget", Neural Computation 12(10), with the whole gradient as in
    /// Graves & Schmidhuber 2005, tanh for both squashing functions and one cell per block; symbols as is customary today.
    pub cell Lstm {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W_i, W_f, W_g, W_o: [N, I];
        param  U_i, U_f, U_g, U_o: [N, N];
        param  β_i, β_f, β_g, β_o: [N];

        a_i[t] = W_i @ x[t] + U_i @ h[t-1] + β_i;      i[t] = sigmoid(a_i[t]);
        a_f[t] = W_f @ x[t] + U_f @ h[t-1] + β_f;      f[t] = sigmoid(a_f[t]);
        a_g[t] = W_g @ x[t] + U_g @ h[t-1] + β_g;      g[t] = tanh(a_g[t]);
        a_o[t] = W_o @ x[t] + U_o @ h[t-1] + β_o;      o[t] = sigmoid(a_o[t]);
        c[t]   = f[t] * c[t-1] + i[t] * g[t];
        h[t]   = o[t] * tanh(c[t]);
        output h;

        errors {
            ε_h of h   = upstream(h) + U_i.T @ δ_i[t+1] + U_f.T @ δ_f[t+1] + U_g.T @ δ_g[t+1] + U_o.T @ δ_o[t+1];
            δ_o of a_o = dsigmoid(a_o) * tanh(c) * ε_h;
            ε_c of c   = o * dtanh(c) * ε_h + f[t+1] * ε_c[t+1];
            δ_g of a_g = dtanh(a_g) * i * ε_c;
            δ_f of a_f = dsigmoid(a_f) * c[t-1] * ε_c;
            δ_i of a_i = dsigmoid(a_i) * g * ε_c;
        }
    }
}
