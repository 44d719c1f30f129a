//! The entries of a checkpoint's metadata. Numbers are exact: floating-point ones are texts with as many digits as it
//! takes, which may be `inf` and `NaN`, as JSON has neither.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::optim::{OptimiserState, Watch};
use crate::order::{Order, Place};
use crate::random::{Rng, RngState};

/// An entry that is an object.
pub(super) trait Saved: Serialize + DeserializeOwned {
    fn to_text(&self) -> String;
    fn from_text(text: &str) -> Result<Self, String>;
}

impl<S: Serialize + DeserializeOwned> Saved for S {
    fn to_text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

pub(super) fn number_to_text(number: f64) -> String {
    number.to_string()
}

pub(super) fn number_from_text(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number"))
}

#[derive(Serialize, Deserialize)]
pub(super) struct SavedOptimiser {
    kind: String,
    numbers: Vec<(String, String)>,
    pub buffers: Vec<String>,
}

impl SavedOptimiser {
    pub fn of<T>(state: &OptimiserState<T>) -> Self {
        Self {
            kind: state.optimiser.clone(),
            numbers: (state.scalars.iter())
                .map(|(name, value)| (name.clone(), number_to_text(*value)))
                .collect(),
            buffers: (state.buffers.iter())
                .map(|(name, _)| name.clone())
                .collect(),
        }
    }

    pub fn into_state<T>(self, buffers: Vec<Vec<T>>) -> Result<OptimiserState<T>, String> {
        let number =
            |(name, text): (String, String)| number_from_text(&text).map(|value| (name, value));
        Ok(OptimiserState {
            optimiser: self.kind,
            scalars: self
                .numbers
                .into_iter()
                .map(number)
                .collect::<Result<_, _>>()?,
            buffers: self.buffers.into_iter().zip(buffers).collect(),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SavedOrder {
    /// None for samples in turn.
    pub seed: Option<u64>,
    pub samples: usize,
    epoch: u64,
    position: usize,
}

impl SavedOrder {
    pub fn of(order: &Order) -> Self {
        let Place { epoch, position } = order.place();
        Self {
            seed: order.seed(),
            samples: order.count(),
            epoch,
            position,
        }
    }

    pub fn place(&self) -> Place {
        Place {
            epoch: self.epoch,
            position: self.position,
        }
    }
}

/// The position has more bits than numbers in JSON safely have.
#[derive(Serialize, Deserialize)]
pub(super) struct SavedRng {
    key: [u8; 32],
    stream: u64,
    position: String,
}

impl SavedRng {
    pub fn of(rng: &Rng) -> Self {
        let state = rng.state();
        Self {
            key: state.key,
            stream: state.stream,
            position: state.position.to_string(),
        }
    }

    pub fn into_rng(self) -> Result<Rng, String> {
        let position = (self.position.parse().ok())
            .filter(|position| *position < 1 << 68)
            .ok_or_else(|| format!("`{}` is no position in a stream", self.position))?;
        let state = RngState::new(self.key, self.stream, position);
        Ok(Rng::from_state(&state))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SavedWatch {
    best: String,
    waited: u64,
    reductions: u64,
}

impl SavedWatch {
    pub fn of(watch: Watch) -> Self {
        Self {
            best: number_to_text(watch.best),
            waited: watch.waited,
            reductions: watch.reductions,
        }
    }

    pub fn into_watch(self) -> Result<Watch, String> {
        Ok(Watch {
            best: number_from_text(&self.best)?,
            waited: self.waited,
            reductions: self.reductions,
        })
    }
}
