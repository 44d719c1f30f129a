//! One step of each operator.

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use lstm_kernels::{Element, State};

use super::super::operator::Operator;
use super::General;
use crate::layers::room;

impl<T: Element> General<T> {
    /// One step of as many samples as `state` has; `net` holds the products with the input.
    pub(super) fn step(
        &self,
        net: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        memory: [&mut Mat<T>; 2],
    ) {
        let [recurrent, reset] = memory;
        let recurrent = room(recurrent, self.rows(), net.ncols());
        match self.operator {
            Operator::Rnn => self.step_rnn(net, state, recurrent),
            Operator::Gru => {
                let reset = room(reset, self.units, net.ncols());
                self.step_gru(net, state, recurrent, reset);
            }
            Operator::Lstm => self.step_lstm(net, state, recurrent),
        }
        let mut y = y;
        y.copy_from(state.get(self.carried() - 1));
    }

    fn step_rnn(&self, net: MatRef<'_, T>, state: &mut State<T>, mut recurrent: MatMut<'_, T>) {
        self.multiply(recurrent.rb_mut(), 0, state.get(0));
        let mut h = state.get_mut(0);
        for b in 0..net.ncols() {
            for n in 0..self.units {
                let a = self.sum(&[
                    net[(n, b)],
                    recurrent[(n, b)],
                    self.w_bias[n],
                    self.r_bias[n],
                ]);
                h[(n, b)] = T::from_f64(self.gate(0, a));
            }
        }
    }

    /// Gates in the order z, r, h. `reset` has room for the state.
    fn step_gru(
        &self,
        net: MatRef<'_, T>,
        state: &mut State<T>,
        mut recurrent: MatMut<'_, T>,
        mut reset: MatMut<'_, T>,
    ) {
        let units = self.units;
        self.multiply(recurrent.rb_mut(), 0, state.get(0));
        let sum = |recurrent: MatRef<'_, T>, row: usize, b: usize| {
            self.sum(&[
                net[(row, b)],
                recurrent[(row, b)],
                self.w_bias[row],
                self.r_bias[row],
            ])
        };
        if !self.rule.linear_before_reset {
            let h = state.get(0);
            for b in 0..net.ncols() {
                for n in 0..units {
                    let r = self.gate(0, sum(recurrent.rb(), units + n, b));
                    reset[(n, b)] = T::from_f64(r * h[(n, b)].to_f64());
                }
            }
        }
        let (z_r, mut candidate) = recurrent.split_at_row_mut(2 * units);
        if !self.rule.linear_before_reset {
            self.multiply(candidate.rb_mut(), 2 * units, reset.rb());
        }
        let mut h = state.get_mut(0);
        for b in 0..net.ncols() {
            for n in 0..units {
                let row = 2 * units + n;
                let (from_input, from_state) = (
                    self.sum(&[net[(row, b)], self.w_bias[row]]),
                    self.sum(&[candidate[(n, b)], self.r_bias[row]]),
                );
                let from_state = match self.rule.linear_before_reset {
                    true => self.gate(0, sum(z_r.rb(), units + n, b)) * from_state,
                    false => from_state,
                };
                let z = self.gate(0, sum(z_r.rb(), n, b));
                let new = self.gate(1, from_input + from_state);
                h[(n, b)] = T::from_f64((1.0 - z) * new + z * h[(n, b)].to_f64());
            }
        }
    }

    /// Gates in the order i, o, f, c. The clip does not reach the last activation, that of the cell: the specification
    /// can be read either way, and so does ONNX Runtime.
    fn step_lstm(&self, net: MatRef<'_, T>, state: &mut State<T>, mut recurrent: MatMut<'_, T>) {
        let units = self.units;
        self.multiply(recurrent.rb_mut(), 0, state.get(1));
        for b in 0..net.ncols() {
            for n in 0..units {
                let sum = |gate: usize| {
                    let row = gate * units + n;
                    self.sum(&[
                        net[(row, b)],
                        recurrent[(row, b)],
                        self.w_bias[row],
                        self.r_bias[row],
                    ])
                };
                let peephole = |gate: usize, c: f64| match self.peepholes.get(gate * units + n) {
                    Some(weight) => weight.to_f64() * c,
                    None => 0.0,
                };
                let before = state.get(0)[(n, b)].to_f64();
                let i = self.gate(0, sum(0) + peephole(0, before));
                let f = match self.rule.input_forget {
                    true => 1.0 - i,
                    false => self.gate(0, sum(2) + peephole(2, before)),
                };
                let c = f * before + i * self.gate(1, sum(3));
                let o = self.gate(0, sum(1) + peephole(1, c));
                state.get_mut(0)[(n, b)] = T::from_f64(c);
                state.get_mut(1)[(n, b)] = T::from_f64(o * self.activations[2].at(c));
            }
        }
    }

    /// The product of the rows of R from `first` on with a state.
    fn multiply(&self, product: MatMut<'_, T>, first: usize, state: MatRef<'_, T>) {
        let r = MatRef::from_column_major_slice(&self.r, self.rows(), self.units);
        let r = r.subrows(first, product.nrows());
        matmul(
            product,
            Accum::Replace,
            r,
            state,
            T::from_f64(1.0),
            Par::Seq,
        );
    }

    fn sum(&self, terms: &[T]) -> f64 {
        terms.iter().map(|term| term.to_f64()).sum()
    }

    /// An activation on a net input, which is clipped first.
    fn gate(&self, function: usize, net: f64) -> f64 {
        let net = match self.rule.clip {
            Some(clip) => net.clamp(-clip, clip),
            None => net,
        };
        self.activations[function].at(net)
    }
}
