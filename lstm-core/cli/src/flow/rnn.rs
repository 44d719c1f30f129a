//! Simple recurrent networks: the scaling factors of their error signals, by kernels and by theory.

use faer::{Mat, MatRef};
use lstm_core::cells::{ElmanRnn, ReluRnn};
use lstm_core::{Cell, CellSpec, Recurrent};
use serde::Serialize;

use super::theory::Network;
use super::travel::{Trajectory, travel};
use crate::failure::Failure;
use crate::larger::larger;

lstm_core::cell! {
    /// Simple recurrent network of logistic units, as the analysis of vanishing errors takes it.
    ///
    /// Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8), section 3.1.
    pub cell LogisticRnn {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        param  beta: [N];

        a[t] = W @ x[t] + U @ h[t-1] + beta;
        h[t] = sigmoid(a[t]);
        output h;

        errors {
            eps of h   = upstream(h) + U.T @ theta[t+1];
            theta of a = dsigmoid(a) * eps;
        }
    }
}

/// The matrix of the recurrent weights, in every simple recurrent network.
const RECURRENT: &str = "u";

/// At most so many products go into the sums over paths of one q.
const MOST_PATHS: f64 = 300_000.0;

/// The slope f'(net) of a unit, by its activation.
#[derive(Clone, Copy)]
pub struct SimpleRnn(fn(f64) -> f64);

impl SimpleRnn {
    /// The simple recurrent network behind a cell, if it is one.
    pub fn of(spec: &CellSpec) -> Option<Self> {
        match spec.name {
            name if name == ElmanRnn::SPEC.name => Some(Self(|h| (1.0 - h) * (1.0 + h))),
            name if name == ReluRnn::SPEC.name => Some(Self(|h| f64::from(u8::from(h > 0.0)))),
            name if name == LogisticRnn::SPEC.name => Some(Self(|h| h * (1.0 - h))),
            _ => None,
        }
    }

    /// Sends a unit error signal back from the net input of every unit, through the kernels. `arrives` gets q and all
    /// factors ∂ϑ_v(t-q)/∂ϑ_u(t), v in the rows and u in the columns. Returns how well theory agrees.
    ///
    /// ϑ_u = 1 at time t is, one step earlier, an error of w_uv for the activation of unit v. From there the kernels carry it
    /// on; the slope of the unit where it arrives makes an error signal of the net input again.
    pub fn travel<C: Cell>(
        self,
        layer: &Recurrent<C, f64>,
        trajectory: &Trajectory,
        mut arrives: impl FnMut(usize, MatRef<'_, f64>),
    ) -> Result<Agreement, Failure> {
        let weights = layer.param(RECURRENT)?;
        let units = weights.nrows();
        let mut error = layer.zero_state(units)?;
        error.get_mut(0).copy_from(weights.transpose());
        let mut comparison = Comparison::new(weights);
        let mut arrived = |q: usize, error: MatRef<'_, f64>, trajectory: &Trajectory| {
            let activations = trajectory.state(q).get(0);
            let slopes: Vec<f64> = (0..units).map(|v| (self.0)(activations[(v, 0)])).collect();
            let factors = Mat::from_fn(units, units, |v, u| slopes[v] * error[(v, u)]);
            comparison.compare(q, factors.as_ref(), slopes);
            arrives(q, factors.as_ref());
        };
        arrived(1, error.get(0), trajectory);
        let shorter = trajectory.without_last();
        travel(layer, &shorter, &mut error, |back, error| {
            arrived(back + 1, error.get(0), trajectory);
        })?;
        Ok(comparison.agreement)
    }
}

/// How far the factors of the kernels are from those of the formulas, at most over all units and steps, in parts of
/// the sum of the absolute values of all paths; no number where a factor is none.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Agreement {
    /// Steps that were compared with the recursion: all that floating-point numbers can represent.
    pub recursion_steps: usize,
    /// The largest difference from the recursion.
    pub recursion: f64,
    /// Steps that were compared with the sum over all paths, of which there are too many further back.
    pub path_steps: usize,
    /// The largest difference from the sum over all paths.
    pub paths: f64,
}

/// Follows the recursion beside the kernels.
struct Comparison {
    network: Network,
    absolute: Network,
    factors: Option<Mat<f64>>,
    scale: Option<Mat<f64>>,
    agreement: Agreement,
}

impl Comparison {
    fn new(weights: MatRef<'_, f64>) -> Self {
        let network = Network::new(weights);
        Self {
            absolute: network.absolute(),
            network,
            factors: None,
            scale: None,
            agreement: Agreement::default(),
        }
    }

