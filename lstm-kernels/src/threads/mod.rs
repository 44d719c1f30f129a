//! Threads that share the work of a call.
//!
//! A call of a kernel takes microseconds to milliseconds, so whoever waits stays awake for a moment before it sleeps: see
//! [`Bell`].

mod bell;
mod join;
mod relief;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use self::bell::Bell;
pub(crate) use self::relief::{Relief, Rest};
use crate::denormals::FlushDenormals;
use crate::error::KernelError;

/// A number of threads that work on one call at a time, the calling thread among them.
///
/// Cheap to clone: clones are the same threads. Whoever calls while they are busy elsewhere works alone; the result is
/// the same to the bit.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Team>);

#[derive(Debug)]
struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    busy: Mutex<()>,
}

type Job = *const (dyn Fn(usize) + Sync);

#[derive(Debug)]
struct Shared {
    /// What to do; read after `call` has changed, written while no helper works.
    job: UnsafeCell<Option<Job>>,
    /// How many calls there were.
    call: AtomicUsize,
    called: Bell,
    /// Helpers still at work.
    working: AtomicUsize,
    done: Bell,
    stop: AtomicBool,
}

// SAFETY: the job is written only by the thread that holds `busy`, before it publishes a new call and after every helper
// has reported the last one done; helpers read it only in between.
unsafe impl Sync for Shared {}
// SAFETY: the job it may hold is `Sync`, and nothing in it belongs to a thread.
unsafe impl Send for Shared {}

impl Threads {
    /// So many threads; one means the calling thread alone.
    ///
    /// # Errors
    /// Zero threads, or more than the system gives.
    pub fn new(count: usize) -> Result<Self, KernelError> {
        if count == 0 {
            return Err(KernelError::Threads {
                count,
                reason: "at least one is needed".to_owned(),
            });
        }
        let shared = Arc::new(Shared {
            job: UnsafeCell::new(None),
            call: AtomicUsize::new(0),
            called: Bell::new(),
            working: AtomicUsize::new(0),
            done: Bell::new(),
            stop: AtomicBool::new(false),
        });
        let mut team = Team {
            shared,
            helpers: Vec::new(),
            busy: Mutex::new(()),
        };
        for index in 1..count {
            let shared = Arc::clone(&team.shared);
            let helper = thread::Builder::new()
                .name(format!("lstm-{index}"))
                .spawn(move || shared.help(index))
                .map_err(|error| KernelError::Threads {
                    count,
                    reason: error.to_string(),
                })?;
            team.helpers.push(helper);
        }
        Ok(Threads(Arc::new(team)))
    }

    /// One thread for each processor.
    ///
    /// # Errors
    /// The system does not give that many.
    pub fn all() -> Result<Self, KernelError> {
        Self::new(thread::available_parallelism().map_or(1, usize::from))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.helpers.len() + 1
    }

    /// All of them, unless another call has them.
    pub(crate) fn try_take(&self) -> Option<Taken<'_>> {
        let busy = match self.0.busy.try_lock() {
            Ok(guard) => guard,
            // A job that panicked has ended on every thread; nothing of it is left behind.
            Err(std::sync::TryLockError::Poisoned(error)) => PoisonError::into_inner(error),
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        Some(Taken {
            team: &self.0,
            _busy: busy,
        })
    }
}

/// The threads, held for a call.
pub(crate) struct Taken<'a> {
    team: &'a Team,
    _busy: MutexGuard<'a, ()>,
}

impl Taken<'_> {
    /// Runs `job(0)` to `job(count - 1)`, each on a thread of its own, and waits for all of them. `count` is at most the
    /// number of threads. A job that panics ends the process.
    pub fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        let team = self.team;
        if count <= 1 || team.helpers.is_empty() {
            return job(0);
        }
        // The mode belongs to a thread, and results must not depend on which thread computes what.
        let flushes = FlushDenormals::is_set();
        let each = |index: usize| {
            if index < count {
                let _mode = flushes.then(FlushDenormals::new);
                job(index);
            }
        };
        let each: &(dyn Fn(usize) + Sync) = &each;
        // SAFETY: only the lifetime is erased. This function does not return before every helper is done with the job,
        // not even by a panic: see `Done`.
        let each = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(each) };
        // SAFETY: `busy` is held, and every helper has reported the last call done.
        unsafe { *team.shared.job.get() = Some(each) };
        team.shared
            .working
            .store(team.helpers.len(), Ordering::Relaxed);
        team.shared.call.fetch_add(1, Ordering::Release);
        team.shared.called.ring();
        let _done = Done(&team.shared);
        or_end(|| job(0));
    }
}

/// Waits for the helpers when it goes out of scope, even while the caller's own share of the work panics.
struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        (self.0.done).wait(|| self.0.working.load(Ordering::Acquire) == 0);
    }
}

