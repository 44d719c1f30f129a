//! The state of an optimiser as named numbers and buffers, for checkpoints.

use faer::traits::math_utils::min_positive;
use lstm_kernels::Element;

use crate::error::{Error, Result, require_len, require_not_negative};
use crate::params::{Parameters, zeros};

/// Counters up to here are exact in an `f64`, as which they are saved.
pub(crate) const LARGEST_COUNT: u64 = 1 << 53;

/// What an optimiser has become by its steps; see [`Optimiser::state`](crate::optim::Optimiser::state).
///
/// The buffers are laid out like a gradient. They are empty before the first step, and where an option leaves them
/// unused.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimiserState<T> {
    /// The kind of optimiser, such as `adam`.
    pub optimiser: String,
    /// Named numbers: `rate`, and `steps` where steps are counted. Counters are exact up to 2^53.
    pub scalars: Vec<(String, f64)>,
    /// Named buffers, such as `mean` and `square`.
    pub buffers: Vec<(String, Vec<T>)>,
}

impl<T: Element> OptimiserState<T> {
    pub(crate) fn new(
        optimiser: &str,
        scalars: &[(&str, f64)],
        buffers: &[(&str, &Vec<T>)],
    ) -> Self {
        let named = |name: &str| name.to_owned();
        Self {
            optimiser: named(optimiser),
            scalars: (scalars.iter())
                .map(|&(name, value)| (named(name), value))
                .collect(),
            buffers: (buffers.iter())
                .map(|&(name, values)| (named(name), values.clone()))
                .collect(),
        }
    }

    /// The numbers and buffers under exactly these names, if this is the state of `optimiser` and holds no others. A
    /// number `rate` is a learning rate, every other one a counter.
    pub(crate) fn open<const S: usize, const B: usize>(
        &self,
        optimiser: &'static str,
        scalars: [&str; S],
        buffers: [&str; B],
    ) -> Result<([f64; S], [Vec<T>; B])> {
        let refuse = |reason: String| Error::OptimiserState { optimiser, reason };
        if self.optimiser != optimiser {
            return Err(refuse(format!("it is that of {}", self.optimiser)));
        }
        let held_scalars = self.scalars.iter().map(|(name, _)| name);
        let held_buffers = self.buffers.iter().map(|(name, _)| name);
        if !held_scalars.eq(&scalars) || !held_buffers.eq(&buffers) {
            let needed: Vec<_> = scalars.iter().chain(&buffers).copied().collect();
            return Err(refuse(format!("it must hold {}", needed.join(", "))));
        }
        for (name, value) in &self.scalars {
            require_not_negative("a number in the state of an optimiser", *value)?;
            if name != "rate" && (value.fract() != 0.0 || *value > LARGEST_COUNT as f64) {
                return Err(refuse(format!(
                    "its `{name}` is {value}, not a whole number up to 2^53"
                )));
            }
        }
        let lengths = || self.buffers.iter().map(|(_, values)| values.len());
        let mut filled = lengths().filter(|&length| length > 0);
        let first = filled.next();
        if filled.any(|length| Some(length) != first) {
            return Err(refuse("its buffers differ in length".to_owned()));
        }
        // Who counts steps has filled all buffers with the first.
        let has_stepped =
            (self.scalars.iter()).any(|(name, value)| name == "steps" && *value > 0.0);
        let empty = self.buffers.iter().find(|(_, values)| values.is_empty());
        if let (true, Some((name, _))) = (has_stepped, empty) {
            return Err(refuse(format!("its `{name}` is empty after steps")));
        }
        Ok((
            std::array::from_fn(|i| self.scalars[i].1),
            std::array::from_fn(|i| self.buffers[i].1.clone()),
        ))
    }
}

/// Makes buffers of zeros at the first step, and refuses another length than that of the model or of the buffers.
pub(crate) fn require_memory<const B: usize, T: Element>(
    model: &dyn Parameters<T>,
    gradient: &[T],
    buffers: [&mut Vec<T>; B],
) -> Result<()> {
    require_len("the gradient", model.params_len(), gradient.len())?;
    buffers.into_iter().try_for_each(|buffer| {
        if buffer.is_empty() {
            *buffer = zeros("the memory of the optimiser", gradient.len(), 1)?;
        }
        require_len("the gradient", buffer.len(), gradient.len())
    })
}

/// The root of the smallest normal number: where the square of a gradient is not zero, its root is no smaller.
pub(crate) fn least_root<T: Element>() -> f64 {
    min_positive::<T>().to_f64().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_state_of_the_right_kind_opens() {
        let state = OptimiserState::new(
            "adam",
            &[("rate", 0.5), ("steps", 3.0)],
            &[("mean", &vec![1.0f32]), ("square", &vec![2.0])],
        );
        let open =
            |state: &OptimiserState<f32>| state.open("adam", ["rate", "steps"], ["mean", "square"]);
        assert_eq!(open(&state).unwrap(), ([0.5, 3.0], [vec![1.0], vec![2.0]]));
        type Edit = fn(&mut OptimiserState<f32>);
        let wrong: [(Edit, &str); 9] = [
            (
                |state| state.optimiser = "sgd".to_owned(),
                "it is that of sgd",
            ),
            (
                |state| state.buffers.clear(),
                "it must hold rate, steps, mean, square",
            ),
            (
                |state| state.scalars[1].0 = "time".to_owned(),
                "it must hold",
            ),
            (|state| state.scalars[1].1 = 0.5, "not a whole number"),
            (|state| state.scalars[1].1 = 1e300, "up to 2^53"),
            (|state| state.scalars[0].1 = f64::NAN, "a finite number"),
            (|state| state.buffers[0].1.push(0.0), "differ in length"),
            (
                |state| state.buffers[1].1.clear(),
                "its `square` is empty after steps",
            ),
            (
                |state| {
                    state
                        .buffers
                        .iter_mut()
                        .for_each(|(_, values)| values.clear())
                },
                "its `mean` is empty after steps",
            ),
        ];
        for (edit, reason) in wrong {
            let mut state = state.clone();
            edit(&mut state);
            let message = open(&state).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
