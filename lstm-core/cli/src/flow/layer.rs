//! The layers to look at: of any cell, fresh or trained a little, and of a model in a file.

use std::path::Path;

use faer::Mat;
use lstm_core::init::{CellInit, Init};
use lstm_core::io::ModelFile;
use lstm_core::lm::CharModel;
use lstm_core::params::{Name, Parameters};
use lstm_core::{Cell, Recurrent, Rng};

use super::args::Flow;
use super::curve::{Choice, Curve, curves};
use super::rnn::LogisticRnn;
use super::scenes::{Setting, layer};
use super::travel::Trajectory;
use super::{WARM_UP, training};
use crate::cells::{self, Task};
use crate::corpus::{SOURCES, read_text};
use crate::failure::Failure;
use crate::kind::Kind;

/// The bias of forget gates with which `lstm train` starts.
const FORGET_BIAS: f64 = 1.0;

/// A title and curves.
type Found = (String, Vec<Curve>);

/// The curves of the cell called `name`.
///
/// # Errors
/// Options that do not fit the cell.
pub fn of_cell(name: &str, setting: &Setting, options: &Flow) -> Result<Found, Failure> {
    let mut found = (String::new(), Vec::new());
    let task = Fresh {
        setting,
        options,
        found: &mut found,
    };
    match Flow::is_logistic(name) {
        true => task.run::<LogisticRnn>(None)?,
        false => cells::with(name, task)?,
    }
    Ok(found)
}

struct Fresh<'a> {
    setting: &'a Setting,
    options: &'a Flow,
    found: &'a mut Found,
}

impl Task for Fresh<'_> {
    fn run<C: Cell>(self, forget_bias: Option<&'static str>) -> Result<(), Failure> {
        let Self {
            setting,
            options,
            found,
        } = self;
        let biases = match (forget_bias, &options.forget_bias[..]) {
            (None, []) => vec![None],
            (Some(name), []) => vec![Some((name, FORGET_BIAS))],
            (Some(name), given) => given.iter().map(|&bias| Some((name, bias))).collect(),
            (None, _) => {
                return Err(Failure::Options(format!(
                    "{} has no forget gate, so --forget-bias means nothing for it",
                    C::SPEC.name
                )));
            }
        };
        for &bias in &biases {
            let mut init = CellInit::by_units(setting.units);
            let mut label = String::new();
            if let Some((name, bias)) = bias {
                init = init.with(name, Init::Constant(bias));
                if biases.len() > 1 {
                    label = format!("forget bias {bias}");
                }
            }
            let layer = layer::<C>(setting, &init, options.strength)?;
            found
                .1
                .extend(before_and_after(layer, &label, setting, options)?);
        }
        found.0 = format!("Error flow in {}", C::SPEC.name);
        Ok(())
    }
}

fn before_and_after<C: Cell>(
    mut layer: Recurrent<C, f64>,
    label: &str,
    setting: &Setting,
    options: &Flow,
) -> Result<Vec<Curve>, Failure> {
    let x = setting.noise();
    let labelled = |when: &str| match (label, when) {
        (label, "") => label.to_owned(),
        ("", when) => when.to_owned(),
        _ => format!("{label}, {when}"),
    };
    let look = |layer: &Recurrent<C, f64>, when: &str| {
        let trajectory = Trajectory::follow(layer, x.as_ref(), WARM_UP)?;
        curves(&labelled(when), layer, &trajectory, &options.choice())
    };
    let Some(updates) = options.train else {
        return look(&layer, "");
    };
    let mut found = look(&layer, "before training")?;
    let mut rng = Rng::stream(setting.seed, 2);
    training::recall(&mut layer, setting.steps, updates, &mut rng)?;
    found.extend(look(&layer, "after training")?);
    Ok(found)
}

/// The curves of the layer in a model of `lstm train`, at the start of its training and now, while it reads a text.
///
/// # Errors
/// A model or a text that cannot be used.
pub fn of_model(path: &Path, setting: &Setting, options: &Flow) -> Result<Found, Failure> {
    let file = Kind::Characters.open(path)?;
    let cell = file.metadata("cell")?.to_owned();
    let mut found = (String::new(), Vec::new());
    let task = Trained {
        file,
        setting,
        options,
        found: &mut found,
    };
    cells::with(&cell, task)?;
    Ok(found)
}

struct Trained<'a> {
    file: ModelFile,
    setting: &'a Setting,
    options: &'a Flow,
    found: &'a mut Found,
}

impl Task for Trained<'_> {
    fn run<C: Cell>(self, forget_bias: Option<&'static str>) -> Result<(), Failure> {
        let model = CharModel::<C, f32>::load(&self.file)?;
        let x = self.read(&model)?;
        let sizes = model.recurrent().kernel().sizes();
        let mut trained = Recurrent::<C, f64>::zeros(sizes)?;
        let mut numbers = model.recurrent().params().iter();
        trained.visit_mut(Name::ROOT, &mut |_, parameter| {
            for (value, &number) in parameter.values.iter_mut().zip(&mut numbers) {
                *value = f64::from(number);
            }
            Ok(())
        })?;
        // As `lstm train` starts, on numbers of its own.
        let mut start = trained.clone();
        let mut init = CellInit::by_units(start.output_len());
        if let Some(name) = forget_bias {
            init = init.with(name, Init::Constant(FORGET_BIAS));
        }
        start.initialise(&init, &mut Rng::new(self.setting.seed))?;
        let choice: Choice = self.options.choice();
        for (layer, label) in [(&start, "untrained"), (&trained, "trained")] {
            let trajectory = Trajectory::follow(layer, x.as_ref(), WARM_UP)?;
            let curves = curves(label, layer, &trajectory, &choice)?;
            self.found.1.extend(curves);
        }
        self.found.0 = format!("Error flow in {}, before and after training", C::SPEC.name);
        Ok(())
    }
}

impl Trained<'_> {
    /// What the layer reads: the model's numbers for the characters of a text.
    fn read<C: Cell>(&self, model: &CharModel<C, f32>) -> Result<Mat<f64>, Failure> {
        let text = match &self.options.text {
            Some(path) => read_text(path)?,
            None => SOURCES.iter().map(|(_, text)| *text).collect(),
        };
        let wanted = WARM_UP + self.setting.steps;
        let known = |character| model.vocabulary().id(character);
        let ids: Vec<u32> = text.chars().filter_map(known).take(wanted).collect();
        if ids.len() < wanted {
            return Err(Failure::Options(format!(
                "{} steps need a text with at least {wanted} characters that the model knows; this one has {}",
                self.setting.steps,
                ids.len()
            )));
        }
        let mut x = Mat::zeros(model.recurrent().input_len(), wanted);
        model.embedding().forward(&ids, x.as_mut())?;
        Ok(Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            f64::from(x[(i, j)])
        }))
    }
}