impl Shared {
    fn help(&self, index: usize) {
        let mut seen = 0;
        loop {
            (self.called).wait(|| self.call.load(Ordering::Acquire) != seen);
            seen = self.call.load(Ordering::Acquire);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            // SAFETY: a new call was published after the job was written, and the caller waits until it is done.
            if let Some(job) = unsafe { *self.job.get() } {
                // SAFETY: as above, the job outlives the call.
                or_end(|| unsafe { (*job)(index) });
            }
            if self.working.fetch_sub(1, Ordering::Release) == 1 {
                self.done.ring();
            }
        }
    }
}

/// Does a thread's share, and ends the process if that panics: the others would wait for it at a barrier forever.
fn or_end(share: impl FnOnce()) {
    let bomb = Bomb;
    share();
    std::mem::forget(bomb);
}

/// What goes off unless it is taken away.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        eprintln!(
            "a thread of a kernel panicked, which is a defect of lstm-kernels; the process ends here"
        );
        std::process::abort();
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.call.fetch_add(1, Ordering::Release);
        self.shared.called.ring();
        for helper in self.helpers.drain(..) {
            // A helper never panics: `Bomb` ends the process first.
            let _ = helper.join();
        }
    }
}

/// Where the threads of a call find each other.
#[derive(Debug)]
pub(crate) struct Meeting {
    pub barrier: Barrier,
    pub relief: Relief,
}

impl Meeting {
    /// A meeting of so many threads.
    pub fn new(count: usize) -> Self {
        Meeting {
            barrier: Barrier::new(count),
            relief: Relief::new(count),
        }
    }

    /// How many threads take part.
    pub fn count(&self) -> usize {
        self.barrier.count()
    }
}

/// Where the threads of a call meet between passes.
#[derive(Debug)]
pub(crate) struct Barrier {
    count: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    met: Bell,
}

impl Barrier {
    /// A barrier for so many threads.
    pub fn new(count: usize) -> Self {
        Barrier {
            count,
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            met: Bell::new(),
        }
    }

    /// How many threads meet here.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Waits until all threads are here. What they wrote before is visible to all of them afterwards.
    pub fn meet(&self) {
        if self.count <= 1 {
            return;
        }
        let round = self.round.load(Ordering::Relaxed);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.count {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            self.met.ring();
        } else {
            (self.met).wait(|| self.round.load(Ordering::Acquire) != round);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_runs_once_and_is_done_when_the_call_returns() {
        for count in 1..=4 {
            let threads = Threads::new(count).unwrap();
            for shares in 1..=count {
                let ran: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                for _ in 0..100 {
                    let taken = threads.try_take().expect("nobody else has them");
                    taken.run(shares, &|index| {
                        ran[index].fetch_add(1, Ordering::Relaxed);
                    });
                }
                for (index, ran) in ran.iter().enumerate() {
                    let expected = if index < shares { 100 } else { 0 };
                    assert_eq!(ran.load(Ordering::Relaxed), expected);
                }
            }
        }
    }

    #[test]
    fn a_barrier_separates_what_is_written_before_from_what_is_read_behind() {
        let (count, rounds) = (3, 2_000);
        let threads = Threads::new(count).unwrap();
        let barrier = Barrier::new(count);
        let slots: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        threads.try_take().unwrap().run(count, &|index| {
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
    fn subnormal_numbers_are_zero_on_all_threads_or_on_none() {
        let halves_to_zero = || {
            let smallest = std::hint::black_box(f32::MIN_POSITIVE);
            std::hint::black_box(smallest * std::hint::black_box(0.5)) == 0.0
        };
        let threads = Threads::new(3).unwrap();
        let found = || {
            let found: Vec<_> = (0..3).map(|_| AtomicBool::new(false)).collect();
            threads.each(|index| found[index].store(halves_to_zero(), Ordering::Relaxed));
            found.into_iter().map(AtomicBool::into_inner).collect()
        };
        let has_mode = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
        let flushed: Vec<_> = {
            let _mode = FlushDenormals::new();
            found()
        };
        assert_eq!(flushed, [has_mode; 3]);
        let back: Vec<_> = found();
        assert_eq!(back, [false; 3]);
    }

    #[test]
    fn busy_threads_are_not_taken_twice() {
        let threads = Threads::new(2).unwrap();
        let taken = threads.try_take();
        assert!(taken.is_some() && threads.try_take().is_none());
        drop(taken);
        assert!(threads.try_take().is_some());
    }

    #[test]
    fn no_threads_at_all_are_an_error() {
        let error = Threads::new(0).unwrap_err().to_string();
        assert!(error.contains("at least one"), "{error}");
    }
}
