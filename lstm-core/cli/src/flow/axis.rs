//! The logarithmic axis, in powers of ten.

use super::curve::Curve;
use crate::picture::scale::LABELS;

/// The axis shows no more than these powers: what lies beyond has exploded or vanished by any measure.
const MOST: (f64, f64) = (-12.0, 8.0);

/// The powers of ten between which curves are seen.
pub struct Axis {
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Axis {
    /// The axis for these numbers: whole powers around them, with 1 in view and no fewer than four powers. A 0 has no
    /// power, so that it does not stretch the axis.
    pub fn of<'a>(factors: impl Iterator<Item = &'a f64>) -> Self {
        let (mut low, mut high) = (-3.0_f64, 1.0_f64);
        for factor in factors {
            let exponent = factor.abs().log10();
            if !exponent.is_nan() && *factor != 0.0 {
                low = low.min(exponent.floor()).max(MOST.0);
                high = high.max(exponent.ceil()).min(MOST.1);
            }
        }
        Self { low, high }
    }

    /// The powers to label, 0 among them.
    pub fn ticks(&self) -> Vec<f64> {
        let (low, high) = (self.low as i32, self.high as i32);
        let stride = ((high - low) / LABELS as i32 + 1).max(1);
        (low..=high)
            .filter(|exponent| exponent % stride == 0)
            .map(f64::from)
            .collect()
    }

    /// The parts of a curve that are in view, as steps and powers of ten. Where a curve leaves the view it ends on its
    /// edge; where a factor is 0 or not a number it is interrupted.
    pub fn visible(&self, curve: &Curve) -> Vec<Vec<(f64, f64)>> {
        let mut pieces = vec![Vec::new()];
        let mut before: Option<(f64, f64)> = None;
        for (index, factor) in curve.factors.iter().enumerate() {
            let (step, exponent) = ((index + 1) as f64, factor.abs().log10());
            let inside = (self.low..=self.high).contains(&exponent);
            if let Some((last_step, last)) = before.filter(|_| exponent.is_finite()) {
                let edge = if exponent.min(last) < self.low {
                    self.low
                } else {
                    self.high
                };
                let was_inside = (self.low..=self.high).contains(&last);
                if inside != was_inside {
                    let part = (edge - last) / (exponent - last);
                    let crossing = (last_step + part * (step - last_step), edge);
                    pieces
                        .last_mut()
                        .into_iter()
                        .for_each(|piece| piece.push(crossing));
                }
            }
            match inside {
                true => pieces
                    .last_mut()
                    .into_iter()
                    .for_each(|piece| piece.push((step, exponent))),
                false if exponent.is_finite() && pieces.last().is_some_and(Vec::is_empty) => (),
                false => pieces.push(Vec::new()),
            }
            before = exponent.is_finite().then_some((step, exponent));
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    /// Where a curve ends, or the edge of the view beyond which it does.
    pub fn level(&self, curve: &Curve) -> f64 {
        let last = curve.factors.last().map_or(0.0, |factor| factor.abs());
        match last.is_nan() {
            true => self.low,
            false => last.log10().clamp(self.low, self.high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(factors: &[f64]) -> Curve {
        Curve {
            label: String::new(),
            cell: "Lstm",
            from: "c".to_owned(),
            to: "c".to_owned(),
            factors: factors.to_vec(),
            agreement: None,
        }
    }

    #[test]
    fn an_axis_holds_its_numbers_within_limits() {
        let of = |factors: &[f64]| {
            let axis = Axis::of(factors.iter());
            (axis.low, axis.high)
        };
        assert_eq!(of(&[]), (-3.0, 1.0));
        assert_eq!(of(&[2e-5, 300.0]), (-5.0, 3.0));
        assert_eq!(of(&[0.0, 0.5]), (-3.0, 1.0));
        assert_eq!(of(&[1e-200, 0.0, f64::NAN, f64::INFINITY]), MOST);
        let axis = Axis {
            low: -12.0,
            high: 8.0,
        };
        assert_eq!(
            axis.ticks(),
            (-6..=4)
                .map(|tick| 2.0 * f64::from(tick))
                .collect::<Vec<_>>()
        );
    }

    /// Crossings by hand: from 10^0 to 10^-6 the edge 10^-3 is half a step away.
    #[test]
    fn curves_end_on_the_edge_of_the_view() {
        let axis = Axis {
            low: -3.0,
            high: 1.0,
        };
        let near = |found: Vec<Vec<(f64, f64)>>, expected: &[&[(f64, f64)]]| {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (piece, expected) in found.iter().zip(expected) {
                assert_eq!(piece.len(), expected.len(), "{found:?}");
                for (point, expected) in piece.iter().zip(*expected) {
                    // Logarithms are rounded.
                    let off = (point.0 - expected.0).abs() + (point.1 - expected.1).abs();
                    assert!(off < 1e-12, "{found:?}");
                }
            }
        };
        near(
            axis.visible(&curve(&[1.0, 1e-6, 1.0])),
            &[&[(1.0, 0.0), (1.5, -3.0)], &[(2.5, -3.0), (3.0, 0.0)]],
        );
        near(
            axis.visible(&curve(&[1.0, 0.0, -0.1, 1e3])),
            &[&[(1.0, 0.0)], &[(3.0, -1.0), (3.5, 1.0)]],
        );
        near(axis.visible(&curve(&[0.0, 1e9, f64::NAN])), &[]);
    }
}
