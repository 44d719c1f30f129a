//! The scaling factor ∂ϑ_v(t-q)/∂ϑ_u(t) of a simple recurrent network, by the two formulas of the papers.
//!
//! Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8), section 3.1. There ϑ_j is the error
//! signal of the net input of unit j. It needs nothing but the recurrent weights and, for every step, the slopes f' of
//! the units.

use faer::{Mat, MatRef};

/// A simple recurrent network as an error signal meets it.
pub struct Network {
    /// The weight from unit v to unit u, in row u and column v.
    weights: Mat<f64>,
    /// `slopes[m - 1][v]` is f'_v(net_v(t - m)).
    slopes: Vec<Vec<f64>>,
}

impl Network {
    /// A network with these recurrent weights, as in `U @ h[t-1]`.
    pub fn new(weights: MatRef<'_, f64>) -> Self {
        Self {
            weights: weights.to_owned(),
            slopes: Vec::new(),
        }
    }

    /// The same with the absolute values of its weights. Its factors are the sums of the absolute values of all paths: what
    /// rounding is to be measured by.
    pub fn absolute(&self) -> Self {
        let (rows, columns) = self.weights.shape();
        let absolute = |slopes: &Vec<f64>| slopes.iter().map(|slope| slope.abs()).collect();
        Self {
            weights: Mat::from_fn(rows, columns, |u, v| self.weights[(u, v)].abs()),
            slopes: self.slopes.iter().map(absolute).collect(),
        }
    }

    /// Adds the slopes of the units one step further back.
    pub fn push(&mut self, slopes: Vec<f64>) {
        self.slopes.push(slopes);
    }

    /// How many units there are.
    pub fn units(&self) -> usize {
        self.weights.nrows()
    }

    /// The factors over q steps from those over q - 1 steps, by the recursion; entry (v, u) is ∂ϑ_v(t-q)/∂ϑ_u(t).
    ///
    /// With q = 1 it is f'_v(net_v(t-1)) w_uv, and further back f'_v(net_v(t-q)) Σ_l w_lv ∂ϑ_l(t-q+1)/∂ϑ_u(t).
    pub fn recursion(&self, q: usize, nearer: Option<&Mat<f64>>) -> Mat<f64> {
        let slopes = &self.slopes[q - 1];
        Mat::from_fn(self.units(), self.units(), |v, u| {
            let sum = match nearer {
                None => self.weights[(u, v)],
                Some(nearer) => (0..self.units())
                    .map(|l| self.weights[(l, v)] * nearer[(l, u)])
                    .sum(),
            };
            slopes[v] * sum
        })
    }

    /// The same factor as the sum over all n^(q-1) paths from unit u to unit v, with l_0 = u and l_q = v:
    /// Σ Π_m f'_{l_m}(net_{l_m}(t-m)) w, where w leads from l_m to l_{m-1}.
    pub fn sum_over_paths(&self, q: usize, v: usize, u: usize) -> f64 {
        self.paths_onward(1, q, v, u, 1.0)
    }

    /// Continues a path that stands at `unit` after m - 1 steps with this product of factors.
    fn paths_onward(&self, m: usize, q: usize, v: usize, unit: usize, product: f64) -> f64 {
        let onward = |next: usize| product * self.slopes[m - 1][next] * self.weights[(unit, next)];
        match m == q {
            true => onward(v),
            false => (0..self.units())
                .map(|next| self.paths_onward(m + 1, q, v, next, onward(next)))
                .sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One unit with the weight w and the slope f': both formulas give (f' w)^q. Powers of two are exact.
    #[test]
    fn one_unit_gives_a_power() {
        let mut network = Network::new(Mat::full(1, 1, 4.0).as_ref());
        let mut factor = None;
        for q in 1..=10 {
            network.push(vec![0.125]);
            factor = Some(network.recursion(q, factor.as_ref()));
            let expected = 0.5_f64.powi(q as i32);
            assert_eq!(factor.as_ref().map(|factor| factor[(0, 0)]), Some(expected));
            assert_eq!(network.sum_over_paths(q, 0, 0), expected);
        }
    }

    /// Two units, two steps, by hand: with unequal weights the directions cannot be mixed up.
    #[test]
    fn directions_are_those_of_the_weights() {
        // Row: to; column: from.
        let weights = faer::mat![[2.0, 3.0], [5.0, 7.0]];
        let mut network = Network::new(weights.as_ref());
        network.push(vec![11.0, 13.0]);
        network.push(vec![17.0, 19.0]);
        // From unit 1 at t to unit 0 at t-2, through unit 0 or unit 1 at t-1.
        let by_hand = 5.0 * 11.0 * 2.0 * 17.0 + 7.0 * 13.0 * 5.0 * 17.0;
        assert_eq!(network.sum_over_paths(2, 0, 1), by_hand);
        let once = network.recursion(1, None);
        assert_eq!(once[(0, 1)], 5.0 * 11.0);
        assert_eq!(network.recursion(2, Some(&once))[(0, 1)], by_hand);
    }
}
