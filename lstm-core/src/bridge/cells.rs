//! The recurrent layers within a layer, one above the other, as the bridges write them.

use faer::Mat;
use lstm_kernels::{CellSpec, Element};

use crate::error::{Error, Result};
use crate::layers::{Kind, Layer, Merge};
use crate::params::Name;

/// A recurrent layer within a layer.
pub(super) struct CellPart<T> {
    /// The name its parameters start with; empty for a recurrent layer by itself.
    pub name: String,
    pub spec: &'static CellSpec,
    pub sizes: Vec<usize>,
    /// Its parameters by their names in the cell.
    pub params: Vec<(String, Mat<T>)>,
}

/// One of the layers that stand one above the other.
pub(super) enum Level<T> {
    /// A cell that reads forwards.
    Single(CellPart<T>),
    /// A cell that reads forwards and one that reads backwards.
    Bidirectional {
        forward: CellPart<T>,
        backward: CellPart<T>,
        merge: Merge,
        /// What messages call both together.
        shown: String,
    },
}

impl<T> CellPart<T> {
    /// What messages call it.
    pub fn shown(&self) -> String {
        match self.name.is_empty() {
            true => format!("the layer of {}", self.spec.name),
            false => format!("`{}`", self.name),
        }
    }
}

/// The recurrent layers that a layer consists of, with their parameters, from the lowest. Layers that only act in
/// training, as dropout does, are left out. `top` is what messages call the whole.
///
/// # Errors
/// A layer within that computes anything else, or a parameter that `format` has no place for, by name.
pub(super) fn collect<T: Element>(
    format: &'static str,
    top: &str,
    layer: &dyn Layer<T>,
) -> Result<Vec<Level<T>>> {
    let mut levels = Vec::new();
    Walk { format, top }.put(layer, Name::ROOT, &mut levels)?;
    Ok(levels)
}

/// A way through the layers within a layer.
struct Walk<'a> {
    format: &'static str,
    top: &'a str,
}

impl Walk<'_> {
    fn put<T: Element>(
        &self,
        layer: &dyn Layer<T>,
        name: Name<'_>,
        levels: &mut Vec<Level<T>>,
    ) -> Result<()> {
        match layer.kind() {
            Kind::Identity => {}
            Kind::Stack(layers) => (layers.into_iter())
                .try_for_each(|(part, layer)| self.put(layer, name.child(part), levels))?,
            Kind::Bidirectional {
                forward,
                backward,
                merge,
            } => levels.push(Level::Bidirectional {
                forward: self.cell(forward, name.child("forward"))?,
                backward: self.cell(backward, name.child("backward"))?,
                merge,
                shown: self.shown(name),
            }),
            _ => levels.push(Level::Single(self.cell(layer, name)?)),
        }
        Ok(())
    }

    /// A layer that has to be a recurrent one.
    fn cell<T: Element>(&self, layer: &dyn Layer<T>, name: Name<'_>) -> Result<CellPart<T>> {
        let (spec, sizes) = match layer.kind() {
            Kind::Recurrent { cell, sizes } => (cell, sizes),
            other => return Err(self.refuse(self.shown(name), not_recurrent(&other))),
        };
        let mut params = Vec::new();
        layer.visit(Name::ROOT, &mut |own, parameter| {
            let own = own.to_string();
            if !spec.params.iter().any(|param| param.name == own) {
                let reason = "it is no parameter of a recurrent layer there";
                return Err(self.refuse(format!("`{}`", name.child(&own)), reason));
            }
            params.push((own, parameter.matrix().to_owned()));
            Ok(())
        })?;
        Ok(CellPart {
            name: name.to_string(),
            spec,
            sizes: sizes.to_vec(),
            params,
        })
    }

    fn shown(&self, name: Name<'_>) -> String {
        match name.to_string() {
            name if name.is_empty() => self.top.to_owned(),
            name => format!("`{name}`"),
        }
    }

    fn refuse(&self, part: String, reason: &str) -> Error {
        Error::Unrepresentable {
            format: self.format,
            part,
            reason: reason.to_owned(),
        }
    }
}

/// Why a layer cannot be written where a recurrent one has to be, and what to do.
fn not_recurrent<T: Element>(kind: &Kind<'_, T>) -> &'static str {
    match kind {
        Kind::Linear => "it is a linear layer, which the writer has another method for",
        Kind::Reversed(_) => {
            "it reads every sequence from its end, which weights do not say; write the layer within and reverse the sequences there"
        }
        Kind::Stack(_) | Kind::Bidirectional { .. } | Kind::Identity => {
            "it is a direction and has to be one recurrent layer; write the layers one by one"
        }
        // Its weights may be those of a cell, yet what it does with them is not seen.
        _ => {
            "it does not say that it computes what its weights compute there, as a residual layer and one with zoneout do not; write the recurrent layer within"
        }
    }
}
