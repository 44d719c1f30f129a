//! Choices of a trainer that are not numbers.

use lstm_kernels::Element;

use crate::error::{Result, require_positive, require_size};
use crate::optim::{clip_global_norm, clip_norm_each, clip_value};
use crate::params::Parameters;

/// How long gradients are bounded.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Clip {
    /// All of it scaled down to this norm; see [`clip_global_norm`].
    Norm(f64),
    /// The gradient of each parameter scaled down to this norm; see [`clip_norm_each`].
    NormEach(f64),
    /// Every number moved into ± this; see [`clip_value`].
    Value(f64),
}

impl Clip {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Norm(limit) | Self::NormEach(limit) => {
                require_positive("the limit of the gradient's norm", limit)
            }
            Self::Value(limit) => require_positive("the limit of the gradient's numbers", limit),
        }
    }

    /// Clips and returns the norm of the whole gradient before, which is always taken: it also finds out what is not finite.
    pub(super) fn apply<T: Element>(
        clip: Option<Self>,
        model: &dyn Parameters<T>,
        gradient: &mut [T],
    ) -> Result<f64> {
        let limit = match clip {
            Some(Self::Norm(limit)) => limit,
            _ => f64::MAX,
        };
        let norm = clip_global_norm(model, gradient, limit)?;
        match clip {
            Some(Self::NormEach(limit)) => clip_norm_each(model, gradient, limit)?,
            Some(Self::Value(limit)) => clip_value(model, gradient, limit)?,
            Some(Self::Norm(_)) | None => norm,
        };
        Ok(norm)
    }
}

/// When a run is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Every {
    /// After every so many steps.
    Steps(u64),
    /// After every so many epochs.
    Epochs(u64),
}

impl Every {
    pub(super) fn check(self) -> Result<()> {
        let (Self::Steps(count) | Self::Epochs(count)) = self;
        require_size("the interval of evaluations", count.min(1) as usize)
    }
}
