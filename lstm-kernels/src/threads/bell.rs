//! Waiting for other threads: awake at first, then asleep.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a thread looks for news before it sleeps: about as long as it takes to fall asleep and to be woken.
///
/// Sleeping, not yielding: on a busy machine a thread that yields gives its processor for a whole turn of some milliseconds
/// to whoever else is there, at every meeting. With one other process beside two threads that made calls twenty times
/// slower.
const PATIENCE: usize = 2_000;

/// Tells waiting threads that something has changed.
#[derive(Debug)]
pub(super) struct Bell {
    /// How many threads are asleep, or about to be.
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    pub fn new() -> Self {
        Self {
            sleepers: AtomicUsize::new(0),
            lock: Mutex::new(()),
            rung: Condvar::new(),
        }
    }

    /// Waits until `is_done`, which must become true only before a [`ring`](Self::ring), and says how long it slept.
    pub fn wait(&self, is_done: impl Fn() -> bool) -> Duration {
        for _ in 0..PATIENCE {
            if is_done() {
                return Duration::ZERO;
            }
            spin_loop();
        }
        let asleep = Instant::now();
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        // Either this thread sees what was changed before `ring`, or `ring` sees this sleeper.
        fence(Ordering::SeqCst);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !is_done() {
            guard = (self.rung.wait(guard)).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
        asleep.elapsed()
    }

    /// Wakes whoever sleeps, after something was changed.
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) == 0 {
            return;
        }
        // A sleeper has looked before this lock and waits by now, or looks after it and sees the change.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.rung.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn sleepers_are_woken() {
        let (bell, is_done) = (Bell::new(), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| bell.wait(|| is_done.load(Ordering::Acquire)));
            }
            // Long enough for all of them to lose their patience.
            while bell.sleepers.load(Ordering::Relaxed) < 3 {
                thread::sleep(Duration::from_millis(1));
            }
            is_done.store(true, Ordering::Release);
            bell.ring();
        });
        assert_eq!(bell.sleepers.into_inner(), 0);
    }

    #[test]
    fn no_change_is_missed_between_awake_and_asleep() {
        // Turns of two threads, each of which sometimes sleeps and sometimes does not.
        let (bell, turn) = (Bell::new(), AtomicUsize::new(0));
        let play = |own: usize| {
            for round in 0..2_000 {
                bell.wait(|| turn.load(Ordering::Acquire) == 2 * round + own);
                if round % 50 == own {
                    thread::sleep(Duration::from_micros(300));
                }
                turn.fetch_add(1, Ordering::Release);
                bell.ring();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| play(0));
            scope.spawn(|| play(1));
        });
        assert_eq!(turn.into_inner(), 4_000);
    }
}
