//! Turns: the blocks of a pass in the order in which a thread computes them.

use std::ops::Range;

use pulp::Simd;

use super::cuts::longest_strip;
use super::{Queue, Share, Strip};
use crate::rt::pass::PassLayout;
use crate::rt::tile::{self, MAX_SAMPLES};

/// Blocks that are alike, as many at once as a tile or a strip takes.
#[derive(Debug, Clone, Copy)]
struct Alike {
    first: usize,
    at_once: usize,
    full: usize,
    count: usize,
}

impl Alike {
    #[inline(always)]
    fn new<S: Simd>(pass: &PassLayout, blocks: Range<usize>, samples: usize) -> Self {
        let at_once = match samples <= MAX_SAMPLES {
            true => tile::blocks_at_once::<S>(samples, blocks.len()),
            false => pass.blocks_in_a_row(longest_strip(samples), blocks.len()),
        };
        // A power of two, so no division.
        let full = blocks.len() >> at_once.trailing_zeros();
        Alike {
            first: blocks.start,
            at_once,
            full,
            count: full + blocks.len() - full * at_once,
        }
    }

    #[inline(always)]
    fn get(&self, turn: usize) -> (usize, usize) {
        if turn < self.full {
            (self.first + turn * self.at_once, self.at_once)
        } else {
            (self.first + self.full * (self.at_once - 1) + turn, 1)
        }
    }
}

/// Blocks in the order in which a thread takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    wide: Alike,
    narrow: Alike,
    /// How many turns there are.
    pub count: usize,
    /// Last things first, so that what is still in the cache is used.
    backwards: bool,
}

impl Turns {
    /// Some of the blocks of a pass, for so many samples.
    #[inline(always)]
    pub fn new<S: Simd>(
        pass: &PassLayout,
        blocks: Range<usize>,
        samples: usize,
        backwards: bool,
    ) -> Self {
        let middle = pass.wide_blocks.clamp(blocks.start, blocks.end);
        let wide = Alike::new::<S>(pass, blocks.start..middle, samples);
        let narrow = Alike::new::<S>(pass, middle..blocks.end, samples);
        Turns {
            wide,
            narrow,
            count: wide.count + narrow.count,
            backwards,
        }
    }

    /// A turn with so many samples.
    #[inline(always)]
    pub fn turn(&self, turn: usize, samples: Range<usize>) -> Turn {
        let (first_block, blocks) = self.get(turn);
        Turn {
            first_block,
            blocks,
            samples,
            backwards: self.backwards,
        }
    }

    /// The first block of a turn, and how many.
    #[inline(always)]
    fn get(&self, turn: usize) -> (usize, usize) {
        let turn = if self.backwards {
            self.count - 1 - turn
        } else {
            turn
        };
        match turn.checked_sub(self.wide.count) {
            None => self.wide.get(turn),
            Some(turn) => self.narrow.get(turn),
        }
    }
}

/// The turns of a pass as a thread takes them: its own, and then those that slower threads have not come to. Where they do not
/// come out even, the last one is taken in halves.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    share: &'a Share<'a>,
    pass: &'a PassLayout,
    own: Turns,
    /// How many of its own are taken, if nobody helps.
    taken: usize,
    queue: Option<&'a Queue>,
}

/// What a thread computes next: some blocks of some samples.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub first_block: usize,
    pub blocks: usize,
    pub samples: Range<usize>,
    /// Whether the block before these comes next, not the one behind them.
    pub backwards: bool,
}

impl Turn {
    /// The blocks, with some of the samples: the first of these, and how many.
    #[inline(always)]
    pub fn strip(&self, (first_sample, samples): (usize, usize)) -> Strip {
        Strip {
            first_block: self.first_block,
            blocks: self.blocks,
            first_sample,
            samples,
            backwards: self.backwards,
        }
    }
}

impl<'a> Taken<'a> {
    /// A thread's turns.
    #[inline(always)]
    pub fn new<S: Simd>(share: &'a Share<'a>, pass: &'a PassLayout, backwards: bool) -> Self {
        let own = share.turns::<S>(pass, share.samples.len(), backwards);
        let queue = share.together.map(|(_, queue)| queue);
        let queue = queue.filter(|_| share.is_helped(pass, own.count));
        if let Some(queue) = queue {
            let halves = usize::from(share.cuts_last(share.part, pass));
            queue.begin(share.part, 0..own.count + halves);
        }
        Taken {
            share,
            pass,
            own,
            taken: 0,
            queue,
        }
    }

