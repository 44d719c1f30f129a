cell! {
    /// Chains of values each of which is used twice, of units and of single numbers.
    pub cell Chains {
        size   I, N;                               // inputs, units
        input  x: [I];
        param  W: [N, I];                          U: [N, N];
        param  p, q: [];

        a[t] = sigmoid(W @ x[t] + U @ h[t-1]);
        b[t] = a[t] * (1 - a[t]);                  c[t] = b[t] + b[t] * b[t];
        d[t] = c[t] * (2 - c[t]);                  f[t] = d[t] - d[t] * d[t];

        r[t] = p * mean_N(h[t-1]);                 s[t] = r[t] * (1 - r[t]) + q;
        k[t] = s[t] - s[t] * s[t] / 2;             m[t] = select(p > q, k[t] + k[t] * k[t], k[t] / (2 + q * q) - k[t]);

        h[t] = tanh(m[t] * f[t] - q * a[t] + sum_N(h[t-1] * m[t]) / 9);
        output h;
    }
}
