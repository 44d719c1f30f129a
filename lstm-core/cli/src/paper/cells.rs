//! The cells that only the papers' experiments need; those with a wider use come with the library.

lstm_core::cell! {
    /// LSTM with forget gates in memory blocks, in the topology of the experiments of 2000; the whole gradient.
    ///
    /// Gers, Schmidhuber & Cummins 2000, "Learning to forget", Neural Computation 12(10): only the cell outputs are
    /// recurrent, the gates are biased and the cell inputs are not. Cell input and output are squashed to [-2, 2] and [-1, 1].
    pub cell Lstm2000 {
        size   I, N, C = 1;                        // inputs, memory blocks, cells per block
        input  x: [I];
        param  W_in, W_φ, W_out: [N, I];           W_c: [N, C, I];
        param  U_in, U_φ, U_out: [N, N, C];        U_c: [N, C, N, C];
        param  β_in, β_φ, β_out: [N];

        net_in[t]  = W_in  @ x[t] + U_in  @ y_c[t-1] + β_in;     y_in[t]  = sigmoid(net_in[t]);
        net_φ[t]   = W_φ   @ x[t] + U_φ   @ y_c[t-1] + β_φ;      y_φ[t]   = sigmoid(net_φ[t]);
        net_out[t] = W_out @ x[t] + U_out @ y_c[t-1] + β_out;    y_out[t] = sigmoid(net_out[t]);
        net_c[t]   = W_c   @ x[t] + U_c   @ y_c[t-1];            g[t]     = 4 * sigmoid(net_c[t]) - 2;
        s[t]       = y_φ[t] * s[t-1] + y_in[t] * g[t];
        h[t]       = 2 * sigmoid(s[t]) - 1;
        y_c[t]     = y_out[t] * h[t];
        output y_c;

        errors {
            ε_c   of y_c     = upstream(y_c) + U_in.T @ δ_in[t+1] + U_φ.T @ δ_φ[t+1] + U_out.T @ δ_out[t+1]
                               + U_c.T @ δ_c[t+1];
            δ_out of net_out = dsigmoid(net_out) * sum_C(h * ε_c);
            ε_s   of s       = 2 * y_out * dsigmoid(s) * ε_c + y_φ[t+1] * ε_s[t+1];
            δ_c   of net_c   = 4 * y_in * dsigmoid(net_c) * ε_s;
            δ_φ   of net_φ   = dsigmoid(net_φ)  * sum_C(s[t-1] * ε_s);
            δ_in  of net_in  = dsigmoid(net_in) * sum_C(g * ε_s);
        }
    }
}

lstm_core::cell! {
    /// The same with the learning rule of 2000, the truncated gradient.
    ///
    /// Stopped: whatever cells send to a net input of the next step; only the state s carries errors on.
    pub cell Lstm2000Truncated {
        size   I, N, C = 1;                        // inputs, memory blocks, cells per block
        input  x: [I];
        param  W_in, W_φ, W_out: [N, I];           W_c: [N, C, I];
        param  U_in, U_φ, U_out: [N, N, C];        U_c: [N, C, N, C];
        param  β_in, β_φ, β_out: [N];

        net_in[t]  = W_in  @ x[t] + U_in  @ stop(y_c[t-1]) + β_in;     y_in[t]  = sigmoid(net_in[t]);
        net_φ[t]   = W_φ   @ x[t] + U_φ   @ stop(y_c[t-1]) + β_φ;      y_φ[t]   = sigmoid(net_φ[t]);
        net_out[t] = W_out @ x[t] + U_out @ stop(y_c[t-1]) + β_out;    y_out[t] = sigmoid(net_out[t]);
        net_c[t]   = W_c   @ x[t] + U_c   @ stop(y_c[t-1]);            g[t]     = 4 * sigmoid(net_c[t]) - 2;
        s[t]       = y_φ[t] * s[t-1] + y_in[t] * g[t];
        h[t]       = 2 * sigmoid(s[t]) - 1;
        y_c[t]     = y_out[t] * h[t];
        output y_c;

        errors {
            ε_c   of y_c     = upstream(y_c);
            δ_out of net_out = dsigmoid(net_out) * sum_C(h * ε_c);
            ε_s   of s       = 2 * y_out * dsigmoid(s) * ε_c + y_φ[t+1] * ε_s[t+1];
            δ_c   of net_c   = 4 * y_in * dsigmoid(net_c) * ε_s;
            δ_φ   of net_φ   = dsigmoid(net_φ)  * sum_C(s[t-1] * ε_s);
            δ_in  of net_in  = dsigmoid(net_in) * sum_C(g * ε_s);
        }
    }
}

lstm_core::cell! {
    /// LSTM with forget gates and peepholes as in 2002, without squashing; the whole gradient.
    ///
    /// Gers, Schraudolph & Schmidhuber 2002, "Learning precise timing with LSTM recurrent networks", JMLR 3. The library
    /// has it with the paper's truncated gradient, as `Lstm2002Truncated`.
    pub cell Lstm2002 {
        size   I, N, C = 1;                        // inputs, memory blocks, cells per block
        input  x: [I];
        param  W_in, W_φ, W_out: [N, I];           W_c: [N, C, I];
        param  U_in, U_φ, U_out: [N, N, C];        U_c: [N, C, N, C];
        param  p_in, p_φ, p_out: [N, C];
        param  β_in, β_φ, β_out: [N];              β_c: [N, C];

        net_in[t]  = W_in  @ x[t] + U_in  @ y_c[t-1] + sum_C(p_in  * s[t-1]) + β_in;    y_in[t]  = sigmoid(net_in[t]);
        net_φ[t]   = W_φ   @ x[t] + U_φ   @ y_c[t-1] + sum_C(p_φ   * s[t-1]) + β_φ;     y_φ[t]   = sigmoid(net_φ[t]);
        net_c[t]   = W_c   @ x[t] + U_c   @ y_c[t-1] + β_c;
        s[t]       = y_φ[t] * s[t-1] + y_in[t] * net_c[t];
        net_out[t] = W_out @ x[t] + U_out @ y_c[t-1] + sum_C(p_out * s[t])   + β_out;   y_out[t] = sigmoid(net_out[t]);
        y_c[t]     = y_out[t] * s[t];
        output y_c;

        errors {
            ε_c   of y_c     = upstream(y_c) + U_in.T @ δ_in[t+1] + U_φ.T @ δ_φ[t+1] + U_out.T @ δ_out[t+1]
                               + U_c.T @ δ_c[t+1];
            δ_out of net_out = dsigmoid(net_out) * sum_C(s * ε_c);
            ε_s   of s       = y_out * ε_c + y_φ[t+1] * ε_s[t+1] + p_in * δ_in[t+1] + p_φ * δ_φ[t+1] + p_out * δ_out;
            δ_c   of net_c   = y_in * ε_s;
            δ_φ   of net_φ   = dsigmoid(net_φ)  * sum_C(s[t-1] * ε_s);
            δ_in  of net_in  = dsigmoid(net_in) * sum_C(net_c  * ε_s);
        }
    }
}
