//! Work of other kinds than kernels on the threads: two pieces side by side, or one on every thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::Threads;

impl Threads {
    /// Runs two closures side by side on two of the threads, the first on the calling one, and returns what they return.
    /// If there is only one thread, if another call has them, or if processors are busy elsewhere, the second runs after the
    /// first.
    ///
    /// Meanwhile the threads are busy: a kernel that is called inside works alone. So this pays for two calls of about
    /// the same length that are too small to share out well, such as the two directions of a bidirectional layer.
    ///
    /// ```
    /// # fn main() -> Result<(), lstm_kernels::KernelError> {
    /// let threads = lstm_kernels::Threads::new(2)?;
    /// let (sum, product) = threads.join(|| (1..=5).sum::<u32>(), || (1..=5).product::<u32>());
    /// assert_eq!((sum, product), (15, 120));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If a closure does, after both have come to an end; if both do, with the panic of the first. Where they run one
    /// after the other, the second does not run after a panic of the first.
    pub fn join<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        let Some((taken, _)) = self.take_present() else {
            return (a(), b());
        };
        let (a, b) = (Task::new(a), Task::new(b));
        taken.run(2, &|index| if index == 0 { a.run() } else { b.run() });
        drop(taken);
        (a.finish(), b.finish())
    }

    /// Runs `work` on all threads at a time, each with its own index from 0, which is the calling one, and waits for them.
    /// If another call has the threads, it runs on the calling one alone, and on fewer where processors are busy elsewhere. So
    /// what is to be done must not depend on how many take part: let each take the next piece until none is left.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// # fn main() -> Result<(), lstm_kernels::KernelError> {
    /// let (next, sum) = (AtomicU32::new(0), AtomicU32::new(0));
    /// lstm_kernels::Threads::new(2)?.each(|_| {
    ///     loop {
    ///         match next.fetch_add(1, Ordering::Relaxed) {
    ///             piece @ 0..100 => sum.fetch_add(piece, Ordering::Relaxed),
    ///             _ => return,
    ///         };
    ///     }
    /// });
    /// assert_eq!(sum.into_inner(), 4950);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If `work` does on any thread, after all of them have come to an end.
    pub fn each(&self, work: impl Fn(usize) + Sync) {
        let Some((taken, present)) = self.take_present() else {
            return work(0);
        };
        let panics = Mutex::new(Vec::new());
        taken.run(present, &|index| {
            // As in `Task`: what is half done is seen by nobody before the panic goes on in the caller.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(index))) {
                // All are kept until nobody works: to drop one may panic, too.
                panics
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(payload);
            }
        });
        drop(taken);
        let panics = panics.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut panics = panics.into_iter();
        if let Some(first) = panics.next() {
            drop(panics);
            resume_unwind(first);
        }
    }
}

/// A closure on the way to a thread, and what became of it on the way back. Only one thread at a time has it, so nobody
/// waits for the locks.
struct Task<F, R> {
    closure: Mutex<Option<F>>,
    result: Mutex<Option<thread::Result<R>>>,
}

impl<R, F: FnOnce() -> R> Task<F, R> {
    fn new(closure: F) -> Self {
        Task {
            closure: Mutex::new(Some(closure)),
            result: Mutex::new(None),
        }
    }

