cell! {
    /// LSTM with forget gate and peepholes in the form that learned precise timing: no squashing, truncated gradient.
    ///
    /// Gers, Schraudolph & Schmidhuber 2002, "Learning precise timing with LSTM recurrent networks", JMLR 3.
    /// Stopped: the cell outputs on their way to the next step's net inputs, and the states in the peepholes. An error
    /// that reaches a gate changes the weights there and never enters the carousel; only s carries errors on.
    pub cell Lstm2002Truncated {
        size   I, N, C = 1;                        // inputs, memory blocks, cells per block
        input  x: [I];
        param  W_in, W_φ, W_out: [N, I];           W_c: [N, C, I];
        param  U_in, U_φ, U_out: [N, N, C];        U_c: [N, C, N, C];
        param  p_in, p_φ, p_out: [N, C];
        param  β_in, β_φ, β_out: [N];              β_c: [N, C];

        net_in[t]  = W_in  @ x[t] + U_in  @ stop(y_c[t-1]) + sum_C(p_in  * stop(s[t-1])) + β_in;
        net_φ[t]   = W_φ   @ x[t] + U_φ   @ stop(y_c[t-1]) + sum_C(p_φ   * stop(s[t-1])) + β_φ;
        net_c[t]   = W_c   @ x[t] + U_c   @ stop(y_c[t-1]) + β_c;
        y_in[t]    = sigmoid(net_in[t]);
        y_φ[t]     = sigmoid(net_φ[t]);
        s[t]       = y_φ[t] * s[t-1] + y_in[t] * net_c[t];
        net_out[t] = W_out @ x[t] + U_out @ stop(y_c[t-1]) + sum_C(p_out * stop(s[t]))   + β_out;
        y_out[t]   = sigmoid(net_out[t]);
        y_c[t]     = y_out[t] * s[t];
        output y_c;

        errors {
            ε_c   of y_c     = upstream(y_c);
            δ_out of net_out = dsigmoid(net_out) * sum_C(s * ε_c);
            ε_s   of s       = y_out * ε_c + y_φ[t+1] * ε_s[t+1];
            δ_c   of net_c   = y_in * ε_s;
            δ_φ   of net_φ   = dsigmoid(net_φ)  * sum_C(s[t-1] * ε_s);
            δ_in  of net_in  = dsigmoid(net_in) * sum_C(net_c  * ε_s);
        }
    }
}
