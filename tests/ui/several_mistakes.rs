//! All mistakes of a cell at once; the code below, which uses the cell, adds none.
use lstm_core::{Kernel, cell};

cell! {
    pub cell Mistaken {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  b: [M];

        a[t] = W @ x[t] + V @ h[t-1];
        h[t] = tan(a[t]);
        output y;
    }
}

fn main() {
    let kernel = Kernel::<Mistaken, f32>::new(&[2, 3]).expect("sizes above zero");
    let params = vec![0.0; kernel.params_len()];
    println!("{:?} {}", Mistaken, kernel.pack(&params).is_ok());
}
