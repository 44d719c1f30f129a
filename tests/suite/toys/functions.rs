cell! {
    /// Every function, element by element: a diagonal recurrence that sees its own input and has no matrix at all.
    pub cell Functions {
        size   N;                                  // units, and as many inputs
        input  x: [N];
        param  u, v, β, far: [N];                  // |far| is at least 2, so that no kink is ever within reach of |a| < 1
        param  gain: [];
        const  half = 1 / 2;

        a[t] = tanh(u * h[t-1] + v * x[t] + β);
        b[t] = relu(a[t] + far) + half * abs(a[t] - far);
        d[t] = log(2 + a[t]) + sqrt(3 - a[t]) * exp(-half * a[t]);
        e[t] = softplus(gain * d[t]) - logsigmoid(b[t]) / (1 + b[t] * b[t]);
        m[t] = max(a[t], far) + min(x[t], 2 * far);
        h[t] = tanh(select(a[t] < far, d[t] * a[t], e[t]) - m[t] / 4) + gain * h[t-1] / 2;
        output h;
    }
}
