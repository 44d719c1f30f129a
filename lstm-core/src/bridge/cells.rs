//! The cells of a layer, one for each layer and direction within, as the bridges write them.

use faer::Mat;
use lstm_kernels::{CellSpec, Element};

use crate::error::{Error, Result};
use crate::layers::{Batch, Layer, LayerTape};
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

/// Which way a recurrent layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Only,
    Forward,
    Backward,
}

impl<T: Element> CellPart<T> {
    /// Which way it reads, and the name of the layer it belongs to.
    pub fn direction(&self) -> (Direction, &str) {
        let (layer, part) = self.name.rsplit_once('.').unwrap_or(("", &self.name));
        match part {
            "forward" => (Direction::Forward, layer),
            "backward" => (Direction::Backward, layer),
            _ => (Direction::Only, &self.name),
        }
    }

    /// What messages call it.
    pub fn shown(&self) -> String {
        match self.name.is_empty() {
            true => format!("the layer of {}", self.spec.name),
            false => format!("`{}`", self.name),
        }
    }
}

/// The recurrent layers within a layer, with their parameters, in order.
///
/// # Errors
/// A parameter that belongs to none of them, which `format` has no place for.
pub(super) fn collect<T: Element>(
    format: &'static str,
    layer: &dyn Layer<T>,
) -> Result<Vec<CellPart<T>>> {
    let mut cells: Vec<CellPart<T>> = Vec::new();
    layer.visit_cells(Name::ROOT, &mut |name, spec, sizes| {
        cells.push(CellPart {
            name: name.to_string(),
            spec,
            sizes: sizes.to_vec(),
            params: Vec::new(),
        });
    });
    layer.visit(Name::ROOT, &mut |name, parameter| {
        let name = name.to_string();
        let (owner, own) = name.rsplit_once('.').unwrap_or(("", &name));
        let cell = cells.iter_mut().find(|cell| cell.name == owner);
        match cell {
            Some(cell) if cell.spec.params.iter().any(|param| param.name == own) => {
                cell.params
                    .push((own.to_owned(), parameter.matrix().to_owned()));
                Ok(())
            }
            _ => Err(Error::Unrepresentable {
                format,
                part: format!("`{name}`"),
                reason: "it is no parameter of a recurrent layer there".to_owned(),
            }),
        }
    })?;
    Ok(cells)
}

/// Refuses a layer that does not compute what its cells compute, such as one that adds its input to their outputs:
/// `written` is what the other library will have.
pub(super) fn require_same_outputs<T: Element>(
    format: &'static str,
    part: &str,
    layer: &dyn Layer<T>,
    written: &dyn Layer<T>,
) -> Result<()> {
    const STEPS: usize = 2;
    // Kernels of another width round differently; what is built differently is off by the size of the input, which is 1.
    const TOLERANCE: f64 = 1e-2;
    let x = Mat::from_fn(layer.input_len(), STEPS, |row, step| {
        T::from_f64(if (row + step) % 3 == 0 { -1.0 } else { 1.0 })
    });
    let outputs = |layer: &dyn Layer<T>| -> Result<Mat<T>> {
        let mut y = Mat::zeros(layer.output_len(), STEPS);
        let mut state = layer.initial_states(1)?;
        let batch = Batch::new(STEPS, 1);
        layer.infer(
            x.as_ref(),
            &batch,
            &mut state,
            y.as_mut(),
            &mut LayerTape::new(),
        )?;
        Ok(y)
    };
    let (ours, theirs) = (outputs(layer)?, outputs(written)?);
    let is_same = ours.shape() == theirs.shape()
        && (0..STEPS).all(|step| {
            (ours.col(step).iter().zip(theirs.col(step).iter())).all(|(ours, theirs)| {
                let (ours, theirs) = (ours.to_f64(), theirs.to_f64());
                // Infinite and NaN outputs say nothing, and are no reason to refuse weights.
                let is_near = (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0);
                is_near || !ours.is_finite() || !theirs.is_finite()
            })
        });
    match is_same {
        true => Ok(()),
        false => Err(Error::Unrepresentable {
            format,
            part: part.to_owned(),
            reason: "it computes something else than its recurrent layers one above the other: added inputs and sums of directions have no place there".to_owned(),
        }),
    }
}
