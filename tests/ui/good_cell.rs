//! A cell without mistakes, in ASCII, with the signals stated.
use lstm_core::{Cell, cell};

cell! {
    /// Leaky units.
    pub cell Leaky {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  leak: [N];

        h[t] = sigmoid(leak) * h[t-1] + W @ x[t];
        output h;

        errors {
            e of h = upstream(h) + sigmoid(leak) * e[t+1];
        }
    }
}

fn main() {
    assert_eq!(Leaky::SPEC.name, "Leaky");
    assert_eq!(Leaky::SPEC.params[1].name, "leak");
}
