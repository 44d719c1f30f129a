//! Counts by hand, against those of the compiler.

use lstm_kernels::cells::{Lstm, PeepholeLstm};
use lstm_kernels::{Kernel, Width};

use super::*;
use crate::random::Rng;

/// Inputs, units and cells per block: all different, units no multiple of any register.
const D: u64 = 5;
const H: u64 = 11;
const C: u64 = 3;

fn lstm() -> Explanation {
    let kernel = Kernel::with_width(&[D as usize, H as usize], Width::Scalar).unwrap();
    Recurrent::<Lstm, f32>::with_kernel(kernel)
        .unwrap()
        .explain()
}

#[test]
fn an_lstm_costs_what_counting_by_hand_says() {
    let lstm = lstm();
    // Four gates, each with a matrix for the input and one for the output of the step before.
    assert_eq!(lstm.forward.products, 2 * 4 * H * (D + H));
    // Per unit: 4 biases, 3 sigmoids and 2 tanh, f * c + i * g, o * tanh(c).
    assert_eq!(lstm.forward.elementwise, (4 + 5 + 3 + 1) * H);
    // Uᵀ δ for the step before, and the gradients of all eight matrices.
    assert_eq!(lstm.backward.products, 2 * 4 * H * H + 2 * 4 * H * (D + H));
    // Per unit: ε_h = upstream + (products + gradient of the final state): 2; with f' = v - v² and tanh' = 1 - v² as two
    // operations each, δ_o, δ_g, δ_f and δ_i: 4 each; ε_c = o * tanh'(c) * ε_h + carry: 2 + 2 + 1; the carry f * ε_c: 1;
    // four sums for the biases.
    assert_eq!(lstm.backward.elementwise, (2 + 4 * 4 + 5 + 1 + 4) * H);
    // Wᵀ δ for the four gates.
    assert_eq!(lstm.input_gradient.products, 2 * 4 * H * D);
    assert_eq!(lstm.forward.operations(), 2 * 4 * H * (D + H) + 13 * H);

    assert_eq!(lstm.params_len as u64, 4 * H * (D + H + 1));
    assert_eq!(lstm.forward.weight_bytes, 4 * 4 * H * (D + H + 1));
    assert_eq!(lstm.backward.weight_bytes, 4 * (4 * H * H + 4 * H));
    // i, f, g, o, c, tanh(c) and h, which scalar registers need not fill up; δ of four gates, of 16 units at a time.
    assert_eq!(lstm.tape_bytes, 4 * (7 * H + 4 * H.next_multiple_of(16)));
}

#[test]
fn a_peephole_lstm_costs_what_counting_by_hand_says() {
    let layer = Recurrent::<PeepholeLstm, f64>::new(
        &[D as usize, H as usize, C as usize],
        &mut Rng::new(1),
    );
    let lstm = layer.unwrap().explain();
    // Three gates per block and a cell input per cell, each from the input and from all cells.
    assert_eq!(lstm.forward.products, 2 * (3 + C) * H * (D + H * C));
    // Per block: for each gate the bias, the peepholes' sum added, a sigmoid. Per cell: three peepholes; the bias, tanh(a_c),
    // b_φ * s + b_ι * tanh(a_c), tanh(s), b_ω * tanh(s). A sum of C cells is C - 1 additions, for three gates.
    let (block, cell, sums) = (3 * 3, 3 + 1 + 1 + 3 + 1 + 1, 3 * (C - 1));
    assert_eq!(lstm.forward.elementwise, (block + cell * C + sums) * H);
    let transposed = 2 * (3 + C) * H * H * C;
    assert_eq!(lstm.backward.products, transposed + lstm.forward.products);
    // Per block: each gate's error is f' (two operations) times a sum over cells (one), and is summed for its bias.
    let block = 3 * (2 + 1 + 1);
    // Per cell: ε_c = upstream + (products + gradient of the final state): 2. tanh(s) * ε_c, s * ε_s and tanh(a_c) * ε_s
    // below the gates' sums: 3. ε_s = b_ω * tanh'(s) * ε_c (4) + p_ω * δ_ω (2) + carry (1). The carry
    // b_φ * ε_s + p_ι * δ_ι + p_φ * δ_φ: 5. δ_c = b_ι * tanh'(a_c) * ε_s: 4, and its bias' sum: 1. The gradients of the
    // peepholes: a product and a sum each.
    let cell = 2 + 3 + 4 + 2 + 1 + 5 + 4 + 1 + 3 * 2;
    assert_eq!(lstm.backward.elementwise, (block + cell * C + sums) * H);
    assert_eq!(lstm.input_gradient.products, 2 * (3 + C) * H * D);
}

