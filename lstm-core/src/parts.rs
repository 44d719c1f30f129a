//! Models of several parts: their parameters one after the other, and a gradient cut to fit.

use crate::error::{Result, require_len};
use crate::params::Parameters;

/// Implements [`Parameters`](crate::params::Parameters) for a struct from the fields that have parameters.
///
/// The name of a field goes before the names of its parameters, in the order in which the fields are listed.
///
/// ```
/// use lstm_core::params::Parameters;
/// use lstm_core::{Element, Embedding, Linear, Recurrent, Rng, cells::Lstm, init::Init};
///
/// struct Tagger<T: Element> {
///     embedding: Embedding<T>,
///     lstm: Recurrent<Lstm, T>,
///     head: Linear<T>,
/// }
///
/// lstm_core::parameters! {
///     impl<T: Element> Parameters<T> for Tagger<T> { embedding, lstm, head }
/// }
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut rng = Rng::new(1);
/// let model = Tagger::<f32> {
///     embedding: Embedding::new(10, 4, Init::Normal(1.0), &mut rng)?,
///     lstm: Recurrent::new(&[4, 8], &mut rng)?,
///     head: Linear::new(8, 3, Init::Xavier, &mut rng)?,
/// };
/// assert_eq!(model.params_len(), 10 * 4 + 4 * 8 * (4 + 8 + 1) + (8 + 1) * 3);
/// # Ok(())
/// # }
/// ```
///
/// For a model of one number type: `impl Parameters<f32> for Tagger { .. }`.
#[macro_export]
macro_rules! parameters {
    (
        impl $(<$($generic:ident: $bound:path),+ $(,)?>)? Parameters<$element:ty> for $model:ty {
            $($field:ident),+ $(,)?
        }
    ) => {
        impl $(<$($generic: $bound),+>)? $crate::params::Parameters<$element> for $model {
            fn visit(
                &self,
                name: $crate::params::Name<'_>,
                visit: &mut $crate::params::Visit<'_, $element>,
            ) -> $crate::Result<()> {
                $($crate::params::Parameters::visit(
                    &self.$field,
                    name.child(::core::stringify!($field)),
                    visit,
                )?;)+
                ::core::result::Result::Ok(())
            }

            fn visit_mut(
                &mut self,
                name: $crate::params::Name<'_>,
                visit: &mut $crate::params::VisitMut<'_, $element>,
            ) -> $crate::Result<()> {
                $($crate::params::Parameters::visit_mut(
                    &mut self.$field,
                    name.child(::core::stringify!($field)),
                    visit,
                )?;)+
                ::core::result::Result::Ok(())
            }

            fn visit_cells(
                &self,
                name: $crate::params::Name<'_>,
                visit: &mut $crate::params::VisitCells<'_>,
            ) {
                $($crate::params::Parameters::<$element>::visit_cells(
                    &self.$field,
                    name.child(::core::stringify!($field)),
                    visit,
                );)+
            }

            fn visit_layouts(
                &self,
                name: $crate::params::Name<'_>,
                visit: &mut $crate::params::VisitLayouts<'_>,
            ) {
                $($crate::params::Parameters::<$element>::visit_layouts(
                    &self.$field,
                    name.child(::core::stringify!($field)),
                    visit,
                );)+
            }
        }
    };
}

/// Cuts the gradient of a model into those of its parts, which are given in the order in which the model visits them.
///
/// ```
/// use lstm_core::params::{Parameters, split_gradient};
/// use lstm_core::{Linear, Rng, init::Init};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut rng = Rng::new(1);
/// let below = Linear::<f32>::new(3, 4, Init::Xavier, &mut rng)?;
/// let above = Linear::<f32>::new(4, 1, Init::Xavier, &mut rng)?;
/// let mut gradient = vec![0.0; below.params_len() + above.params_len()];
/// let [of_below, of_above] = split_gradient(&mut gradient, [&below, &above])?;
/// assert_eq!((of_below.len(), of_above.len()), (16, 5));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// A gradient that is not as long as all parts together.
pub fn split_gradient<'g, T, const N: usize>(
    gradient: &'g mut [T],
    parts: [&dyn Parameters<T>; N],
) -> Result<[&'g mut [T]; N]> {
    let lengths = parts.map(Parameters::params_len);
    let sum = lengths.iter().sum();
    require_len("the gradient of all parts", sum, gradient.len())?;
    let mut rest = gradient;
    Ok(lengths.map(|len| {
        let (part, others) = std::mem::take(&mut rest).split_at_mut(len);
        rest = others;
        part
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::linear::Linear;
    use crate::params::Name;
    use crate::random::Rng;

    struct Two {
        below: Linear<f64>,
        above: Linear<f64>,
    }

    crate::parameters! {
        impl Parameters<f64> for Two { below, above }
    }

    fn two() -> Two {
        let mut rng = Rng::new(1);
        Two {
            below: Linear::new(3, 2, Init::Xavier, &mut rng).unwrap(),
            above: Linear::new(2, 1, Init::Xavier, &mut rng).unwrap(),
        }
    }

    #[test]
    fn fields_are_visited_in_order_under_their_names() {
        let mut model = two();
        let mut names = Vec::new();
        let mut collect = |name: Name<'_>, _: crate::params::Parameter<'_, f64>| {
            names.push(name.to_string());
            Ok(())
        };
        model.visit(Name::ROOT, &mut collect).unwrap();
        let expected = ["below.weight", "below.bias", "above.weight", "above.bias"];
        assert_eq!(names, expected);
        let mut index = 0;
        let mut set = |name: Name<'_>, parameter: crate::params::ParameterMut<'_, f64>| {
            assert_eq!(name.to_string(), expected[index]);
            parameter.values.fill(index as f64);
            index += 1;
            Ok(())
        };
        model.visit_mut(Name::ROOT, &mut set).unwrap();
        assert_eq!(index, 4);
        let mut last = 0.0;
        let mut read = |_: Name<'_>, parameter: crate::params::Parameter<'_, f64>| {
            last = parameter.values[0];
            Ok(())
        };
        model.above.visit(Name::ROOT, &mut read).unwrap();
        assert_eq!(last, 3.0);
    }

    #[test]
    fn a_gradient_is_cut_where_parts_begin() {
        let model = two();
        let mut gradient: Vec<f64> = (0..11).map(f64::from).collect();
        let parts: [&dyn Parameters<f64>; 2] = [&model.below, &model.above];
        let [below, above] = split_gradient(&mut gradient, parts).unwrap();
        assert_eq!((below.len(), above[0]), (8, 8.0));
        let message = split_gradient(&mut gradient[1..], parts).unwrap_err();
        assert_eq!(
            message.to_string(),
            "the gradient of all parts is 10 long, but a length of 11 is needed"
        );
    }
}
