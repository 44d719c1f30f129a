//! The passes of a layer with zoneout and recurrent dropout, step by step.

use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, unzip, zip};
use lstm_kernels::{Cell, Element, State, Threads};

use super::Regularised;
use super::memory::{Last, Memory, Step, draw_kept, drop_units, mix, step_memory};
use crate::error::{Error, Result};
use crate::explain::Explanation;
use crate::layers::batch::Batch;
use crate::layers::dropout::draw_mask;
use crate::layers::gather::{Part, clear_padding};
use crate::layers::recorded::Recorded;
use crate::layers::unroll::workspace_for;
use crate::layers::{Layer, LayerTape, require_call, require_gradient};
use crate::params::Name;
use crate::random::Rng;

impl<C: Cell, T: Element> Regularised<C, T> {
    /// A mask for a carried quantity, without rows if there is nothing to draw.
    fn mask(
        &self,
        rate: f64,
        index: usize,
        samples: usize,
        draw: impl FnOnce(MatMut<'_, T>),
    ) -> Mat<T> {
        let rows = match rate > 0.0 {
            true => self.layer.kernel().carried_len(index),
            false => 0,
        };
        let mut mask = Mat::zeros(rows, samples);
        draw(mask.as_mut());
        mask
    }
}

impl<C: Cell, T: Element> Layer<T> for Regularised<C, T> {
    fn input_len(&self) -> usize {
        self.layer.input_len()
    }

    fn output_len(&self) -> usize {
        self.layer.output_len()
    }

    fn states(&self) -> usize {
        1
    }

    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        self.layer.initial_states(batch)
    }

