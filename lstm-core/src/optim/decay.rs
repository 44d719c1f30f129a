//! Weight decay by the names of parameters.

use std::ops::Range;

use crate::error::{Error, Result, require_not_negative};
use crate::params::{Name, ParameterMut, Parameters, visit_ranges};

/// How fast which parameters shrink towards zero.
///
/// A pattern is a dotted name such as `head.weight`, in which a `*` at the start or the end stands for anything:
/// `*bias` are all names that end so, `embedding.*` is all of a part, `*recurrent*` is whatever lies in a part whose name
/// holds the word. Where several patterns match, the last one counts.
///
/// ```
/// # use lstm_core::optim::WeightDecay;
/// # fn main() -> Result<(), lstm_core::Error> {
/// let decay = WeightDecay::all(0.01)?.with("*bias", 0.0)?.with("embedding.weight", 0.001)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct WeightDecay {
    rules: Vec<(String, f64)>,
}

/// What [`WeightDecay::visit`] calls for each parameter.
type VisitDecayed<'v, T> = dyn FnMut(Range<usize>, f64, ParameterMut<'_, T>) + 'v;

impl WeightDecay {
    /// No decay, to be given to some parameters by [`with`](Self::with).
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether no parameter was given a decay.
    pub(crate) fn is_none(&self) -> bool {
        self.rules.is_empty()
    }

    /// The same decay for everything.
    ///
    /// # Errors
    /// A decay that is negative or not finite.
    pub fn all(decay: f64) -> Result<Self> {
        Self::none().with("*", decay)
    }

    /// With another decay for the parameters that match `pattern`. Each step goes by the names that the model has then; a
    /// pattern without a match is an error of the step, but for a lone `*`, which cannot be misspelt.
    ///
    /// # Errors
    /// A decay that is negative or not finite.
    pub fn with(mut self, pattern: impl Into<String>, decay: f64) -> Result<Self> {
        require_not_negative("the weight decay", decay)?;
        self.rules.push((pattern.into(), decay));
        Ok(self)
    }

    /// Visits every parameter of `model` with its range in the gradient and its decay.
    pub(crate) fn visit<T>(
        &self,
        model: &mut dyn Parameters<T>,
        gradient_len: usize,
        visit: &mut VisitDecayed<'_, T>,
    ) -> Result<()> {
        let decays = match self.is_none() {
            true => Vec::new(),
            false => self.find(model)?,
        };
        let mut decays = decays.into_iter();
        visit_ranges(model, gradient_len, &mut |range, parameter| {
            visit(range, decays.next().unwrap_or(0.0), parameter);
        })
    }

    /// The decay of each parameter in the order of visits.
    fn find<T>(&self, model: &dyn Parameters<T>) -> Result<Vec<f64>> {
        let mut names = Vec::new();
        model.visit(Name::ROOT, &mut |name, _| {
            names.push(name.to_string());
            Ok(())
        })?;
        let unmatched = |(pattern, _): &&(String, f64)| {
            pattern != "*" && !names.iter().any(|name| matches(pattern, name))
        };
        if let Some((pattern, _)) = self.rules.iter().find(unmatched) {
            return Err(Error::UnmatchedPattern {
                pattern: pattern.clone(),
                known: match names.is_empty() {
                    true => "none at all".to_owned(),
                    false => names.join(", "),
                },
            });
        }
        let decay = |name: &String| {
            let last = self
                .rules
                .iter()
                .rfind(|(pattern, _)| matches(pattern, name));
            last.map_or(0.0, |&(_, decay)| decay)
        };
        Ok(names.iter().map(decay).collect())
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        // A lone `*` is both start and end.
        _ if pattern == "*" => true,
        (Some(start), Some(_)) => name.contains(&start[..start.len() - 1]),
        (Some(suffix), None) => name.ends_with(suffix),
        (None, Some(prefix)) => name.starts_with(prefix),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::layers::Stack;
    use crate::linear::Linear;
    use crate::optim::{AdamW, Optimiser, Sgd};
    use crate::random::Rng;

    #[test]
    fn stars_stand_for_anything_at_the_ends() {
        for (pattern, name, expected) in [
            ("head.bias", "head.bias", true),
            ("head.bias", "head.bias2", false),
            ("*bias", "head.bias", true),
            ("*bias", "head.bias.x", false),
            ("head.*", "head.bias", true),
            ("head.*", "the.head.bias", false),
            ("*ead.b*", "head.bias", true),
            ("*eat*", "head.bias", false),
            ("*", "", true),
            ("**", "head.bias", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_last_match_counts_and_a_pattern_without_match_is_an_error() {
        let mut model = Linear::<f32>::new(2, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
        let mut visited = |decay: WeightDecay| {
            let mut decays = Vec::new();
            decay.visit(&mut model, 3, &mut |range, decay, _| {
                decays.push((range, decay));
            })?;
            Ok::<_, Error>(decays)
        };
        let decay = WeightDecay::all(0.5).unwrap().with("*bias", 0.0).unwrap();
        assert_eq!(visited(decay).unwrap(), [(0..2, 0.5), (2..3, 0.0)]);
        assert_eq!(
            visited(WeightDecay::none()).unwrap(),
            [(0..2, 0.0), (2..3, 0.0)]
        );
        let misspelt = WeightDecay::none().with("*wieght", 0.1).unwrap();
        assert_eq!(
            visited(misspelt).unwrap_err().to_string(),
            "no parameter of the model matches `*wieght`; there are weight, bias"
        );
        for decay in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(WeightDecay::all(decay).is_err());
        }
    }

    #[test]
    fn decay_goes_by_the_names_that_the_model_has_at_the_step() {
        let rng = &mut Rng::new(0);
        let linear = |rng: &mut Rng| Linear::<f64>::new(1, 1, Init::Constant(1.0), rng).unwrap();
        let one = Stack::new().with("one", linear(rng)).unwrap();
        let mut two = Stack::new()
            .with(
                "zero",
                Linear::without_bias(1, 1, Init::Constant(1.0), rng).unwrap(),
            )
            .and_then(|net| net.with("one", linear(rng)))
            .unwrap();
        let decay = WeightDecay::none().with("*weight", 0.5).unwrap();
        let mut sgd = Sgd::new(1.0).unwrap().with_weight_decay(decay);
        for (net, expected) in [
            (&mut { one }, vec![0.5, 0.0]),
            (&mut two, vec![0.5, 0.5, 0.0]),
        ] {
            sgd.step(net, &vec![0.0; expected.len()]).unwrap();
            let mut values = Vec::new();
            net.visit(Name::ROOT, &mut |_, parameter| {
                values.extend_from_slice(parameter.values);
                Ok(())
            })
            .unwrap();
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn a_model_without_parameters_has_nothing_to_decay() {
        let mut empty = Stack::<f64>::new();
        AdamW::new(0.1).unwrap().step(&mut empty, &[]).unwrap();
        let decay = WeightDecay::none().with("*bias", 0.5).unwrap();
        let mut sgd = Sgd::new(0.1).unwrap().with_weight_decay(decay);
        assert_eq!(
            sgd.step(&mut empty, &[]).unwrap_err().to_string(),
            "no parameter of the model matches `*bias`; there are none at all"
        );
    }
}
