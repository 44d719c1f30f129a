//! A recurrent node that can be run.

use std::fmt;

use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Mat, MatRef};
use lstm_kernels::{Element, State};

use super::definition::Definition;
use super::general::General;
use super::operator::{Direction, Operator};
use super::shipped;
use crate::error::{Error, Result, require_shape};
use crate::layers::{Batch, Bidirectional, Layer, LayerTape, Merge, Reversed};

/// A recurrent node of an ONNX model.
///
/// Where the node is a shipped cell (default activations, no clip, no coupled gates) it runs on that cell's fused
/// kernels and can be trained; anything else that the operators allow is computed as their equations say and infers
/// only.
///
/// # Shapes
/// As everywhere in this library a matrix has a column for each step and sample. ONNX's tensors have their last axis
/// fastest, so their numbers can be taken as they are:
///
/// | | here | in ONNX, layout 0 | in ONNX, layout 1 |
/// |---|---|---|---|
/// | X | inputs x columns | the same numbers, time-major | the same numbers, batch-major |
/// | Y | (directions · units) x columns | \[steps, directions, samples, units\]: the same with one direction | the same numbers |
/// | Y_h, Y_c, initial states | (directions · units) x samples | \[directions, samples, units\]: the same with one direction | the same numbers |
///
/// [`batch`](Self::batch) makes the [`Batch`] of the node's layout; any other batch may be given as well.
pub struct OnnxNode<T: Element> {
    name: String,
    operator: Operator,
    direction: Direction,
    is_batch_major: bool,
    units: usize,
    sequence_lens: Option<Vec<usize>>,
    layer: Box<dyn Layer<T>>,
    is_fused: bool,
}

impl<T: Element> fmt::Debug for OnnxNode<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxNode")
            .field("name", &self.name)
            .field("operator", &self.operator)
            .field("direction", &self.direction)
            .field("units", &self.units)
            .field("is_fused", &self.is_fused)
            .finish_non_exhaustive()
    }
}

/// What a recurrent node returns.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outputs<T> {
    /// Y: the output at every step, zero behind the end of a sample; (directions · units) x columns.
    pub y: Mat<T>,
    /// Y_h: the output after the last step of each sample, which for the reverse direction is the first in time;
    /// (directions · units) x samples.
    pub y_h: Mat<T>,
    /// Y_c: the cell state there, in an LSTM.
    pub y_c: Option<Mat<T>>,
}

impl<T: Element> OnnxNode<T> {
    pub(super) fn new(name: &str, definition: &Definition<T>) -> Result<Self> {
        let mut is_fused = true;
        let mut directions = Vec::new();
        for direction in 0..definition.weights.len() {
            let layer = match shipped::layer(definition, direction)? {
                Some(layer) => layer,
                None => {
                    is_fused = false;
                    Box::new(General::new(name, definition, direction))
                }
            };
            directions.push(layer);
        }
        let second = if directions.len() > 1 {
            directions.pop()
        } else {
            None
        };
        let layer: Box<dyn Layer<T>> = match (directions.pop(), second) {
            (Some(forward), Some(backward)) => {
                Box::new(Bidirectional::new(forward, backward, Merge::Concat)?)
            }
            (Some(layer), None) if definition.direction == Direction::Reverse => {
                Box::new(Reversed::from(layer))
            }
            (Some(layer), None) => layer,
            (None, _) => unreachable!("a node has one direction or two"),
        };
        Ok(Self {
            name: name.to_owned(),
            operator: definition.operator,
            direction: definition.direction,
            is_batch_major: definition.is_batch_major,
            units: definition.units,
            sequence_lens: definition.sequence_lens.clone(),
            layer,
            is_fused,
        })
    }

    /// The node's name, or that of its first output if it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its operator.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The direction or directions in which it reads.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether its tensors begin with the axis of samples: layout 1.
    pub fn is_batch_major(&self) -> bool {
        self.is_batch_major
    }

    /// Whether it runs on the fused kernels of shipped cells.
    pub fn is_fused(&self) -> bool {
        self.is_fused
    }

    /// Features of the input.
    pub fn input_len(&self) -> usize {
        self.layer.input_len()
    }

    /// Units of each direction.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Features of the output: the units of all directions.
    pub fn output_len(&self) -> usize {
        self.layer.output_len()
    }

