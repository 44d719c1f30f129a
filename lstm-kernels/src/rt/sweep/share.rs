//! How the work of a sweep is shared out to threads, and what a thread takes at a time.

use std::ops::Range;

use pulp::Simd;

use super::Queue;
use super::cuts::part;
use super::turns::Turns;
use crate::rt::layout::Layout;
use crate::rt::pass::PassLayout;
use crate::rt::tile::MAX_SAMPLES;
use crate::threads::{Barrier, Meeting, Relief, Rest};

/// Samples per thread from which on threads take samples of their own and need not meet between steps.
const SAMPLES_OF_ITS_OWN: usize = 16;

/// The same in short steps: meeting after each costs more there than the smaller tiles, and weights are few enough that each
/// thread has all of them near.
const SAMPLES_OF_ITS_OWN_IN_SHORT_STEPS: usize = 4;

/// Multiply-adds per thread from which on a step is not short.
const LONG_STEP: usize = 800 * 1024;

/// Multiply-adds per thread and step from which on threads that share the units of a step gain more by it than they
/// lose by meeting: about a microsecond's work.
const WORTH_A_MEETING: usize = 16 * 1024;

/// Multiply-adds of a whole call from which on it pays to wake threads.
const WORTH_A_CALL: usize = 256 * 1024;

/// Turns of a thread from which on it lets others help.
const WORTH_HELP: usize = 3;

/// How a call is shared out to threads. No result depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    /// How many threads take part.
    pub count: usize,
    /// Whether each takes samples of its own, rather than units.
    by_samples: bool,
    batch: usize,
}

impl Shares {
    /// Shares for at most so many threads.
    pub fn new(layout: &Layout, steps: usize, batch: usize, threads: usize) -> Self {
        let weights: usize = layout.params.iter().map(|param| param.len()).sum();
        let step = weights.saturating_mul(batch);
        let alone = Shares {
            count: 1,
            by_samples: false,
            batch,
        };
        if threads <= 1 || step.saturating_mul(steps) < WORTH_A_CALL {
            return alone;
        }
        let own = match step < threads.saturating_mul(LONG_STEP) {
            true => SAMPLES_OF_ITS_OWN_IN_SHORT_STEPS,
            false => SAMPLES_OF_ITS_OWN,
        };
        if batch >= threads.saturating_mul(own) {
            return Shares {
                count: threads,
                by_samples: true,
                batch,
            };
        }
        // A sum over all units needs them on one thread.
        let program = layout.program;
        if program.forward_sums + program.backward_sums > 0 || step < WORTH_A_MEETING * threads {
            return alone;
        }
        Shares {
            count: threads,
            by_samples: false,
            batch,
        }
    }

    /// The share of a thread.
    pub fn of<'a>(&self, thread: usize, meeting: &'a Meeting, queue: &'a Queue) -> Share<'a> {
        if self.by_samples {
            Share {
                thread,
                samples: part(0..self.batch, thread, self.count),
                part: 0,
                parts: 1,
                together: None,
                relief: Some(&meeting.relief),
            }
        } else {
            Share {
                thread,
                samples: 0..self.batch,
                part: thread,
                parts: self.count,
                together: (self.count > 1).then_some((&meeting.barrier, queue)),
                relief: None,
            }
        }
    }
}

/// What a thread does in a sweep: some samples of all units, or some units of all samples.
#[derive(Debug, Clone)]
pub(crate) struct Share<'a> {
    /// Index of the thread.
    pub thread: usize,
    /// Its samples.
    pub samples: Range<usize>,
    /// Which part of the units.
    pub part: usize,
    /// Of how many.
    pub parts: usize,
    /// Where those who share the units meet after each pass, and by what they help each other before.
    pub together: Option<(&'a Barrier, &'a Queue)>,
    /// Where those who have samples of their own take over from each other.
    pub relief: Option<&'a Relief>,
}

