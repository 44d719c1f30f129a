//! Kernels whose tiles read panels and errors in pieces of any length: the results are the same.

use std::sync::Arc;

use super::Kernel;
use super::reuse::{infer, number, train};
use crate::{Width, cells};

/// 70 units on 15 samples: several groups, tiles and pieces on the way forward, on the way back and for the gradients.
#[test]
fn results_do_not_depend_on_the_length_of_pieces() {
    for width in Width::available() {
        let mut kernel =
            Kernel::<cells::PeepholeLstm, f32>::with_width(&[9, 70, 1], width).unwrap();
        let params: Vec<_> = (0..kernel.params_len()).map(number).collect();
        let packed = kernel.pack(&params).unwrap();
        let results = [1, 4 << 10, 1 << 20].map(|bytes| {
            let pieces = &mut Arc::get_mut(&mut kernel.layout).unwrap().pieces;
            (pieces.panel, pieces.errors) = (bytes, bytes);
            let mut tape = kernel.tape(11, 15).unwrap();
            let mut workspace = kernel.workspace(15).unwrap();
            [
                train(&kernel, &packed, &mut tape),
                infer(&kernel, &packed, &mut workspace),
            ]
        });
        assert!(
            results[0] == results[1] && results[1] == results[2],
            "{width}"
        );
    }
}
