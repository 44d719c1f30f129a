//! The activation functions of ONNX's recurrent operators.

use std::slice;

/// A function that is applied element by element, with its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Activation {
    Relu,
    Tanh,
    Sigmoid,
    Affine { alpha: f64, beta: f64 },
    LeakyRelu { alpha: f64 },
    ThresholdedRelu { alpha: f64 },
    ScaledTanh { alpha: f64, beta: f64 },
    HardSigmoid { alpha: f64, beta: f64 },
    Elu { alpha: f64 },
    Softsign,
    Softplus,
}

impl Activation {
    /// The functions of a list of names. A function that takes an alpha takes the next one of `alphas`, and likewise for
    /// beta; what nothing takes is left over, as in ONNX Runtime. Missing ones have the default of the ONNX operator of
    /// the function's name. There is none for `Affine` and `ScaledTanh`: the operators are gone, and ONNX Runtime's
    /// default of 0 makes the function constant.
    pub fn list(names: &[String], alphas: &[f32], betas: &[f32]) -> Result<Vec<Self>, String> {
        let (mut alphas, mut betas) = (alphas.iter(), betas.iter());
        let mut alpha = |name: &str, default| take(&mut alphas, default, name, "activation_alpha");
        let mut beta = |name: &str, default| take(&mut betas, default, name, "activation_beta");
        let function = |name: &String| {
            Ok(match name.to_ascii_lowercase().as_str() {
                "relu" => Self::Relu,
                "tanh" => Self::Tanh,
                "sigmoid" => Self::Sigmoid,
                "affine" => Self::Affine {
                    alpha: alpha(name, None)?,
                    beta: beta(name, None)?,
                },
                "leakyrelu" => Self::LeakyRelu {
                    alpha: alpha(name, Some(0.01))?,
                },
                "thresholdedrelu" => Self::ThresholdedRelu {
                    alpha: alpha(name, Some(1.0))?,
                },
                "scaledtanh" => Self::ScaledTanh {
                    alpha: alpha(name, None)?,
                    beta: beta(name, None)?,
                },
                "hardsigmoid" => Self::HardSigmoid {
                    alpha: alpha(name, Some(0.2))?,
                    beta: beta(name, Some(0.5))?,
                },
                "elu" => Self::Elu {
                    alpha: alpha(name, Some(1.0))?,
                },
                "softsign" => Self::Softsign,
                "softplus" => Self::Softplus,
                _ => return Err(format!("its activation `{name}` is none of ONNX's")),
            })
        };
        names.iter().map(function).collect()
    }

    /// Its value at `x`.
    pub fn at(self, x: f64) -> f64 {
        match self {
            // Comparisons are written such that a NaN stays one.
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Affine { alpha, beta } => alpha * x + beta,
            Self::LeakyRelu { alpha } => {
                if x < 0.0 {
                    alpha * x
                } else {
                    x
                }
            }
            Self::ThresholdedRelu { alpha } => {
                if x < alpha {
                    0.0
                } else {
                    x
                }
            }
            Self::ScaledTanh { alpha, beta } => alpha * (beta * x).tanh(),
            Self::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
            Self::Elu { alpha } => {
                if x < 0.0 {
                    alpha * x.exp_m1()
                } else {
                    x
                }
            }
            Self::Softsign => x / (1.0 + x.abs()),
            // log(1 + e^x) without the overflow of e^x.
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        }
    }
}

/// The next value of a list, or the default.
fn take(
    values: &mut slice::Iter<'_, f32>,
    default: Option<f64>,
    name: &str,
    list: &str,
) -> Result<f64, String> {
    let value = values.next().map(|&value| value.into()).or(default);
    value.ok_or_else(|| format!("its activation {name} needs a value in {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str], alphas: &[f32], betas: &[f32]) -> Result<Vec<Activation>, String> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        Activation::list(&names, alphas, betas)
    }

    #[test]
    fn values_go_to_the_functions_that_take_them() {
        let names = ["Sigmoid", "LeakyRelu", "HardSigmoid", "Elu"];
        let expected = [
            Activation::Sigmoid,
            Activation::LeakyRelu { alpha: 0.5 },
            Activation::HardSigmoid {
                alpha: 0.25,
                beta: 2.0,
            },
            Activation::Elu { alpha: 1.0 },
        ];
        assert_eq!(list(&names, &[0.5, 0.25], &[2.0, 9.0]).unwrap(), expected);
        assert!(
            list(&["Affine"], &[0.5], &[])
                .unwrap_err()
                .contains("activation_beta")
        );
        assert!(list(&["Gelu"], &[], &[]).unwrap_err().contains("`Gelu`"));
    }

    /// The specification of the recurrent operators has "x if x >= alpha, otherwise 0"; ONNX Runtime has x > alpha.
    #[test]
    fn a_threshold_is_not_below_itself() {
        let function = Activation::ThresholdedRelu { alpha: 1.0 };
        assert_eq!((function.at(1.0), function.at(0.999)), (1.0, 0.0));
    }

    #[test]
    fn large_arguments_give_limits_and_nan_stays() {
        for (function, below, above) in [
            (Activation::Softplus, 0.0, 1e4),
            (Activation::Sigmoid, 0.0, 1.0),
            (Activation::Softsign, -1e4 / 10001.0, 1e4 / 10001.0),
            (Activation::Elu { alpha: 0.5 }, -0.5, 1e4),
        ] {
            assert_eq!(
                (function.at(-1e4), function.at(1e4)),
                (below, above),
                "{function:?}"
            );
        }
        for name in [
            "Relu",
            "Tanh",
            "Sigmoid",
            "Affine",
            "LeakyRelu",
            "ThresholdedRelu",
            "ScaledTanh",
            "HardSigmoid",
            "Elu",
            "Softsign",
            "Softplus",
        ] {
            let function = list(&[name], &[0.5], &[0.5]).unwrap()[0];
            assert!(function.at(f64::NAN).is_nan(), "{name}");
        }
    }
}
