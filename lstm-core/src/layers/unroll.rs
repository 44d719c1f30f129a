//! A recurrent layer taken through a batch of sequences, segment by segment.
//!
//! Kernels take rectangles: some steps of some samples. A batch of samples of different lengths is cut into such
//! rectangles, the longest samples first, so that no step is computed for a sample that has ended. Where the columns
//! of a rectangle lie as kernels want them they are used in place; elsewhere they are gathered.

use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Cell, Columns, Element, Kernel, State, Tape, Workspace};

use super::batch::Batch;
use super::gather::{Part, clear_padding, room};
use super::recorded::Recorded;
use crate::error::{Error, Result};
use crate::recurrent::Recurrent;

/// A layer on its way through a batch.
#[derive(Clone, Copy)]
pub(crate) struct Unroll<'a, C: Cell, T: Element> {
    pub layer: &'a Recurrent<C, T>,
    pub batch: &'a Batch,
}

/// What is kept between the passes of a layer. Memory of another layer serves, too: it is given the shape that each call
/// needs, and what that layer recorded does not fit the tape that this one wants.
pub(crate) struct UnrollTape<T> {
    /// The last forward pass in training.
    last: Option<Recorded>,
    /// What was kept of each of its segments.
    pieces: Vec<Piece<T>>,
    workspace: Option<Workspace<T>>,
    /// Memory of segments that are computed once more on the way back.
    again: Option<Tape<T>>,
    pub x: Mat<T>,
    pub y: Mat<T>,
    pub dx: Mat<T>,
}

/// What is kept of a segment.
enum Piece<T> {
    /// All that the backward pass needs.
    Tape(Box<Tape<T>>),
    /// The state before it, from which it is computed once more.
    Start(State<T>),
}

impl<T: Element> Default for UnrollTape<T> {
    fn default() -> Self {
        Self {
            last: None,
            pieces: Vec::new(),
            workspace: None,
            again: None,
            x: Mat::new(),
            y: Mat::new(),
            dx: Mat::new(),
        }
    }
}

