//! Relief: who is done takes over half of what another thread still has to do, so that a slower processor is not waited for.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bell::Bell;

/// Some samples, and how many steps they still have to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    pub samples: Range<usize>,
    pub steps: usize,
}

/// Where threads that have samples of their own ask for more.
#[derive(Debug)]
pub(crate) struct Relief {
    threads: usize,
    desk: Mutex<Desk>,
    /// What there is to know without asking at the desk: one of the constants below. Changed only there.
    news: AtomicU8,
    bell: Bell,
}

#[derive(Debug)]
struct Desk {
    /// Threads that have nothing to do.
    waiting: usize,
    offer: Option<Rest>,
}

const ALL_BUSY: u8 = 0;
const WANTED: u8 = 1;
const OFFERED: u8 = 2;
const OVER: u8 = 3;

impl Relief {
    /// For so many threads, all of which are busy.
    pub fn new(threads: usize) -> Self {
        Relief {
            threads,
            desk: Mutex::new(Desk {
                waiting: 0,
                offer: None,
            }),
            news: AtomicU8::new(ALL_BUSY),
            bell: Bell::new(),
        }
    }

    /// Whether a thread waits to whom nobody has offered anything.
    #[inline(always)]
    pub fn is_wanted(&self) -> bool {
        self.news.load(Ordering::Relaxed) == WANTED
    }

    /// Offers what is left of some samples, and says whether it was accepted: another thread may have been faster. What was
    /// done for them so far is visible to whoever takes them.
    #[must_use = "what was accepted is no longer the caller's"]
    pub fn offer(&self, rest: Rest) -> bool {
        let mut desk = self.desk();
        if desk.waiting == 0 || desk.offer.is_some() {
            return false;
        }
        desk.offer = Some(rest);
        self.tell(desk);
        true
    }

    /// Waits for samples; nothing if all threads are done.
    pub fn take(&self) -> Option<Rest> {
        let mut desk = self.desk();
        desk.waiting += 1;
        loop {
            if let Some(rest) = desk.offer.take() {
                desk.waiting -= 1;
                self.tell(desk);
                return Some(rest);
            }
            if desk.waiting == self.threads {
                self.tell(desk);
                return None;
            }
            self.tell(desk);
            self.bell
                .wait(|| self.news.load(Ordering::Acquire) >= OFFERED);
            desk = self.desk();
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the desk, and lets the others know what has become of it.
    fn tell(&self, desk: MutexGuard<'_, Desk>) {
        let news = match &*desk {
            Desk { offer: Some(_), .. } => OFFERED,
            Desk { waiting: 0, .. } => ALL_BUSY,
            Desk { waiting, .. } if *waiting == self.threads => OVER,
            Desk { .. } => WANTED,
        };
        self.news.store(news, Ordering::Release);
        drop(desk);
        if news >= OFFERED {
            self.bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_thread_waits_for_nobody() {
        let relief = Relief::new(1);
        assert!(!relief.is_wanted());
        assert_eq!(relief.take(), None);
    }

    #[test]
    fn nothing_is_offered_to_busy_threads() {
        let rest = Rest {
            samples: 0..4,
            steps: 2,
        };
        assert!(!Relief::new(2).offer(rest));
    }

    #[test]
    fn every_step_of_every_sample_is_done_once_and_in_order() {
        const SAMPLES: usize = 24;
        const STEPS: usize = 40;
        let mut handed_over = 0;
        for threads in 2..=4 {
            for slow in 0..threads {
                let relief = Relief::new(threads);
                let done: Vec<_> = (0..SAMPLES).map(|_| AtomicUsize::new(0)).collect();
                let handed = AtomicUsize::new(0);
                let work = |thread: usize| {
                    let own = SAMPLES / threads;
                    let mut rest = Some(Rest {
                        samples: thread * own..(thread + 1) * own,
                        steps: STEPS,
                    });
                    while let Some(Rest { mut samples, steps }) = rest {
                        for left in (1..=steps).rev() {
                            if samples.len() > 1 && relief.is_wanted() {
                                let half = Rest {
                                    samples: samples.start + samples.len() / 2..samples.end,
                                    steps: left,
                                };
                                let kept = samples.start..half.samples.start;
                                if relief.offer(half) {
                                    samples = kept;
                                    handed.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                            for sample in samples.clone() {
                                // Relaxed: what the thread before did is visible because the offer was taken after it.
                                let before = done[sample].fetch_add(1, Ordering::Relaxed);
                                assert_eq!(before, STEPS - left);
                            }
                            if thread == slow {
                                thread::sleep(Duration::from_micros(200));
                            }
                        }
                        rest = relief.take();
                    }
                };
                thread::scope(|scope| {
                    for thread in 0..threads {
                        scope.spawn(move || work(thread));
                    }
                });
                assert!(
                    done.iter()
                        .all(|done| done.load(Ordering::Relaxed) == STEPS)
                );
                handed_over += handed.into_inner();
            }
        }
        assert!(handed_over > 0, "nobody ever took over samples");
    }
}
