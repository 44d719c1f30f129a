//! Turns: the blocks of a pass in the order in which a thread computes them.

use std::ops::Range;

use pulp::Simd;

use super::{Queue, Share};
use crate::rt::pass::PassLayout;
use crate::rt::tile;

/// Turns of a thread from which on it lets others help.
const WORTH_HELP: usize = 4;

/// Blocks that are alike, as many at once as a tile takes.
#[derive(Debug, Clone, Copy)]
struct Alike {
    first: usize,
    at_once: usize,
    full: usize,
    count: usize,
}

impl Alike {
    #[inline(always)]
    fn new<S: Simd>(blocks: Range<usize>, samples: usize) -> Self {
        let at_once = tile::blocks_at_once::<S>(samples, blocks.len());
        let full = blocks.len() / at_once;
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
    /// Some of the blocks of a pass, for tiles of so many samples at most.
    #[inline(always)]
    pub fn new<S: Simd>(
        pass: &PassLayout,
        blocks: Range<usize>,
        samples: usize,
        backwards: bool,
    ) -> Self {
        let middle = pass.wide_blocks.clamp(blocks.start, blocks.end);
        let wide = Alike::new::<S>(blocks.start..middle, samples);
        let narrow = Alike::new::<S>(middle..blocks.end, samples);
        Turns {
            wide,
            narrow,
            count: wide.count + narrow.count,
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
        match turn.checked_sub(self.wide.count) {
            None => self.wide.get(turn),
            Some(turn) => self.narrow.get(turn),
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