    fn compare(&mut self, q: usize, kernels: MatRef<'_, f64>, slopes: Vec<f64>) {
        self.network.push(slopes.clone());
        self.absolute.push(slopes);
        let factors = self.network.recursion(q, self.factors.as_ref());
        let scale = self.absolute.recursion(q, self.scale.as_ref());
        let all = (0..kernels.ncols()).flat_map(|u| (0..kernels.nrows()).map(move |v| (v, u)));
        // Where numbers overflow or lose digits at the small end, rounding is no longer relative. Without any path
        // there is nothing to round.
        let comparable =
            |at: (usize, usize)| scale[at] == 0.0 || (scale[at] > 1e-280 && scale[at].is_finite());
        let difference = |other: &dyn Fn((usize, usize)) -> f64| {
            all.clone()
                .filter(|&at| comparable(at))
                .map(|at| (kernels[at] - other(at)).abs() / scale[at].max(f64::MIN_POSITIVE))
                .fold(0.0, larger)
        };
        if all.clone().any(comparable) {
            self.agreement.recursion_steps = q;
            self.agreement.recursion =
                larger(self.agreement.recursion, difference(&|at| factors[at]));
            if (self.network.units() as f64).powi(q as i32 + 1) <= MOST_PATHS {
                let paths = difference(&|(v, u)| self.network.sum_over_paths(q, v, u));
                self.agreement.path_steps = q;
                self.agreement.paths = larger(self.agreement.paths, paths);
            }
        }
        self.factors = Some(factors);
        self.scale = Some(scale);
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;

    use super::*;
    use crate::flow::inputs::noise;

    /// Kernels, recursion and sum over paths are the same numbers in exact arithmetic. In f64 a step adds a few roundings
    /// for each of its terms, and a slope 1 - h² loses as many digits as h is close to 1: 12 steps of 3 units stay
    /// below 1e-13 of the sum of the absolute values.
    fn agrees<C: Cell>(scale: f64) {
        let mut rng = Rng::new(11);
        let mut layer = Recurrent::<C, f64>::new(&[2, 3], &mut rng).unwrap();
        // Biases of 1 keep the rectified units alive.
        layer.edit_param("beta", |mut bias| bias.fill(1.0)).unwrap();
        layer
            .edit_param(RECURRENT, |u| {
                u.col_iter_mut()
                    .for_each(|column| column.iter_mut().for_each(|value| *value *= scale));
            })
            .unwrap();
        let x = noise(2, 20, &mut rng);
        let trajectory = Trajectory::follow(&layer, x.as_ref(), 8).unwrap();
        let rnn = SimpleRnn::of(&C::SPEC).unwrap();
        let mut sizes = Vec::new();
        let agreement = rnn
            .travel(&layer, &trajectory, |_, factors| {
                sizes.push(factors.norm_max())
            })
            .unwrap();
        assert_eq!(sizes.len(), 12);
        assert!(
            sizes[0] > 0.0,
            "an error that never travels agrees with anything"
        );
        assert_eq!(agreement.recursion_steps, 12, "{}", C::SPEC.name);
        assert!(agreement.path_steps >= 9, "{agreement:?}");
        assert!(agreement.recursion < 1e-13, "{agreement:?}");
        assert!(agreement.paths < 1e-13, "{agreement:?}");
    }

    #[test]
    fn a_factor_that_is_no_number_does_not_agree() {
        let weights = Mat::from_fn(2, 2, |v, u| 0.5 + (v + 2 * u) as f64);
        let slopes = vec![0.5; 2];
        let mut comparison = Comparison::new(weights.as_ref());
        let mut network = Network::new(weights.as_ref());
        network.push(slopes.clone());
        let mut factors = network.recursion(1, None);
        // The first of the factors: a number would be larger than any that follows it.
        factors[(0, 0)] = f64::NAN;
        comparison.compare(1, factors.as_ref(), slopes);
        let Agreement {
            recursion, paths, ..
        } = comparison.agreement;
        assert!(recursion.is_nan() && paths.is_nan(), "{recursion} {paths}");
    }

    #[test]
    fn kernels_recursion_and_paths_agree() {
        for scale in [0.5, 1.0, 3.0] {
            agrees::<ElmanRnn>(scale);
            agrees::<LogisticRnn>(scale);
        }
        agrees::<ReluRnn>(1.0);
    }

    /// The logistic slope is at most 1/4. With every |w| < 4 and one unit each factor stays below 1, so the product over q
    /// steps is below (|w| / 4)^q, whatever the input.
    #[test]
    fn below_four_the_logistic_vanishes() {
        let mut rng = Rng::new(2);
        let mut layer = Recurrent::<LogisticRnn, f64>::new(&[1, 1], &mut rng).unwrap();
        layer.edit_param(RECURRENT, |mut u| u.fill(3.9)).unwrap();
        layer
            .edit_param("beta", |mut beta| beta.fill(-1.95))
            .unwrap();
        let x = noise(1, 60, &mut rng);
        let trajectory = Trajectory::follow(&layer, x.as_ref(), 10).unwrap();
        let rnn = SimpleRnn::of(&LogisticRnn::SPEC).unwrap();
        rnn.travel(&layer, &trajectory, |q, factors| {
            let (factor, bound) = (factors[(0, 0)], (3.9_f64 / 4.0).powi(q as i32));
            assert!(0.0 < factor && factor < bound, "{q}: {factor} {bound}");
        })
        .unwrap();
    }
}
