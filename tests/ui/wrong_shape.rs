//! A bias with the axis of the inputs.
use lstm_core::cell;

cell! {
    pub cell Misshapen {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  b: [I];

        h[t] = tanh(W @ x[t] + h[t-1] + b);
        output h;
    }
}

fn main() {}