impl Share<'_> {
    /// Before the last so many steps: gives half of the samples to a thread that has nothing to do, if there is one.
    #[inline(always)]
    pub fn relieve(&mut self, steps: usize) {
        if let Some(relief) = self.relief
            && relief.is_wanted()
        {
            self.offer_half(relief, steps);
        }
    }

    /// Each half should fill a tile, and the last step is done before anybody has woken up.
    fn offer_half(&mut self, relief: &Relief, steps: usize) {
        let Range { start, end } = self.samples;
        let middle = start.midpoint(end);
        if middle - start >= MAX_SAMPLES && steps > 1 {
            let rest = Rest {
                samples: middle..end,
                steps,
            };
            if relief.offer(rest) {
                self.samples = start..middle;
            }
        }
    }

    /// Takes over samples of another thread after the last step of its own, and says how many steps these have to go.
    #[inline(always)]
    pub fn take_over(&mut self) -> Option<usize> {
        let Rest { samples, steps } = self.relief?.take()?;
        self.samples = samples;
        Some(steps)
    }

    /// Waits for those who compute other units of the same samples.
    #[inline(always)]
    pub fn meet(&self) {
        if let Some((barrier, _)) = self.together {
            barrier.meet();
        }
    }

    /// The same at the end of a step, and says whether this thread goes on: the others may be faster without it, and then share
    /// its units, too.
    #[inline(always)]
    pub fn meet_or_part(&mut self) -> bool {
        if let Some((barrier, _)) = self.together {
            self.parts = barrier.meet_or_part();
        }
        self.part < self.parts
    }

    /// The blocks of a pass that are this thread's, cut into those that a tile takes at once.
    #[inline(always)]
    pub fn turns<S: Simd>(&self, pass: &PassLayout, samples: usize, backwards: bool) -> Turns {
        self.turns_of::<S>(self.part, pass, samples, backwards)
    }

    /// The only strip of a pass in every step, if this thread does it alone and it is one register tile.
    pub fn only_strip<S: Simd>(&self, pass: &PassLayout) -> Option<Strip> {
        let samples = self.samples.clone();
        let is_alone = self.together.is_none() && self.relief.is_none();
        if !is_alone || samples.len() > MAX_SAMPLES {
            return None;
        }
        let turns = self.turns::<S>(pass, samples.len(), false);
        let whole = (samples.start, samples.len());
        (turns.count == 1).then(|| turns.turn(0, samples).strip(whole))
    }

    /// Whether others help this thread with a pass, of which it has so many turns.
    #[inline(always)]
    pub fn is_helped(&self, pass: &PassLayout, turns: usize) -> bool {
        self.together.is_some() && (turns >= WORTH_HELP || self.is_uneven(pass))
    }

    /// Whether the blocks of a pass do not come out even among threads that may cut one.
    pub fn is_uneven(&self, pass: &PassLayout) -> bool {
        self.samples.len() > MAX_SAMPLES && !pass.blocks.is_multiple_of(self.parts)
    }

    /// Whether the last turn of a part is taken in two halves of the samples: the part has a block more than others, whose
    /// threads would wait for it.
    pub fn cuts_last(&self, index: usize, pass: &PassLayout) -> bool {
        let blocks = part(0..pass.blocks, index, self.parts).len();
        self.samples.len() > MAX_SAMPLES && blocks * self.parts > pass.blocks
    }

    /// Those of a part of the units.
    #[inline(always)]
    pub fn turns_of<S: Simd>(
        &self,
        index: usize,
        pass: &PassLayout,
        samples: usize,
        backwards: bool,
    ) -> Turns {
        let blocks = part(0..pass.blocks, index, self.parts);
        // Threads that help each other take one at a time.
        let samples = match self.is_helped(pass, blocks.len()) {
            true => samples.min(MAX_SAMPLES),
            false => samples,
        };
        Turns::new::<S>(pass, blocks, samples, backwards)
    }
}

/// One strip of a pass: which blocks, which samples. It is a single register tile of few samples and some blocks at once, or has tiles
/// of all its samples for one block after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strip {
    pub first_block: usize,
    pub blocks: usize,
    pub first_sample: usize,
    pub samples: usize,
    /// Whether the block before it comes next, not the one behind it.
    pub backwards: bool,
}

impl Strip {
    /// Its samples.
    pub fn samples(&self) -> Range<usize> {
        self.first_sample..self.first_sample + self.samples
    }

    /// The groups of units of the strip.
    #[inline(always)]
    pub fn groups(&self, layout: &Layout, pass: &PassLayout) -> Range<usize> {
        let end = pass.first_group(self.first_block + self.blocks);
        pass.first_group(self.first_block)..end.min(layout.leads[pass.lead].groups)
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::thread;

    use super::*;
    use crate::Cell;
    use crate::cells::ElmanRnn;

    /// How many threads of two take part in 100 steps of a simple network, and whether each takes samples of its own.
    fn shares(units: usize, batch: usize) -> (usize, bool) {
        type C = ElmanRnn;
        let sizes = [units, units];
        let layout = Layout::new(TypeId::of::<C>(), &C::SPEC, &C::PROGRAM, &sizes, 16, 32);
        let shares = Shares::new(&layout, 100, batch, 2);
        (shares.count, shares.by_samples)
    }

    #[test]
    fn threads_take_samples_of_their_own_if_there_are_many_or_steps_are_short() {
        // 8,256 weights: steps of 66,048 multiply-adds, and of half as many with so few samples that they share the units.
        assert_eq!(shares(64, 8), (2, true));
        assert_eq!(shares(64, 4), (2, false));
        // 131,328 weights: steps of 1.6 million multiply-adds with 12 samples, and of 2.1 million with 16.
        assert_eq!(shares(256, 12), (2, true));
        assert_eq!(shares(256, 16), (2, false));
        assert_eq!(shares(256, 31), (2, false));
        assert_eq!(shares(256, 32), (2, true));
        // 528 weights: 52,800 multiply-adds in all with one sample; with five a step has 2,640, not worth a meeting.
        assert_eq!(shares(16, 1), (1, false));
        assert_eq!(shares(16, 5), (1, false));
        assert_eq!(shares(16, 8), (2, true));
    }

    /// What a thread with some samples keeps, and what another gets that has nothing to do.
    fn relieved(samples: Range<usize>, steps: usize) -> (Range<usize>, Option<Rest>) {
        let relief = Relief::new(2);
        thread::scope(|scope| {
            let taker = scope.spawn(|| relief.take());
            while !relief.is_wanted() {
                thread::yield_now();
            }
            let mut share = Share {
                thread: 0,
                samples: samples.clone(),
                part: 0,
                parts: 1,
                together: None,
                relief: Some(&relief),
            };
            share.relieve(steps);
            if share.samples == samples {
                assert_eq!(share.take_over(), None);
            }
            (share.samples, taker.join().unwrap())
        })
    }

    #[test]
    fn half_of_the_samples_change_hands_if_it_pays() {
        let (samples, steps) = (25..40, 2);
        assert_eq!(relieved(10..40, 2), (10..25, Some(Rest { samples, steps })));
        assert_eq!(relieved(10..40, 1), (10..40, None));
        assert_eq!(relieved(10..21, 2), (10..21, None));
    }
}
