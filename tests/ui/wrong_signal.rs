//! A stated error signal that forgets one way back.
use lstm_core::cell;

cell! {
    pub cell Forgetful {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        param  f: [N];

        a[t] = W @ x[t] + U @ h[t-1];
        h[t] = f * h[t-1] + tanh(a[t]);
        output h;

        errors {
            e of h = upstream(h) + U.T @ d[t+1];
            d of a = dtanh(a) * e;
        }
    }
}

fn main() {}
