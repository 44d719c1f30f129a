cell! {
    /// LSTM with forget gate and peepholes, in memory blocks; full BPTT.
    ///
    /// Gers, Schraudolph & Schmidhuber 2002, "Learning precise timing with LSTM recurrent networks", JMLR 3;
    /// error signals as in Graves 2012, "Supervised sequence labelling with recurrent neural networks", chapter 4.
    pub cell PeepholeLstm {
        size   I, N, C = 1;                        // inputs, memory blocks, cells per block
        input  x: [I];
        param  W_ι, W_φ, W_ω: [N, I];              W_c: [N, C, I];
        param  U_ι, U_φ, U_ω: [N, N, C];           U_c: [N, C, N, C];
        param  p_ι, p_φ, p_ω: [N, C];
        param  β_ι, β_φ, β_ω: [N];                 β_c: [N, C];

        a_ι[t] = W_ι @ x[t] + U_ι @ b[t-1] + sum_C(p_ι * s[t-1]) + β_ι;      b_ι[t] = sigmoid(a_ι[t]);
        a_φ[t] = W_φ @ x[t] + U_φ @ b[t-1] + sum_C(p_φ * s[t-1]) + β_φ;      b_φ[t] = sigmoid(a_φ[t]);
        a_c[t] = W_c @ x[t] + U_c @ b[t-1] + β_c;
        s[t]   = b_φ[t] * s[t-1] + b_ι[t] * tanh(a_c[t]);
        a_ω[t] = W_ω @ x[t] + U_ω @ b[t-1] + sum_C(p_ω * s[t]) + β_ω;        b_ω[t] = sigmoid(a_ω[t]);
        b[t]   = b_ω[t] * tanh(s[t]);
        output b;

        errors {
            ε_c of b   = upstream(b) + U_ι.T @ δ_ι[t+1] + U_φ.T @ δ_φ[t+1] + U_c.T @ δ_c[t+1] + U_ω.T @ δ_ω[t+1];
            δ_ω of a_ω = dsigmoid(a_ω) * sum_C(tanh(s) * ε_c);
            ε_s of s   = b_ω * dtanh(s) * ε_c + b_φ[t+1] * ε_s[t+1] + p_ι * δ_ι[t+1] + p_φ * δ_φ[t+1] + p_ω * δ_ω;
            δ_c of a_c = b_ι * dtanh(a_c) * ε_s;
            δ_φ of a_φ = dsigmoid(a_φ) * sum_C(s[t-1] * ε_s);
            δ_ι of a_ι = dsigmoid(a_ι) * sum_C(tanh(a_c) * ε_s);
        }
    }
}
