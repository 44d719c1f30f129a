cell! {
    /// The first LSTM with the learning rule it was published with: the truncated gradient.
    ///
    /// Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8), appendix A.1.
    /// Stopped: whatever cells and gates send to a net input of the next step. An error that reaches a net input changes
    /// the weights there (and the input of its own step) but goes no further back; only the carousel s carries it on.
    pub cell Lstm1997Truncated {
        size   I, N, C = 1;                        // inputs, memory blocks, cells per block
        input  x: [I];
        param  W_in, W_out: [N, I];                W_c: [N, C, I];         // from the input,
        param  U_in, U_out: [N, N, C];             U_c: [N, C, N, C];      // from the cells,
        param  V_in, V_out: [N, N];                V_c: [N, C, N];         // from the input gates,
        param  R_in, R_out: [N, N];                R_c: [N, C, N];         // from the output gates
        param  β_in, β_out: [N];                   β_c: [N, C];

        net_in[t]  = W_in  @ x[t] + U_in  @ stop(y_c[t-1]) + V_in  @ stop(y_in[t-1]) + R_in  @ stop(y_out[t-1]) + β_in;
        net_out[t] = W_out @ x[t] + U_out @ stop(y_c[t-1]) + V_out @ stop(y_in[t-1]) + R_out @ stop(y_out[t-1]) + β_out;
        net_c[t]   = W_c   @ x[t] + U_c   @ stop(y_c[t-1]) + V_c   @ stop(y_in[t-1]) + R_c   @ stop(y_out[t-1]) + β_c;
        y_in[t]    = sigmoid(net_in[t]);
        y_out[t]   = sigmoid(net_out[t]);
        g[t]       = 4 * sigmoid(net_c[t]) - 2;
        s[t]       = s[t-1] + y_in[t] * g[t];
        h[t]       = 2 * sigmoid(s[t]) - 1;
        y_c[t]     = y_out[t] * h[t];
        output y_c;

        errors {
            ε_c   of y_c     = upstream(y_c);
            ε_out of y_out   = sum_C(h * ε_c);
            ϑ_out of net_out = dsigmoid(net_out) * ε_out;
            ε_s   of s       = 2 * y_out * dsigmoid(s) * ε_c + ε_s[t+1];
            ϑ_c   of net_c   = 4 * y_in * dsigmoid(net_c) * ε_s;
            ε_in  of y_in    = sum_C(g * ε_s);
            ϑ_in  of net_in  = dsigmoid(net_in) * ε_in;
        }
    }
}