    fn run(&self) {
        let closure = self
            .closure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(closure) = closure {
            // What the closure leaves half done is seen by nobody before the panic goes on in the caller.
            let result = catch_unwind(AssertUnwindSafe(closure));
            *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    }

    fn finish(self) -> R {
        match self
            .result
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Some(Ok(value)) => value,
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("the threads run every task of a call"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    /// The message of a panic that reaches the caller.
    fn message<R>(work: impl FnOnce() -> R) -> String {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(_) => panic!("no panic reached the caller"),
            Err(panic) => (*panic.downcast_ref::<&str>().unwrap()).to_owned(),
        }
    }

    #[test]
    fn both_run_once_and_results_keep_their_places() {
        for count in 1..=3 {
            let threads = Threads::new(count).unwrap();
            for round in 0..200 {
                let (mut left, mut right) = (0, String::new());
                let results = threads.join(
                    || {
                        left += 1;
                        round
                    },
                    || {
                        right += "once";
                        "second"
                    },
                );
                assert_eq!(results, (round, "second"));
                assert_eq!((left, right.as_str()), (1, "once"));
            }
        }
    }

    #[test]
    fn work_runs_once_on_each_thread_and_a_panic_reaches_the_caller() {
        for count in 1..=4 {
            let threads = Threads::new(count).unwrap();
            let ran: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            for _ in 0..100 {
                threads.each(|index| {
                    ran[index].fetch_add(1, Ordering::Relaxed);
                });
            }
            assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 100));
            let failed = || threads.each(|index| assert!(index + 1 < count, "no"));
            assert_eq!(message(failed), "no");
            // The threads are free again, and busy ones leave the caller alone.
            let taken = threads.try_take().unwrap();
            let alone = AtomicUsize::new(0);
            threads.each(|index| {
                alone.fetch_add(1 + index, Ordering::Relaxed);
            });
            assert_eq!(alone.into_inner(), 1);
            drop(taken);
        }
    }

    /// What a panic carries may itself panic when it is dropped, which is then the caller's panic and nobody else's.
    #[test]
    fn panics_that_panic_when_they_are_dropped_reach_the_caller() {
        struct Loud;
        impl Drop for Loud {
            fn drop(&mut self) {
                if !thread::panicking() {
                    panic!("dropped");
                }
            }
        }
        let threads = Threads::new(3).unwrap();
        let all = || threads.each(|_| std::panic::panic_any(Loud));
        let panic = catch_unwind(AssertUnwindSafe(all)).unwrap_err();
        std::mem::forget(panic);
        threads.each(|_| ());
    }

    #[test]
    fn two_free_threads_run_side_by_side() {
        // Each waits for the other: one after the other they would never end.
        let (threads, both) = (Threads::new(2).unwrap(), Barrier::new(2));
        for _ in 0..50 {
            threads.join(|| both.wait(), || both.wait());
        }
    }

    #[test]
    fn busy_threads_run_one_after_the_other() {
        let threads = Threads::new(3).unwrap();
        let (turn, here) = (AtomicUsize::new(0), thread::current().id());
        threads.join(
            || {
                let inner = threads.join(
                    || (turn.fetch_add(1, Ordering::Relaxed), thread::current().id()),
                    || (turn.fetch_add(1, Ordering::Relaxed), thread::current().id()),
                );
                assert_eq!(inner, ((0, here), (1, here)));
            },
            || (),
        );
        let alone = Threads::new(1).unwrap();
        let (first, second) = alone.join(|| thread::current().id(), || thread::current().id());
        assert_eq!((first, second), (here, here));
    }

    #[test]
    fn a_panic_in_either_reaches_the_caller_and_the_threads_go_on() {
        for count in 1..=3 {
            let threads = Threads::new(count).unwrap();
            for _ in 0..20 {
                let done = AtomicBool::new(false);
                let finish = || done.store(true, Ordering::Relaxed);
                assert_eq!(
                    message(|| threads.join(finish, || panic!("second"))),
                    "second"
                );
                assert!(done.load(Ordering::Relaxed));
                let done = AtomicBool::new(false);
                let finish = || done.store(true, Ordering::Relaxed);
                assert_eq!(
                    message(|| threads.join(|| panic!("first"), finish)),
                    "first"
                );
                assert_eq!(done.load(Ordering::Relaxed), count > 1);
                let both = || threads.join(|| panic!("first"), || panic!("second"));
                assert_eq!(message(both), "first");
                assert_eq!(threads.join(|| 1, || 2), (1, 2));
            }
        }
    }
}
