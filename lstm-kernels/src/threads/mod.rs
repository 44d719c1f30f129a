//! Threads that share the work of a call.
//!
//! A call of a kernel takes microseconds to milliseconds, so whoever waits stays awake for a moment before it sleeps: see
//! [`Bell`].

mod attendance;
mod bell;
mod join;
mod meeting;
mod relief;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use self::attendance::Attendance;
use self::bell::Bell;
pub(crate) use self::meeting::{Barrier, Meeting};
pub(crate) use self::relief::{Relief, Rest};
use crate::denormals::FlushDenormals;
use crate::error::KernelError;

/// The most threads: no machine has more processors.
const MOST: usize = 4096;

/// A number of threads that work on one call at a time, the calling thread among them.
///
/// Cheap to clone: clones are the same threads. Whoever calls while they are busy elsewhere works alone; the result is
/// the same to the bit.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Team>);

#[derive(Debug)]
struct Team {
    shared: Arc<Shared>,
    helpers: Vec<Helper>,
    /// Held by the call that has the threads.
    busy: Mutex<Attendance>,
}

type Job = *const (dyn Fn(usize) + Sync);

#[derive(Debug)]
struct Shared {
    /// What to do; read by helpers that were called, written while no helper works.
    job: UnsafeCell<Option<Job>>,
    /// Helpers still at work.
    working: AtomicUsize,
    done: Bell,
    stop: AtomicBool,
}

#[derive(Debug)]
struct Helper {
    post: Arc<Post>,
    thread: JoinHandle<()>,
}

/// Where a helper waits for calls. Each has its own, so that a call wakes those alone that take part.
#[derive(Debug)]
struct Post {
    /// How many calls there were for it.
    calls: AtomicUsize,
    called: Bell,
}

impl Post {
    fn new() -> Self {
        Post {
            calls: AtomicUsize::new(0),
            called: Bell::new(),
        }
    }

    fn call(&self) {
        self.calls.fetch_add(1, Ordering::Release);
        self.called.ring();
    }
}

// SAFETY: the job is written only by the thread that holds `busy`, before it calls helpers and after all it called for the last
// one have reported that done; helpers read it only in between.
unsafe impl Sync for Shared {}
// SAFETY: the job it may hold is `Sync`, and nothing in it belongs to a thread.
unsafe impl Send for Shared {}

impl Threads {
    /// So many threads; one means the calling thread alone.
    ///
    /// # Errors
    /// Zero threads, more than 4096, or more than the system gives.
    pub fn new(count: usize) -> Result<Self, KernelError> {
        let refused = match count {
            0 => Some("at least one is needed".to_owned()),
            // A system that has started too many ends the process before it says so.
            _ if count > MOST => Some(format!("at most {MOST} are possible")),
            _ => None,
        };
        if let Some(reason) = refused {
            return Err(KernelError::Threads { count, reason });
        }
        let shared = Arc::new(Shared {
            job: UnsafeCell::new(None),
            working: AtomicUsize::new(0),
            done: Bell::new(),
            stop: AtomicBool::new(false),
        });
        let mut team = Team {
            shared,
            helpers: Vec::new(),
            busy: Mutex::new(Attendance::new()),
        };
        for index in 1..count {
            let post = Arc::new(Post::new());
            let (shared, own) = (Arc::clone(&team.shared), Arc::clone(&post));
            let thread = thread::Builder::new()
                .name(format!("lstm-{index}"))
                .spawn(move || shared.help(index, &own))
                .map_err(|error| KernelError::Threads {
                    count,
                    reason: format!("the system gives {index}, then {error}; ask for fewer"),
                })?;
            team.helpers.push(Helper { post, thread });
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
            // Nothing panics while threads are at work: see `Bomb`. What else a caller does while it holds them leaves nothing
            // half done.
            Err(std::sync::TryLockError::Poisoned(error)) => PoisonError::into_inner(error),
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        Some(Taken {
            team: &self.0,
            busy,
        })
    }

    /// Those that are present, if they are two at least, and how many they are.
    fn take_present(&self) -> Option<(Taken<'_>, usize)> {
        if self.count() == 1 {
            return None;
        }
        let mut taken = self.try_take()?;
        let present = taken.present();
        (present > 1).then_some((taken, present))
    }
}

/// The threads, held for a call.
pub(crate) struct Taken<'a> {
    team: &'a Team,
    busy: MutexGuard<'a, Attendance>,
}

impl Taken<'_> {
    /// How many of them are worth calling: fewer than there are while processors are busy elsewhere.
    pub fn present(&mut self) -> usize {
        let threads = self.team.helpers.len() + 1;
        threads - self.busy.absent(Instant::now).min(threads - 1)
    }

    /// Tells calls to come that so many threads were waited for in vain.
    pub fn missed(&mut self, threads: usize) {
        if threads > 0 {
            self.busy.missed(threads, Instant::now());
        }
    }

    /// Runs `job(0)` to `job(count - 1)`, each on a thread of its own, and waits for all of them. `count` is at most the
    /// number of threads. A job that panics ends the process.
    pub fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        let team = self.team;
        let helpers = count.saturating_sub(1);
        let Some(called @ [_, ..]) = team.helpers.get(..helpers) else {
            return job(0);
        };
        // The mode belongs to a thread, and results must not depend on which thread computes what.
        let flushes = FlushDenormals::is_set();
        let each = |index: usize| {
            let _mode = flushes.then(FlushDenormals::new);
            job(index);
        };
        let each: &(dyn Fn(usize) + Sync) = &each;
        // SAFETY: only the lifetime is erased. This function does not return before every helper is done with the job; a
        // panic on any thread ends the process.
        let each = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(each) };
        // SAFETY: `busy` is held, and every helper has reported the last call done.
        unsafe { *team.shared.job.get() = Some(each) };
        team.shared.working.store(helpers, Ordering::Relaxed);
        called.iter().for_each(|helper| helper.post.call());
        or_end(|| job(0));
        (team.shared.done).wait(|| team.shared.working.load(Ordering::Acquire) == 0);
    }
}

impl Shared {
    fn help(&self, index: usize, Post { calls, called }: &Post) {
        let mut seen = 0;
        loop {
            called.wait(|| calls.load(Ordering::Acquire) != seen);
            seen = calls.load(Ordering::Acquire);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            // SAFETY: this helper was called after the job was written, and the caller waits until it is done.
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
        self.helpers.iter().for_each(|helper| helper.post.call());
        for helper in self.helpers.drain(..) {
            // A helper never panics: `Bomb` ends the process first.
            let _ = helper.thread.join();
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
    fn who_was_waited_for_in_vain_is_not_called_for_a_while() {
        let (threads, here) = (Threads::new(3).unwrap(), thread::current().id());
        let both = || threads.join(|| thread::current().id(), || thread::current().id());
        assert_ne!(both().1, here);
        // Again and again, so that the pause is longer than this test takes.
        for _ in 0..7 {
            threads.try_take().unwrap().missed(2);
        }
        assert_eq!(both(), (here, here));
        let alone = AtomicUsize::new(0);
        threads.each(|index| {
            alone.fetch_add(1 + index, Ordering::Relaxed);
        });
        assert_eq!(alone.into_inner(), 1);
    }

    #[test]
    fn no_threads_at_all_and_too_many_are_errors() {
        for (count, reason) in [(0, "at least one"), (usize::MAX, "at most 4096")] {
            let error = Threads::new(count).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