    /// The lengths of the samples, if the model fixes them.
    pub fn sequence_lens(&self) -> Option<&[usize]> {
        self.sequence_lens.as_deref()
    }

    /// A batch in the node's layout: `lengths` in matrices with room for `steps` steps.
    ///
    /// # Errors
    /// A length above `steps`.
    pub fn batch(&self, steps: usize, lengths: &[usize]) -> Result<Batch> {
        let batch = Batch::padded(lengths, steps)?;
        Ok(match self.is_batch_major {
            true => batch.batch_major(),
            false => batch,
        })
    }

    /// The node as a layer. It carries one state for each direction; that of an LSTM is c and h, that of the others h.
    pub fn layer(&self) -> &dyn Layer<T> {
        self.layer.as_ref()
    }

    /// The layer by itself, to put into a [`Stack`](crate::layers::Stack).
    pub fn into_layer(self) -> Box<dyn Layer<T>> {
        self.layer
    }

    /// Runs the node. Initial states that are not given are those of the model, or zero.
    ///
    /// A sample without steps ends with states of zero, as in ONNX Runtime, whatever it began with. (As a
    /// [`layer`](Self::layer) the node keeps what it began with.)
    ///
    /// # Errors
    /// Shapes that do not fit; an initial c of a node that carries none; other lengths than those the model fixes.
    pub fn run(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        initial_h: Option<MatRef<'_, T>>,
        initial_c: Option<MatRef<'_, T>>,
    ) -> Result<Outputs<T>> {
        if let Some(fixed) = &self.sequence_lens {
            let lengths: Vec<_> = (0..batch.samples())
                .map(|sample| batch.length(sample))
                .collect();
            if *fixed != lengths {
                return Err(Error::OnnxNode {
                    node: self.name.clone(),
                    operator: format!("{:?}", self.operator).to_uppercase(),
                    reason: format!(
                        "the model fixes the lengths {fixed:?}, but the batch has {lengths:?}"
                    ),
                });
            }
        }
        require_shape(
            "the input of the ONNX node",
            (self.input_len(), batch.columns()),
            x.shape(),
        )?;
        let samples = batch.samples();
        let mut state = self.layer.initial_states(samples)?;
        if let Some(initial) = initial_h {
            self.set(
                "initial_h of the ONNX node",
                initial,
                &mut state,
                self.place_of_h(),
            )?;
        }
        if let Some(initial) = initial_c {
            let place = self.place_of_c().ok_or_else(|| Error::Shape {
                what: "initial_c of the ONNX node",
                expected: "none, since only an LSTM carries one,".to_owned(),
                actual: format!("{} x {}", initial.nrows(), initial.ncols()),
            })?;
            self.set("initial_c of the ONNX node", initial, &mut state, place)?;
        }
        let mut y = Mat::zeros(self.output_len(), batch.columns());
        (self.layer).infer(x, batch, &mut state, y.as_mut(), &mut LayerTape::new())?;
        Ok(Outputs {
            y,
            y_h: self.collect(&state, batch, self.place_of_h()),
            y_c: self
                .place_of_c()
                .map(|place| self.collect(&state, batch, place)),
        })
    }

    /// Where h stands in a state.
    fn place_of_h(&self) -> usize {
        self.place_of_c().map_or(0, |c| c + 1)
    }

    fn place_of_c(&self) -> Option<usize> {
        (self.operator == Operator::Lstm).then_some(0)
    }

    fn set(
        &self,
        what: &'static str,
        initial: MatRef<'_, T>,
        state: &mut [State<T>],
        place: usize,
    ) -> Result<()> {
        let samples = state.first().map_or(0, State::batch);
        require_shape(what, (self.output_len(), samples), initial.shape())?;
        for (direction, state) in state.iter_mut().enumerate() {
            let rows = initial.subrows(direction * self.units, self.units);
            state.get_mut(place).copy_from(rows);
        }
        Ok(())
    }

    fn collect(&self, state: &[State<T>], batch: &Batch, place: usize) -> Mat<T> {
        let mut all = Mat::zeros(self.output_len(), batch.samples());
        for (direction, state) in state.iter().enumerate() {
            let mut rows = all.as_mut().subrows_mut(direction * self.units, self.units);
            for sample in (0..batch.samples()).filter(|&sample| batch.length(sample) > 0) {
                (rows.rb_mut().col_mut(sample)).copy_from(state.get(place).rb().col(sample));
            }
        }
        all
    }
}
