//! Pieces of work that threads take one by one.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Work for the threads of a call, each of which begins with a part of its own. Who is done with it helps the others from
/// the far ends of theirs: a slower processor is not waited for, and neighbouring pieces mostly stay on one thread.
#[derive(Debug)]
pub(crate) struct Queue {
    /// What is left of each thread's part: where it begins in the lower half of the bits, where it ends in the upper.
    parts: Vec<AtomicU64>,
}

impl Queue {
    /// A queue for no threads.
    pub const EMPTY: Self = Queue { parts: Vec::new() };

    /// Makes it one for so many threads, without work.
    pub fn reshape(&mut self, threads: usize) {
        self.parts.resize_with(threads, AtomicU64::default);
        self.clear();
    }

    /// Forgets what an earlier call may have left.
    pub fn clear(&mut self) {
        for part in &mut self.parts {
            *part.get_mut() = 0;
        }
    }

    /// Gives a thread its part of the next work, all of the last having been taken. Threads meet between any two works, so
    /// nobody takes a piece of one before he has seen what comes before it.
    pub fn begin(&self, thread: usize, part: Range<usize>) {
        self.parts[thread].store(packed(&part), Ordering::Relaxed);
    }

    /// A piece for a thread, and whose it was: the next of its own, or else the last of another's.
    #[inline(always)]
    pub fn take(&self, thread: usize) -> Option<(usize, usize)> {
        match take(&self.parts[thread], |left| left.next()) {
            Some(piece) => Some((thread, piece)),
            None => self.take_others(thread),
        }
    }

    fn take_others(&self, thread: usize) -> Option<(usize, usize)> {
        let count = self.parts.len();
        (thread + 1..thread + count).find_map(|other| {
            let piece = take(&self.parts[other % count], |left| left.next_back())?;
            Some((other % count, piece))
        })
    }
}

/// As many threads, and no work.
impl Clone for Queue {
    fn clone(&self) -> Self {
        let mut queue = Queue::EMPTY;
        queue.reshape(self.parts.len());
        queue
    }
}

/// Takes a piece from what is left of a part.
fn take(part: &AtomicU64, piece: impl Fn(&mut Range<usize>) -> Option<usize>) -> Option<usize> {
    let mut bits = part.load(Ordering::Relaxed);
    loop {
        let mut left = (bits as u32) as usize..(bits >> 32) as usize;
        let piece = piece(&mut left)?;
        let rest = packed(&left);
        match part.compare_exchange_weak(bits, rest, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Some(piece),
            Err(now) => bits = now,
        }
    }
}

/// A part as one number. There are fewer than 2^32 pieces, as each is some kilobytes of memory.
fn packed(part: &Range<usize>) -> u64 {
    (part.end as u64) << 32 | part.start as u64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::super::cuts::part;
    use super::*;
    use crate::threads::Barrier;

    fn queue(parts: &[Range<usize>]) -> Queue {
        let mut queue = Queue::EMPTY;
        queue.reshape(parts.len());
        for (thread, part) in parts.iter().enumerate() {
            queue.begin(thread, part.clone());
        }
        queue
    }

    #[test]
    fn a_thread_takes_its_own_from_the_front_and_others_from_the_back() {
        let queue = queue(&[0..3, 3..3, 3..6]);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(2)).collect();
        assert_eq!(taken, [(2, 3), (2, 4), (2, 5), (0, 2), (0, 1), (0, 0)]);
        assert_eq!((queue.take(0), queue.take(1)), (None, None));
    }

    #[test]
    fn what_was_left_is_forgotten_and_not_copied() {
        let mut left = queue(&[0..3, 3..6]);
        assert_eq!(left.clone().take(0), None);
        left.clear();
        assert_eq!(left.take(1), None);
    }

    #[test]
    fn every_piece_of_every_work_is_taken_once() {
        const THREADS: usize = 4;
        let queue = queue(&[0..0, 0..0, 0..0, 0..0]);
        let barrier = Barrier::new(THREADS);
        let taken: Vec<_> = (0..50).map(|_| AtomicUsize::new(0)).collect();
        let run = |thread: usize| {
            for work in 0..200 {
                queue.begin(thread, part(0..taken.len(), thread, THREADS));
                barrier.meet();
                while let Some((_, piece)) = queue.take(thread) {
                    assert_eq!(taken[piece].fetch_add(1, Ordering::Relaxed), work);
                }
                barrier.meet();
            }
        };
        thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || run(thread));
            }
        });
        assert!(
            taken
                .iter()
                .all(|count| count.load(Ordering::Relaxed) == 200)
        );
    }
}
