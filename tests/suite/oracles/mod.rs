//! Numerical oracles: every shipped cell once more, by hand, in f64, forwards and backwards through time.
//!
//! They are written from the papers' formulas as loops over one sequence of one sample and share nothing with the
//! compiler or the kernels. Each one is itself proved against central differences (see `self_check`).

mod elman_rnn;
mod gru_reset_after;
mod gru_reset_before;
mod lstm;
mod lstm_1997;
mod lstm_1997_truncated;
mod lstm_2002_truncated;
mod peephole_lstm;
mod projection_lstm;
mod relu_rnn;
mod self_check;

use std::collections::BTreeMap;

pub use elman_rnn::ElmanRnn;
pub use gru_reset_after::GruResetAfter;
pub use gru_reset_before::GruResetBefore;
pub use lstm::Lstm;
pub use lstm_1997::Lstm1997;
pub use lstm_1997_truncated::Lstm1997Truncated;
pub use lstm_2002_truncated::Lstm2002Truncated;
pub use peephole_lstm::PeepholeLstm;
pub use projection_lstm::ProjectionLstm;
pub use relu_rnn::ReluRnn;

/// Values of a quantity over time, one vector per step. Carried quantities start with their initial value, so that
/// index `t` is the value before step `t` and `t + 1` the value after it.
pub type History = Vec<Vec<f64>>;

/// Vectors by the ASCII name of their symbol.
pub type Named = BTreeMap<&'static str, Vec<f64>>;

/// The vectors and matrices of a cell at given sizes.
pub struct Shapes {
    /// Length of the input.
    pub input: usize,
    /// Length of the output.
    pub output: usize,
    /// Name, rows and columns of each parameter, in order of declaration.
    pub params: Vec<(&'static str, usize, usize)>,
    /// Name and length of each carried state.
    pub carried: Vec<(&'static str, usize)>,
}

/// One sequence of one sample, with everything that its results and its gradients depend on. The loss is
/// `sum(dy * y) + sum(dlast * last state)`.
#[derive(Clone)]
pub struct Sequence {
    /// One value per size, in order of declaration.
    pub sizes: Vec<usize>,
    /// Parameters, matrices column-major.
    pub params: Named,
    /// Inputs.
    pub x: History,
    /// Carried states before the first step.
    pub first: Named,
    /// Gradient of the loss with respect to the outputs.
    pub dy: History,
    /// Gradient of the loss with respect to the carried states after the last step.
    pub dlast: Named,
}

/// Gradients of the loss of a [`Sequence`].
pub struct Gradients {
    /// With respect to the parameters.
    pub params: Named,
    /// With respect to the inputs.
    pub x: History,
    /// With respect to the carried states before the first step.
    pub first: Named,
}

/// A cell by hand.
pub trait Oracle {
    /// Every value of a forward pass that the backward pass needs.
    type Trace;

    /// The vectors and matrices of the cell.
    fn shapes(sizes: &[usize]) -> Shapes;

    /// Runs the sequence.
    fn forward(q: &Sequence) -> Self::Trace;

    /// Runs the sequence, where every value that a truncated cell does not differentiate is taken from `base`: the
    /// function whose exact gradient a truncated rule is. Full cells differentiate everything.
    fn frozen(q: &Sequence, _base: &Self::Trace) -> Self::Trace {
        Self::forward(q)
    }

    /// The histories of the carried states; all start with the initial value.
    fn carried(trace: &Self::Trace) -> Vec<(&'static str, &History)>;

    /// The history of the output; it starts with the initial value, as every shipped cell carries its output.
    fn output(trace: &Self::Trace) -> &History;

    /// The gradients of the loss by the papers' error signals.
    fn backward(q: &Sequence, trace: &Self::Trace) -> Gradients;
}

impl Gradients {
    /// Zero gradients for a sequence.
    fn zero(q: &Sequence) -> Self {
        Gradients {
            params: q
                .params
                .iter()
                .map(|(&name, v)| (name, vec![0.0; v.len()]))
                .collect(),
            x: q.x.iter().map(|x| vec![0.0; x.len()]).collect(),
            first: Named::new(),
        }
    }

    /// Adds what one product `w @ v` contributes when its result has the error `delta`: `dw += delta v'`.
    fn product(&mut self, w: &str, delta: &[f64], v: &[f64]) {
        let dw = self.params.get_mut(w).expect("a parameter of the cell");
        for (k, v) in v.iter().enumerate() {
            for (r, d) in delta.iter().enumerate() {
                dw[r + delta.len() * k] += d * v;
            }
        }
    }

    /// Adds the contribution of an input product `w @ x[t]` to `dw` and to `dx[t]`.
    fn input(&mut self, q: &Sequence, w: &str, delta: &[f64], t: usize) {
        self.product(w, delta, &q.x[t]);
        add(&mut self.x[t], &transposed(&q.params[w], delta));
    }

    /// Adds to the gradient of a vector parameter.
    fn vector(&mut self, name: &str, d: &[f64]) {
        add(
            self.params.get_mut(name).expect("a parameter of the cell"),
            d,
        );
    }
}

/// `w v` for a column-major matrix.
fn times(w: &[f64], v: &[f64]) -> Vec<f64> {
    let rows = w.len() / v.len();
    (0..rows)
        .map(|r| v.iter().enumerate().map(|(k, v)| w[r + rows * k] * v).sum())
        .collect()
}

/// `w' d` for a column-major matrix.
fn transposed(w: &[f64], d: &[f64]) -> Vec<f64> {
    w.chunks(d.len())
        .map(|column| column.iter().zip(d).map(|(w, d)| w * d).sum())
        .collect()
}

/// The sum of vectors, element by element.
fn sum(terms: &[&[f64]]) -> Vec<f64> {
    (0..terms[0].len())
        .map(|k| terms.iter().map(|v| v[k]).sum())
        .collect()
}

/// `to += v`, element by element.
fn add(to: &mut [f64], v: &[f64]) {
    to.iter_mut().zip(v).for_each(|(to, v)| *to += v);
}

/// The logistic function.
fn logistic(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// The logistic function of each element.
fn logistics(a: &[f64]) -> Vec<f64> {
    a.iter().map(|&a| logistic(a)).collect()
}
