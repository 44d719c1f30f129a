//! Where the threads of a call meet, and where they part.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::relief::Relief;

/// What threads have slept at meetings before anybody asks whether it was too much: a processor that is taken away is missing
/// for longer, and what a meeting takes otherwise is much less.
const WORTH_ASKING: Duration = Duration::from_millis(1);

/// Where the threads of a call find each other.
#[derive(Debug)]
pub(crate) struct Meeting {
    count: usize,
    pub barrier: Barrier,
    pub relief: Relief,
}

impl Meeting {
    /// A meeting of so many threads.
    pub fn new(count: usize) -> Self {
        Meeting {
            count,
            barrier: Barrier::new(count),
            relief: Relief::new(count),
        }
    }

    /// How many threads take part in the beginning.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many have left before the end.
    pub fn left(&self) -> usize {
        self.count - self.barrier.count()
    }
}

/// Where the threads of a call meet between passes.
#[derive(Debug)]
pub(crate) struct Barrier {
    /// How many meet: fewer when some have left. Changed only by the last to arrive, while the others wait.
    count: AtomicUsize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    met: Bell,
    /// Nanoseconds that threads have slept here since somebody asked.
    slept: AtomicU64,
    /// When that was, in nanoseconds after the beginning.
    asked: AtomicU64,
    /// Nothing for a single thread, which waits for nobody.
    beginning: Option<Instant>,
}

impl Barrier {
    /// A barrier for so many threads.
    pub fn new(count: usize) -> Self {
        Barrier {
            count: AtomicUsize::new(count),
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            met: Bell::new(),
            slept: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            beginning: (count > 1).then(Instant::now),
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until all threads are here. What they wrote before is visible to all of them afterwards.
    pub fn meet(&self) {
        self.arrive(|| ());
    }

    /// The same where threads may leave, and says how many go on: the first so many of them. Where processors are busy with
    /// something else, threads wait for one that does not run, and are faster without it.
    pub fn meet_or_part(&self) -> usize {
        self.arrive(|| self.dismiss());
        self.count()
    }

    /// As if somebody had been waited for so long.
    #[cfg(test)]
    pub fn pretend_waiting(&self, slept: Duration) {
        self.slept.fetch_add(nanos(slept), Ordering::Relaxed);
    }

    fn arrive(&self, before_the_rest_goes_on: impl FnOnce()) {
        let count = self.count();
        if count <= 1 {
            return;
        }
        let round = self.round.load(Ordering::Relaxed);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == count {
            before_the_rest_goes_on();
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            self.met.ring();
        } else {
            let slept = (self.met).wait(|| self.round.load(Ordering::Acquire) != round);
            if !slept.is_zero() {
                self.slept.fetch_add(nanos(slept), Ordering::Relaxed);
            }
        }
    }

    /// Lets a thread leave if the others would be faster without it.
    fn dismiss(&self) {
        let slept = self.slept.load(Ordering::Relaxed);
        let Some(beginning) = self.beginning else {
            return;
        };
        if slept < nanos(WORTH_ASKING) {
            return;
        }
        let now = nanos(beginning.elapsed());
        let elapsed = now - self.asked.swap(now, Ordering::Relaxed);
        self.slept.store(0, Ordering::Relaxed);
        let count = self.count() as u64;
        // Of n threads n - 1 wait for the last one, each for more than an nth of the time.
        if slept * count > elapsed * (count - 1) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Some 500 years at most.
fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Runs so many threads side by side.
    fn side_by_side(count: usize, run: impl Fn(usize) + Sync) {
        thread::scope(|scope| {
            for index in 0..count {
                let run = &run;
                scope.spawn(move || run(index));
            }
        });
    }

    #[test]
    fn a_barrier_separates_what_is_written_before_from_what_is_read_behind() {
        let (count, rounds) = (3, 2_000);
        let barrier = Barrier::new(count);
        let slots: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        side_by_side(count, |index| {
            for round in 1..=rounds {
                slots[index].store(round, Ordering::Relaxed);
                barrier.meet();
                // Relaxed loads see the stores of this round only because the barrier orders them.
                assert!(
                    slots
                        .iter()
                        .all(|slot| slot.load(Ordering::Relaxed) == round)
                );
                barrier.meet();
            }
        });
    }

    #[test]
    fn who_is_waited_for_too_long_is_done_without() {
        const ROUNDS: usize = 200;
        for count in 2..=4 {
            let meeting = Meeting::new(count);
            let barrier = &meeting.barrier;
            let met: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            side_by_side(count, |index| {
                for _ in 0..ROUNDS {
                    // As a thread without a processor; the first one, which nobody can do without, is in time.
                    if index > 0 {
                        thread::sleep(Duration::from_millis(5));
                    }
                    barrier.meet();
                    met[index].fetch_add(1, Ordering::Relaxed);
                    if index >= barrier.meet_or_part() {
                        return;
                    }
                }
            });
            assert_eq!((meeting.count(), meeting.left()), (count, count - 1));
            let met: Vec<_> = met.into_iter().map(AtomicUsize::into_inner).collect();
            assert_eq!(met[0], ROUNDS);
            // The last one leaves first, and all leave early.
            assert!(met.is_sorted_by(|before, after| before >= after), "{met:?}");
            assert!(met[1] < ROUNDS / 2, "{met:?}");
        }
    }

    #[test]
    fn nobody_leaves_for_a_short_wait_or_where_it_is_not_asked() {
        let meeting = Meeting::new(2);
        let barrier = &meeting.barrier;
        side_by_side(2, |index| {
            for round in 0..20 {
                // A wait of milliseconds that is a small part of the time.
                let work = if round % 10 == index { 12 } else { 10 };
                thread::sleep(Duration::from_millis(work));
                assert_eq!(barrier.meet_or_part(), 2);
            }
            for _ in 0..5 {
                thread::sleep(Duration::from_millis(10 * index as u64));
                barrier.meet();
            }
        });
        assert_eq!(meeting.left(), 0);
    }
}
