//! The scenes of the papers, one curve each.

use faer::Mat;
use lstm_core::cells::{ElmanRnn, Lstm, Lstm1997, Lstm1997Truncated, PeepholeLstm};
use lstm_core::init::{CellInit, Init};
use lstm_core::{Cell, ParamRole, Recurrent, Rng};

use super::WARM_UP;
use super::curve::{Choice, Curve, curves};
use super::inputs::noise;
use super::rnn::LogisticRnn;
use super::travel::Trajectory;
use crate::failure::Failure;

/// What all scenes have in common.
pub struct Setting {
    /// Features of the input, which is noise.
    pub inputs: usize,
    /// Units, or memory blocks of one cell.
    pub units: usize,
    /// Steps that errors travel.
    pub steps: usize,
    /// Where the random numbers start.
    pub seed: u64,
}

impl Setting {
    /// What every layer reads: noise, for the warm-up and for the steps that errors travel.
    pub fn noise(&self) -> Mat<f64> {
        let rng = &mut Rng::stream(self.seed, 1);
        noise(self.inputs, WARM_UP + self.steps, rng)
    }
}

/// From errors that explode to errors that stay.
pub fn all(setting: &Setting) -> Result<Vec<Curve>, Failure> {
    let drawn = CellInit::by_units(setting.units);
    let orthogonal = CellInit {
        recurrent: Init::Orthogonal,
        ..drawn.clone()
    };
    let small_inputs = CellInit {
        input: Init::Uniform(0.05),
        vector: Init::Constant(0.0),
        ..orthogonal.clone()
    };
    let forget =
        |name: &str, bias: f64| CellInit::by_units(setting.units).with(name, Init::Constant(bias));
    let scenes = [
        // Activations stay near 0, where tanh' is near 1, only for weak weights; strong ones push them to where the slope is
        // small, and the error explodes all the same.
        scene::<ElmanRnn>(setting, "RNN, tanh, |w| large", &drawn, 5.0, None)?,
        scene::<ElmanRnn>(setting, "RNN, tanh, |w| small", &small_inputs, 0.8, None)?,
        // An orthogonal matrix times 3.9 lengthens no error more than that, and its numbers are below 4.
        scene::<LogisticRnn>(setting, "RNN, logistic, |w| < 4", &small_inputs, 3.9, None)?,
        scene::<Lstm1997Truncated>(
            setting,
            "1997, truncated: the carousel",
            &drawn,
            1.0,
            Some("s"),
        )?,
        scene::<Lstm1997>(setting, "1997, full gradient", &drawn, 1.0, Some("s"))?,
        scene::<Lstm>(
            setting,
            "forget gate, bias 0",
            &forget("beta_f", 0.0),
            1.0,
            Some("c"),
        )?,
        scene::<Lstm>(
            setting,
            "forget gate, bias 2",
            &forget("beta_f", 2.0),
            1.0,
            Some("c"),
        )?,
        scene::<Lstm>(
            setting,
            "forget gate, bias 5",
            &forget("beta_f", 5.0),
            1.0,
            Some("c"),
        )?,
        scene::<PeepholeLstm>(
            setting,
            "peepholes, bias 2",
            &forget("beta_phi", 2.0),
            1.0,
            Some("s"),
        )?,
    ];
    Ok(scenes.into_iter().flatten().collect())
}

/// One cell from one start, its recurrent matrices multiplied by `strength`. Every scene has the same inputs.
fn scene<C: Cell>(
    setting: &Setting,
    label: &str,
    init: &CellInit,
    strength: f64,
    from: Option<&str>,
) -> Result<Vec<Curve>, Failure> {
    let layer = layer::<C>(setting, init, strength)?;
    let trajectory = Trajectory::follow(&layer, setting.noise().as_ref(), WARM_UP)?;
    let choice = Choice {
        from: from.map(str::to_owned),
        ..Choice::default()
    };
    curves(label, &layer, &trajectory, &choice)
}

/// A layer whose recurrent matrices are multiplied by `strength`.
pub fn layer<C: Cell>(
    setting: &Setting,
    init: &CellInit,
    strength: f64,
) -> Result<Recurrent<C, f64>, Failure> {
    let sizes = crate::cells::sizes(&C::SPEC, setting.inputs, setting.units);
    let mut layer = Recurrent::<C, f64>::zeros(&sizes)?;
    layer.initialise(init, &mut Rng::new(setting.seed))?;
    for param in C::SPEC.params {
        if param.role == ParamRole::RecurrentMatrix && strength != 1.0 {
            layer.edit_param(param.name, |matrix| {
                for column in matrix.col_iter_mut() {
                    column.iter_mut().for_each(|value| *value *= strength);
                }
            })?;
        }
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the papers say of each scene, on the numbers that are drawn.
    #[test]
    fn the_scenes_show_what_they_are_named_for() {
        let setting = Setting {
            inputs: 4,
            units: 16,
            steps: 60,
            seed: 1,
        };
        let curves = all(&setting).unwrap();
        let last = |label: &str| {
            let curve = curves.iter().find(|curve| curve.label == label).unwrap();
            *curve.factors.last().unwrap()
        };
        assert!(last("RNN, tanh, |w| large") > 1e3);
        assert!(last("RNN, tanh, |w| small") < 1e-5);
        // Each step lengthens an error by less than 3.9 / 4.
        assert!(last("RNN, logistic, |w| < 4") < 0.975_f64.powi(60));
        // The carousel's factor is a product of ones: not nearly 1, but 1.
        let carousel = curves
            .iter()
            .find(|curve| curve.cell == "Lstm1997Truncated");
        assert!(
            carousel
                .unwrap()
                .factors
                .iter()
                .all(|&factor| factor == 1.0)
        );
        let by_bias = [0, 2, 5].map(|bias| last(&format!("forget gate, bias {bias}")));
        assert!(by_bias[0] < 1e-10 && by_bias[0] < by_bias[1] && by_bias[1] < by_bias[2]);
    }
}
