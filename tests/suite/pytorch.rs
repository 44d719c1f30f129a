//! The cells that PyTorch also has, against numbers of PyTorch: outputs, last states and all gradients.

use lstm_kernels::{Cell, Kernel, cells};

use crate::passes::{self, Problem};
use crate::pytorch_values::{self as values, Reference};

const INPUTS: usize = 3;
const UNITS: usize = 4;
const PROJECTED: usize = 2;
const STEPS: usize = 3;
const BATCH: usize = 2;

/// Largest difference allowed, relative to a component's size or to 1. Both sides round in f64, in different order,
/// sums of at most a few dozen terms of size below 1.
const TOLERANCE: f64 = 1e-12;

/// The phases of [`fill`], in the snippet's order.
const PHASES: [&str; 11] = [
    "w_ih", "w_hh", "b_ih", "b_hh", "w_hr", "x", "h", "c", "loss_y", "loss_h", "loss_c",
];

/// A parameter of a cell: its name, the tensors of PyTorch whose sum it is, and the block of rows it is there.
type Part = (&'static str, &'static [&'static str], usize);

/// Element `k` of a tensor, in row-major order: the snippet's formula.
fn element(tensor: &str, k: usize) -> f64 {
    let phase = 1 + PHASES
        .iter()
        .position(|name| *name == tensor)
        .expect("a tensor of the snippet");
    0.5 * (0.7 * k as f64 + phase as f64).sin()
}

fn fill(tensor: &str, len: usize) -> Vec<f64> {
    (0..len).map(|k| element(tensor, k)).collect()
}

fn find(list: &[(&str, &'static [f64])], name: &str) -> &'static [f64] {
    list.iter()
        .find(|(n, _)| *n == name)
        .unwrap_or_else(|| panic!("PyTorch gave no {name}"))
        .1
}

fn close(what: &str, got: f64, expected: f64) {
    let fits = (got - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
    assert!(fits, "{what}: {got}, PyTorch says {expected}");
}

/// Compares a cell with PyTorch. `states` gives PyTorch's name of each carried state. A sequence or a state in
/// PyTorch's row-major order with features last is, number by number, a column-major matrix with features first.
fn check<C: Cell>(sizes: &[usize], parts: &[Part], states: &[(&str, &str)], reference: &Reference) {
    let kernel = Kernel::<C, f64>::new(sizes).expect("sizes above zero");
    let mut params = vec![0.0; kernel.params_len()];
    let mut expected = vec![f64::NAN; kernel.params_len()];
    for &(name, tensors, block) in parts {
        let i = C::SPEC
            .params
            .iter()
            .position(|p| p.name == name)
            .expect("a parameter of the cell");
        let (rows, columns) = kernel.param_shape(i);
        let range = kernel.param_range(i);
        for r in 0..rows {
            for c in 0..columns {
                let there = (block * rows + r) * columns + c;
                let here = range.start + r + rows * c;
                params[here] = tensors.iter().map(|tensor| element(tensor, there)).sum();
                expected[here] = find(reference.gradients, tensors[0])[there];
            }
        }
    }
    let theirs: Vec<&str> = C::SPEC
        .carried
        .iter()
        .map(|carried| {
            states
                .iter()
                .find(|(ours, _)| *ours == carried.name)
                .expect("every carried state is listed")
                .1
        })
        .collect();
    let carried = |prefix: &str| -> Vec<Vec<f64>> {
        let lens = (0..theirs.len()).map(|i| kernel.carried_len(i) * BATCH);
        theirs
            .iter()
            .zip(lens)
            .map(|(name, len)| fill(&format!("{prefix}{name}"), len))
            .collect()
    };
    let problem = Problem {
        batch: BATCH,
        params,
        x: fill("x", INPUTS * STEPS * BATCH),
        first: carried(""),
        dy: fill("loss_y", kernel.output_len() * STEPS * BATCH),
        dlast: carried("loss_"),
    };
    let (outputs, gradients) = passes::train(&kernel, &problem);
    let compare = |what: &str, got: &[f64], expected: &[f64]| {
        assert_eq!(got.len(), expected.len(), "length of {what}");
        got.iter()
            .zip(expected)
            .enumerate()
            .for_each(|(k, (&g, &e))| close(&format!("{what}[{k}]"), g, e));
    };
    compare("y", &outputs.y, find(reference.results, "y"));
    compare(
        "gradient of x",
        &gradients.x,
        find(reference.gradients, "x"),
    );
    for (i, name) in theirs.iter().enumerate() {
        compare(
            &format!("last {name}"),
            &outputs.last[i],
            find(reference.results, name),
        );
        compare(
            &format!("gradient of first {name}"),
            &gradients.first[i],
            find(reference.gradients, name),
        );
    }
    compare("gradient of the parameters", &gradients.params, &expected);
}

/// LSTM gates are in PyTorch's order i, f, g, o; PyTorch adds two biases.
const LSTM: [Part; 12] = [
    ("w_i", &["w_ih"], 0),
    ("w_f", &["w_ih"], 1),
    ("w_g", &["w_ih"], 2),
    ("w_o", &["w_ih"], 3),
    ("u_i", &["w_hh"], 0),
    ("u_f", &["w_hh"], 1),
    ("u_g", &["w_hh"], 2),
    ("u_o", &["w_hh"], 3),
    ("beta_i", &["b_ih", "b_hh"], 0),
    ("beta_f", &["b_ih", "b_hh"], 1),
    ("beta_g", &["b_ih", "b_hh"], 2),
    ("beta_o", &["b_ih", "b_hh"], 3),
];

/// Matrices of the GRU are in PyTorch's order r, z, n.
const GRU_MATRICES: [Part; 6] = [
    ("w_r", &["w_ih"], 0),
    ("w_z", &["w_ih"], 1),
    ("w_n", &["w_ih"], 2),
    ("u_r", &["w_hh"], 0),
    ("u_z", &["w_hh"], 1),
    ("u_n", &["w_hh"], 2),
];

#[test]
fn elman_rnn_is_nn_rnn() {
    let parts: [Part; 3] = [
        ("w", &["w_ih"], 0),
        ("u", &["w_hh"], 0),
        ("beta", &["b_ih", "b_hh"], 0),
    ];
    check::<cells::ElmanRnn>(&[INPUTS, UNITS], &parts, &[("h", "h")], &values::RNN);
}

#[test]
fn lstm_is_nn_lstm() {
    check::<cells::Lstm>(
        &[INPUTS, UNITS],
        &LSTM,
        &[("h", "h"), ("c", "c")],
        &values::LSTM,
    );
}

#[test]
fn projection_lstm_is_nn_lstm_with_proj_size() {
    let parts = [&LSTM[..], &[("p", &["w_hr"], 0)]].concat();
    let sizes = [INPUTS, UNITS, PROJECTED];
    check::<cells::ProjectionLstm>(
        &sizes,
        &parts,
        &[("r", "h"), ("c", "c")],
        &values::LSTM_PROJ,
    );
}

#[test]
fn gru_reset_after_is_nn_gru() {
    let biases: [Part; 4] = [
        ("beta_r", &["b_ih", "b_hh"], 0),
        ("beta_z", &["b_ih", "b_hh"], 1),
        ("beta_n", &["b_ih"], 2),
        ("beta_u", &["b_hh"], 2),
    ];
    let parts = [&GRU_MATRICES[..], &biases].concat();
    check::<cells::GruResetAfter>(&[INPUTS, UNITS], &parts, &[("h", "h")], &values::GRU);
}

#[test]
fn gru_reset_before_is_its_equations_in_torch() {
    let biases: [Part; 3] = [
        ("beta_r", &["b_ih"], 0),
        ("beta_z", &["b_ih"], 1),
        ("beta_n", &["b_ih"], 2),
    ];
    let parts = [&GRU_MATRICES[..], &biases].concat();
    check::<cells::GruResetBefore>(
        &[INPUTS, UNITS],
        &parts,
        &[("h", "h")],
        &values::GRU_RESET_BEFORE,
    );
}