    fn infer(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        mut y: MatMut<'_, T>,
        tape: &mut LayerTape,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), y.shape(), state)?;
        let memory = tape.get::<Memory<T>>();
        if self.zoneout.iter().all(|&rate| rate == 0.0) {
            return self.layer.infer(x, batch, state, y, &mut memory.plain);
        }
        let kernel = self.layer.kernel();
        let schedule = batch.schedule(1);
        self.layer.begin_anew(&schedule.idle, &mut state[0]);
        for segment in &schedule.segments {
            let part = Part {
                batch,
                schedule: &schedule,
                segment,
            };
            let (mut own, before) = self.enter(part, &state[0])?;
            let x = part.gather(x, &mut memory.x);
            let workspace = workspace_for(kernel, &mut memory.workspace, segment.samples)?;
            part.scatter(y.rb_mut(), &mut memory.y, |mut y| {
                kernel.infer(self.layer.packed(), x, &mut own, y.rb_mut(), workspace)?;
                for (index, &rate) in self.zoneout.iter().enumerate() {
                    let kept = T::from_f64(rate);
                    mix(|_, _| kept, before.get(index), own.get_mut(index));
                }
                self.put_out(&own, y);
                Ok::<_, Error>(())
            })?;
            part.put_state(&own, &mut state[0]);
        }
        clear_padding(batch, y);
        Ok(())
    }

    fn forward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        mut y: MatMut<'_, T>,
        tape: &mut LayerTape,
        rng: &mut Rng,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), y.shape(), state)?;
        let kernel = self.layer.kernel();
        let memory = tape.get::<Memory<T>>();
        memory.last = None;
        let schedule = batch.schedule(1);
        memory.dropout = (self.dropout.iter().enumerate())
            .map(|(index, &rate)| {
                self.mask(rate, index, batch.samples(), |mask| {
                    draw_mask(rate, mask, rng)
                })
            })
            .collect();
        memory.steps.truncate(schedule.segments.len());
        self.layer.begin_anew(&schedule.idle, &mut state[0]);
        for (at, segment) in schedule.segments.iter().enumerate() {
            let part = Part {
                batch,
                schedule: &schedule,
                segment,
            };
            let (mut own, before) = self.enter(part, &state[0])?;
            for (index, mask) in memory.dropout.iter().enumerate() {
                if mask.nrows() > 0 {
                    drop_units(part, mask.as_ref(), own.get_mut(index));
                }
            }
            let step = step_memory(kernel, &mut memory.steps, at, segment.samples)?;
            step.zoneout = (self.zoneout.iter().enumerate())
                .map(|(index, &rate)| {
                    self.mask(rate, index, segment.samples, |mask| {
                        draw_kept(rate, mask, rng)
                    })
                })
                .collect();
            let Step { tape, zoneout } = step;
            let x = part.gather(x, &mut memory.x);
            part.scatter(y.rb_mut(), &mut memory.y, |mut y| {
                kernel.forward(self.layer.packed(), x, &mut own, y.rb_mut(), tape)?;
                for (index, kept) in zoneout.iter().enumerate() {
                    if kept.nrows() > 0 {
                        mix(|i, j| kept[(i, j)], before.get(index), own.get_mut(index));
                    }
                }
                self.put_out(&own, y);
                Ok::<_, Error>(())
            })?;
            part.put_state(&own, &mut state[0]);
        }
        clear_padding(batch, y);
        memory.last = Some(Last {
            pass: Recorded::new(kernel, batch, schedule),
            zoneout: self.zoneout.clone(),
            dropout: self.dropout.clone(),
        });
        Ok(())
    }

    fn backward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        dy: MatRef<'_, T>,
        dstate: &mut [State<T>],
        tape: &mut LayerTape,
        gradient: &mut [T],
        mut dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), dy.shape(), dstate)?;
        require_gradient(self, x.shape(), gradient, dx.as_ref().map(|dx| dx.shape()))?;
        let (kernel, packed) = (self.layer.kernel(), self.layer.packed());
        let memory = tape.get::<Memory<T>>();
        let is_own = |last: &&Last| {
            let has_own_noise = last.zoneout == self.zoneout && last.dropout == self.dropout;
            has_own_noise && last.pass.is_of(kernel, batch)
        };
        let Some(last) = memory.last.as_ref().filter(is_own) else {
            return Err(Error::NoForwardPass);
        };
        let schedule = &last.pass.schedule;
        let (of_cell, of_initial) = gradient.split_at_mut(kernel.params_len());
        for (segment, step) in schedule.segments.iter().zip(&mut memory.steps).rev() {
            let part = Part {
                batch,
                schedule,
                segment,
            };
            let x = part.gather(x, &mut memory.x);
            let mut dpart = kernel.zero_state(segment.samples)?;
            part.take_state(&dstate[0], &mut dpart);
            let mut dy = part.gather(dy, &mut memory.y);
            let no_dy;
            if let Some(index) = self.zoned_output() {
                // The output is the carried quantity itself, so what reaches it goes the way of the carried one.
                zip!(dpart.get_mut(index), dy).for_each(|unzip!(sum, dy)| *sum += *dy);
                no_dy = Mat::zeros(dy.nrows(), dy.ncols());
                dy = no_dy.as_ref();
            }
            let mut dbefore = kernel.zero_state(segment.samples)?;
            for (index, kept) in step.zoneout.iter().enumerate() {
                if kept.nrows() > 0 {
                    zip!(dpart.get_mut(index), dbefore.get_mut(index), kept).for_each(
                        |unzip!(new, old, kept)| {
                            *old = *kept * *new;
                            *new -= *old;
                        },
                    );
                }
            }
            let tape = &mut step.tape;
            match &mut dx {
                Some(dx) => part.scatter(dx.rb_mut(), &mut memory.dx, |dx| {
                    kernel.backward(packed, x, dy, &mut dpart, tape, of_cell, Some(dx))
                })?,
                None => kernel.backward(packed, x, dy, &mut dpart, tape, of_cell, None)?,
            }
            for (index, mask) in memory.dropout.iter().enumerate() {
                if mask.nrows() > 0 {
                    drop_units(part, mask.as_ref(), dpart.get_mut(index));
                }
                zip!(dpart.get_mut(index), dbefore.get(index))
                    .for_each(|unzip!(sum, old)| *sum += *old);
            }
            (self.layer).end_at_initial_state(&segment.fresh, &mut dpart, of_initial);
            part.put_state(&dpart, &mut dstate[0]);
        }
        (self.layer).end_at_initial_state(&schedule.idle, &mut dstate[0], of_initial);
        if let Some(dx) = dx {
            clear_padding(batch, dx);
        }
        Ok(())
    }

    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        self.layer.visit_explanations(name, each);
    }

    fn set_threads(&mut self, threads: &Threads) {
        self.layer.set_threads(threads);
    }
}