    /// The next turn.
    #[inline(always)]
    pub fn next<S: Simd>(&mut self) -> Option<Turn> {
        match self.queue {
            Some(queue) => self.next_of_all::<S>(queue),
            None if self.taken < self.own.count => {
                self.taken += 1;
                let samples = self.share.samples.clone();
                Some(self.own.turn(self.taken - 1, samples))
            }
            None => None,
        }
    }

    /// The next one where threads help each other.
    #[inline(never)]
    fn next_of_all<S: Simd>(&self, queue: &Queue) -> Option<Turn> {
        let share = self.share;
        let (part, piece) = queue.take(share.part)?;
        let turns = if part == share.part {
            self.own
        } else {
            share.turns_of::<S>(part, self.pass, share.samples.len(), self.own.backwards)
        };
        let last = turns.count - 1;
        let Range { start, end } = share.samples;
        let middle = start.midpoint(end);
        let samples = match piece.checked_sub(last) {
            Some(0) if share.cuts_last(part, self.pass) => start..middle,
            Some(1) => middle..end,
            _ => start..end,
        };
        Some(turns.turn(piece.min(last), samples))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use pulp::Scalar;

    use super::*;
    use crate::threads::Barrier;

    /// How often the blocks of a pass are computed for each sample by so many threads, of which each in turn takes a piece; and
    /// how many samples the busiest thread has, over all its blocks.
    fn taken(
        blocks: usize,
        samples: usize,
        threads: usize,
    ) -> (BTreeMap<(usize, usize), usize>, usize) {
        let pass = PassLayout {
            groups: 1,
            blocks,
            wide_blocks: blocks,
            ..PassLayout::default()
        };
        let (barrier, mut queue) = (Barrier::new(threads), Queue::EMPTY);
        queue.reshape(threads);
        let share = |part| Share {
            thread: part,
            samples: 0..samples,
            part,
            parts: threads,
            together: Some((&barrier, &queue)),
            relief: None,
        };
        let shares: Vec<_> = (0..threads).map(share).collect();
        let mut takers: Vec<_> = (shares.iter())
            .map(|share| Taken::new::<Scalar>(share, &pass, false))
            .collect();
        let (mut seen, mut work) = (BTreeMap::new(), vec![0; threads]);
        // The thread that has done least is the next to take.
        while let Some((thread, turn)) = (0..threads)
            .map(|thread| (work[thread], thread))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .find_map(|(_, thread)| Some((thread, takers[thread].next::<Scalar>()?)))
        {
            work[thread] += turn.blocks * turn.samples.len();
            for block in turn.first_block..turn.first_block + turn.blocks {
                for sample in turn.samples.clone() {
                    *seen.entry((block, sample)).or_default() += 1;
                }
            }
        }
        (seen, work.into_iter().max().unwrap_or(0))
    }

    #[test]
    fn threads_together_compute_every_block_of_every_sample_once() {
        for blocks in 1..30 {
            for samples in [1, 6, 7, 20] {
                for threads in 1..5 {
                    let (seen, _) = taken(blocks, samples, threads);
                    assert_eq!(seen.len(), blocks * samples);
                    assert!(seen.values().all(|&times| times == 1));
                }
            }
        }
    }

    #[test]
    fn two_threads_have_equal_work_of_an_odd_number_of_blocks() {
        for blocks in (3..30).step_by(2) {
            assert_eq!(taken(blocks, 20, 2).1, blocks * 10);
        }
    }

    #[test]
    fn turns_visit_every_block_once_in_either_direction() {
        let alike = |first: usize, blocks: usize, at_once: usize| Alike {
            first,
            at_once,
            full: blocks / at_once,
            count: blocks / at_once + blocks % at_once,
        };
        for (blocks, wide) in
            (1..15).flat_map(|blocks| (0..=blocks).map(move |wide| (blocks, wide)))
        {
            for at_once in [1, 2, 4] {
                for backwards in [false, true] {
                    let narrow = alike(2 + wide, blocks - wide, at_once);
                    let wide = alike(2, wide, at_once);
                    let turns = Turns {
                        wide,
                        narrow,
                        count: wide.count + narrow.count,
                        backwards,
                    };
                    let mut seen: Vec<usize> = (0..turns.count)
                        .flat_map(|turn| {
                            let (first, count) = turns.get(turn);
                            first..first + count
                        })
                        .collect();
                    seen.sort_unstable();
                    assert_eq!(seen, (2..2 + blocks).collect::<Vec<_>>());
                }
            }
        }
    }
}
