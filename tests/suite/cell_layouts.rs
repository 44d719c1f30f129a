//! The vectors and matrices of the shipped cells: those of the oracles, and as many weights as the papers count.

use lstm_kernels::{Cell, Kernel, cells};

use crate::oracles::{self, Oracle};

/// Names, order and shapes of parameters and states, from the two sources.
fn check_layout<C: Cell, O: Oracle>(sizes: &[usize]) {
    let kernel = Kernel::<C, f64>::new(sizes).expect("sizes above zero");
    let shapes = O::shapes(sizes);
    let spec = C::SPEC;
    let names: Vec<_> = spec.params.iter().map(|p| p.name).collect();
    assert_eq!(
        names,
        shapes.params.iter().map(|p| p.0).collect::<Vec<_>>(),
        "{}",
        spec.name
    );
    let mut start = 0;
    for (i, &(name, rows, columns)) in shapes.params.iter().enumerate() {
        assert_eq!(
            kernel.param_shape(i),
            (rows, columns),
            "{} {name}",
            spec.name
        );
        assert_eq!(
            kernel.param_range(i),
            start..start + rows * columns,
            "{} {name}",
            spec.name
        );
        start += rows * columns;
    }
    assert_eq!(kernel.params_len(), start);
    assert_eq!(kernel.sizes(), sizes);
    assert_eq!(
        (kernel.input_len(), kernel.output_len()),
        (shapes.input, shapes.output),
        "{}",
        spec.name
    );
    for (i, carried) in spec.carried.iter().enumerate() {
        let expected = shapes
            .carried
            .iter()
            .find(|(name, _)| *name == carried.name)
            .map(|c| c.1);
        assert_eq!(
            Some(kernel.carried_len(i)),
            expected,
            "{} {}",
            spec.name,
            carried.name
        );
    }
}

#[test]
fn layouts_are_those_of_the_oracles() {
    check_layout::<cells::ElmanRnn, oracles::ElmanRnn>(&[2, 3]);
    check_layout::<cells::Lstm1997, oracles::Lstm1997>(&[2, 3, 4]);
    check_layout::<cells::Lstm1997Truncated, oracles::Lstm1997Truncated>(&[2, 3, 4]);
    check_layout::<cells::Lstm, oracles::Lstm>(&[2, 3]);
    check_layout::<cells::PeepholeLstm, oracles::PeepholeLstm>(&[2, 3, 4]);
    check_layout::<cells::Lstm2002Truncated, oracles::Lstm2002Truncated>(&[2, 3, 4]);
    check_layout::<cells::GruResetAfter, oracles::GruResetAfter>(&[2, 3]);
    check_layout::<cells::GruResetBefore, oracles::GruResetBefore>(&[2, 3]);
    check_layout::<cells::ProjectionLstm, oracles::ProjectionLstm>(&[2, 3, 4]);
    check_layout::<cells::ReluRnn, oracles::ReluRnn>(&[2, 3]);
}

/// The papers publish how many weights each network has; the topology must give exactly these counts.
#[test]
fn weight_counts_are_the_published_ones() {
    // Inputs, blocks, cells per block; are cell inputs biased; weights of the output layer; weights in the 1997 paper.
    let networks_of_1997 = [
        ([7, 4, 1], false, 7 * 4, 264), // experiment 1, four blocks of one cell; only gates have biases
        ([7, 3, 2], false, 7 * 6, 276), // experiment 1, three blocks of two
        ([1, 3, 1], true, 3, 102),      // experiment 3; the output has no bias
        ([2, 2, 2], true, 4 + 1, 93),   // experiments 4 and 5
        ([8, 2, 2], true, 4 * (4 + 1), 156), // experiment 6a
        ([8, 3, 2], true, 8 * (6 + 1), 308), // experiment 6b
    ];
    for (sizes, biased, output, published) in networks_of_1997 {
        let kernel =
            Kernel::<cells::Lstm1997Truncated, f64>::new(&sizes).expect("sizes above zero");
        let unused = if biased { 0 } else { sizes[1] * sizes[2] };
        assert_eq!(
            kernel.params_len() - unused + output,
            published,
            "{sizes:?}"
        );
    }
    // 2002: one input, one block of one cell, an output with bias: 17 weights.
    let kernel =
        Kernel::<cells::Lstm2002Truncated, f64>::new(&[1, 1, 1]).expect("sizes above zero");
    assert_eq!(kernel.params_len() + 2, 17);
}