impl<C: Cell, T: Element> Unroll<'_, C, T> {
    /// Outputs and final states, without a tape.
    pub fn infer(
        self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        mut y: MatMut<'_, T>,
        tape: &mut UnrollTape<T>,
    ) -> Result<()> {
        let kernel = self.layer.kernel();
        let schedule = self.batch.schedule(usize::MAX);
        let UnrollTape {
            workspace,
            x: x_buffer,
            y: y_buffer,
            ..
        } = tape;
        self.layer.begin_anew(&schedule.idle, state);
        for segment in &schedule.segments {
            let part = Part {
                batch: self.batch,
                schedule: &schedule,
                segment,
            };
            let workspace = workspace_for(kernel, workspace, segment.samples)?;
            let x = part.take(x, x_buffer);
            self.with_state(part, state, |state| {
                part.fill(y.rb_mut(), y_buffer, |y| {
                    kernel.infer_columns(self.layer.packed(), segment.steps, x, state, y, workspace)
                })?;
                Ok(())
            })?;
        }
        clear_padding(self.batch, y);
        Ok(())
    }

    /// The same, keeping what [`backward`](Self::backward) needs.
    pub fn forward(
        self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        mut y: MatMut<'_, T>,
        tape: &mut UnrollTape<T>,
    ) -> Result<()> {
        let (kernel, packed) = (self.layer.kernel(), self.layer.packed());
        let recomputes = self.layer.segment_len(self.batch.steps());
        let schedule = self.batch.schedule(recomputes.unwrap_or(usize::MAX));
        tape.last = None;
        tape.pieces.truncate(schedule.segments.len());
        let UnrollTape {
            pieces,
            workspace,
            x: x_buffer,
            y: y_buffer,
            ..
        } = tape;
        self.layer.begin_anew(&schedule.idle, state);
        for (index, segment) in schedule.segments.iter().enumerate() {
            let part = Part {
                batch: self.batch,
                schedule: &schedule,
                segment,
            };
            let x = part.take(x, x_buffer);
            self.with_state(part, state, |state| {
                let piece = match (recomputes, pieces.get_mut(index)) {
                    (None, Some(Piece::Tape(tape))) => {
                        kernel.reshape_tape(tape, segment.steps, segment.samples)?;
                        None
                    }
                    (None, _) => {
                        let tape = kernel.tape(segment.steps, segment.samples)?;
                        Some(Piece::Tape(Box::new(tape)))
                    }
                    (Some(_), _) => Some(Piece::Start(state.clone())),
                };
                match (piece, pieces.get_mut(index)) {
                    (None, _) => {}
                    (Some(piece), Some(place)) => *place = piece,
                    (Some(piece), None) => pieces.push(piece),
                }
                part.fill(y.rb_mut(), y_buffer, |y| match &mut pieces[index] {
                    Piece::Tape(tape) => {
                        Ok(kernel.forward_columns(packed, segment.steps, x, state, y, tape)?)
                    }
                    Piece::Start(_) => {
                        let workspace = workspace_for(kernel, workspace, segment.samples)?;
                        Ok(kernel.infer_columns(packed, segment.steps, x, state, y, workspace)?)
                    }
                })
            })?;
        }
        clear_padding(self.batch, y);
        tape.last = Some(Recorded::new(kernel, self.batch, schedule));
        Ok(())
    }

    /// Back through the last forward pass. `gradient` has a number for each parameter of the cell, and then those of the
    /// initial state, if that is trained.
    pub fn backward(
        self,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        dstate: &mut State<T>,
        tape: &mut UnrollTape<T>,
        gradient: &mut [T],
        mut dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let (kernel, packed) = (self.layer.kernel(), self.layer.packed());
        let UnrollTape {
            last,
            pieces,
            again,
            x: x_buffer,
            y: y_buffer,
            dx: dx_buffer,
            ..
        } = tape;
        let is_own = |last: &&Recorded| last.is_of(kernel, self.batch);
        let Some(Recorded { schedule, .. }) = last.as_ref().filter(is_own) else {
            return Err(Error::NoForwardPass);
        };
        let (of_cell, of_initial) = gradient.split_at_mut(kernel.params_len());
        for (segment, piece) in schedule.segments.iter().zip(pieces).rev() {
            let part = Part {
                batch: self.batch,
                schedule,
                segment,
            };
            let x = part.take(x, x_buffer);
            let tape = match piece {
                Piece::Tape(tape) => tape,
                Piece::Start(start) => {
                    let tape = match again {
                        Some(tape) => {
                            kernel.reshape_tape(tape, segment.steps, segment.samples)?;
                            tape
                        }
                        None => again.insert(kernel.tape(segment.steps, segment.samples)?),
                    };
                    // The outputs are known; they go where nobody looks.
                    let y = room(y_buffer, kernel.output_len(), part.columns());
                    let y = Columns::time_major(segment.samples).of(y);
                    let start = &mut start.clone();
                    kernel.forward_columns(packed, segment.steps, x, start, y, tape)?;
                    tape
                }
            };
            let dy = part.take(dy, y_buffer);
            let mut dpart = kernel.zero_state(segment.samples)?;
            part.take_state(dstate, &mut dpart);
            match &mut dx {
                Some(dx) => part.fill(dx.rb_mut(), dx_buffer, |dx| {
                    let (steps, dx) = (segment.steps, Some(dx));
                    kernel.backward_columns(packed, steps, x, dy, &mut dpart, tape, of_cell, dx)
                })?,
                None => {
                    let steps = segment.steps;
                    kernel
                        .backward_columns(packed, steps, x, dy, &mut dpart, tape, of_cell, None)?
                }
            }
            (self.layer).end_at_initial_state(&segment.fresh, &mut dpart, of_initial);
            part.put_state(&dpart, dstate);
        }
        (self.layer).end_at_initial_state(&schedule.idle, dstate, of_initial);
        if let Some(dx) = dx {
            clear_padding(self.batch, dx);
        }
        Ok(())
    }

    /// Runs a segment on the states of its samples, some of which begin anew.
    fn with_state(
        self,
        part: Part<'_>,
        state: &mut State<T>,
        run: impl FnOnce(&mut State<T>) -> Result<()>,
    ) -> Result<()> {
        let fresh = &part.segment.fresh;
        if part.samples().len() == state.batch() && part.samples().is_sorted() {
            self.layer.begin_anew(fresh, state);
            return run(state);
        }
        let mut own = self.layer.kernel().zero_state(part.samples().len())?;
        part.take_state(state, &mut own);
        self.layer.begin_anew(fresh, &mut own);
        run(&mut own)?;
        part.put_state(&own, state);
        Ok(())
    }
}

/// The workspace, made to serve so many samples.
pub(super) fn workspace_for<'w, C: Cell, T: Element>(
    kernel: &Kernel<C, T>,
    workspace: &'w mut Option<Workspace<T>>,
    samples: usize,
) -> Result<&'w mut Workspace<T>> {
    Ok(match workspace {
        Some(workspace) => {
            kernel.reshape_workspace(workspace, samples)?;
            workspace
        }
        None => workspace.insert(kernel.workspace(samples)?),
    })
}