#[test]
fn every_kernel_reports_what_its_tape_fills() {
    // On every width: units are filled up to registers, and to 16 for errors.
    for width in Width::available() {
        let kernel = Kernel::<PeepholeLstm, f32>::with_width(&[5, 11, 3], width).unwrap();
        let layer = Recurrent::with_kernel(kernel).unwrap();
        let explanation = layer.explain();
        let padded = 11_u64.next_multiple_of(width.lanes::<f32>() as u64);
        // b_ι, b_φ, b_ω per block, tanh(a_c), s, tanh(s), b per cell; errors of three gates and of the cell inputs.
        assert_eq!(
            explanation.tape_bytes,
            4 * (padded * (3 + 4 * 3) + 16 * (3 + 3)),
            "{width:?}"
        );
        // So much do real tapes differ, whose steps are odd; both are longer than the scratch for the gradients of matrices, which
        // grows to 1024 steps and samples.
        let (short, long) = (
            layer.tape(601, 2).unwrap().bytes(),
            layer.tape(709, 2).unwrap().bytes(),
        );
        let growth = explanation.tape_bytes * 108 * 2;
        assert_eq!((long - short) as u64, growth, "{width:?}");
    }
}

#[test]
fn the_page_is_complete_and_aligned() {
    let expected = "\
Lstm: LSTM with forget gate, without peepholes: the form most libraries call LSTM; full BPTT.
  sizes           I = 5, N = 11
  input           x [5]
  output          h [11]
  carried         c [11], h [11]
  numbers         f32, SIMD width scalar

Equations
  a_i[t] = W_i @ x[t] + U_i @ h[t-1] + β_i
  i[t]   = sigmoid(a_i[t])
  a_f[t] = W_f @ x[t] + U_f @ h[t-1] + β_f
  f[t]   = sigmoid(a_f[t])
  a_g[t] = W_g @ x[t] + U_g @ h[t-1] + β_g
  g[t]   = tanh(a_g[t])
  a_o[t] = W_o @ x[t] + U_o @ h[t-1] + β_o
  o[t]   = sigmoid(a_o[t])
  c[t]   = f[t] * c[t-1] + i[t] * g[t]
  h[t]   = o[t] * tanh(c[t])

Parameters
  W_i  w_i      11 x 5   55
  W_f  w_f      11 x 5   55
  W_g  w_g      11 x 5   55
  W_o  w_o      11 x 5   55
  U_i  u_i     11 x 11  121
  U_f  u_f     11 x 11  121
  U_g  u_g     11 x 11  121
  U_o  u_o     11 x 11  121
  β_i  beta_i       11   11
  β_f  beta_f       11   11
  β_g  beta_g       11   11
  β_o  beta_o       11   11
       total            748

Floating-point operations for each step and sample
                               in products  element by element          together
  forward                             1408                 143              1551
  backward                            2376                 308              2684
  gradient of the input                440                   0               440

Bytes
  weights read by a step forward                2992
  weights read by a step backward               2112
  tape, for each step and sample                 564
  the tape holds  i [11], f [11], g [11], o [11], c [11], tanh_c [11], h [11]
  and, backward   δ_i [11], δ_f [11], δ_g [11], δ_o [11]
";
    // The numbers are those counted by hand above.
    assert_eq!(lstm().to_string(), expected);
}

#[test]
fn trained_initial_states_count_as_parameters() {
    let layer = Recurrent::<Lstm, f32>::new(&[D as usize, H as usize], &mut Rng::new(1));
    let lstm = layer.unwrap().with_trained_state().explain();
    assert_eq!(lstm.initial_len as u64, 2 * H);
    assert_eq!(lstm.params_len as u64, 4 * H * (D + H + 1) + 2 * H);
    let page = lstm.to_string();
    assert!(
        page.contains("initial states") && page.contains("770"),
        "{page}"
    );
}

#[test]
fn the_json_reads_back() {
    let lstm = lstm();
    let value: serde_json::Value = serde_json::from_str(&lstm.to_json()).unwrap();
    assert_eq!(value["cell"], "Lstm");
    assert_eq!(value["sizes"]["N"], 11);
    assert_eq!(value["forward"]["products"], lstm.forward.products);
    assert_eq!(value["params"][4]["symbol"], lstm.params[4].symbol);
    assert_eq!(
        value["params"].as_array().map(Vec::len),
        Some(lstm.params.len())
    );
    assert_eq!(
        value["equations"][8],
        "c[t]   = f[t] * c[t-1] + i[t] * g[t]"
    );
}
