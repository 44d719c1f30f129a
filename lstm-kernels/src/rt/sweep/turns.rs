//! Turns: the blocks of a pass in the order in which a thread computes them.

use std::ops::Range;

use pulp::Simd;

use super::{Queue, Share};
use crate::rt::pass::PassLayout;
use crate::rt::tile;

/// Turns of a thread from which on it lets others help.
const WORTH_HELP: usize = 4;

/// Blocks in the order in which a thread takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    first: usize,
    at_once: usize,
    full: usize,
    /// How many turns there are.
    pub count: usize,
    /// Last things first, so that what is still in the cache is used.
    backwards: bool,
}

impl Turns {
    /// Some of the blocks of a pass, for tiles of so many samples at most.
    #[inline(always)]
    pub fn new<S: Simd>(
        pass: &PassLayout,
        blocks: Range<usize>,
        samples: usize,
        backwards: bool,
    ) -> Self {
        // A tile takes blocks at once that are alike.
        let wide = blocks
            .end
            .min(pass.wide_blocks)
            .saturating_sub(blocks.start);
        let at_once = tile::blocks_at_once::<S>(samples, wide);
        let full = wide / at_once;
        Turns {
            first: blocks.start,
            at_once,
            full,
            count: full + blocks.len() - full * at_once,
            backwards,
        }
    }

    /// The first block of a turn, and how many.
    #[inline(always)]
    pub fn get(&self, turn: usize) -> (usize, usize) {
        let turn = if self.backwards {
            self.count - 1 - turn
        } else {
            turn
        };
        if turn < self.full {
            (self.first + turn * self.at_once, self.at_once)
        } else {
            (self.first + self.full * (self.at_once - 1) + turn, 1)
        }
    }
}

/// The turns of a pass as a thread takes them: its own, and then those that slower threads have not come to.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    share: &'a Share<'a>,
    pass: &'a PassLayout,
    samples: usize,
    own: Turns,
    /// How many of its own are taken, if nobody helps.
    taken: usize,
    queue: Option<&'a Queue>,
}

impl<'a> Taken<'a> {
    /// A thread's turns, for tiles of so many samples at most.
    #[inline(always)]
    pub fn new<S: Simd>(
        share: &'a Share<'a>,
        pass: &'a PassLayout,
        samples: usize,
        backwards: bool,
    ) -> Self {
        let own = share.turns::<S>(pass, samples, backwards);
        let queue = share.together.map(|(_, queue)| queue);
        let queue = queue.filter(|_| own.count >= WORTH_HELP);
        if let Some(queue) = queue {
            queue.begin(share.part, 0..own.count);
        }
        Taken {
            share,
            pass,
            samples,
            own,
            taken: 0,
            queue,
        }
    }

    /// The next turn: its first block, and how many.
    #[inline(always)]
    pub fn next<S: Simd>(&mut self) -> Option<(usize, usize)> {
        match self.queue {
            Some(queue) => self.next_of_all::<S>(queue),
            None if self.taken < self.own.count => {
                self.taken += 1;
                Some(self.own.get(self.taken - 1))
            }
            None => None,
        }
    }

    /// The next one where threads help each other. A call of its own: one copy serves all cells.
    #[inline(never)]
    fn next_of_all<S: Simd>(&self, queue: &Queue) -> Option<(usize, usize)> {
        let share = self.share;
        let (part, turn) = queue.take(share.part)?;
        let turns = if part == share.part {
            self.own
        } else {
            share.turns_of::<S>(part, self.pass, self.samples, self.own.backwards)
        };
        Some(turns.get(turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_visit_every_block_once_in_either_direction() {
        for blocks in 1..15 {
            for at_once in [1, 2, 4] {
                for backwards in [false, true] {
                    let full = blocks / at_once;
                    let turns = Turns {
                        first: 2,
                        at_once,
                        full,
                        count: full + blocks % at_once,
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
