//! What a team remembers from call to call: whether its threads find processors.

use std::time::{Duration, Instant};

/// How long calls do without a thread at first. Longer than a scheduler lets others wait for a processor, and short enough that
/// an accident costs little.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause, beside which the milliseconds of an attempt to call all again are few.
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// Threads that calls do without for a while, because they were waited for in vain.
#[derive(Debug)]
pub(super) struct Attendance {
    absent: usize,
    /// When that last changed, if ever.
    since: Option<Instant>,
    /// For how long it stays.
    pause: Duration,
}

impl Attendance {
    pub const fn new() -> Self {
        Attendance {
            absent: 0,
            since: None,
            pause: FIRST_PAUSE,
        }
    }

    /// How many threads a call at this time does without. After each pause it is one less.
    pub fn absent(&mut self, now: impl FnOnce() -> Instant) -> usize {
        // Where nobody is missing, as nearly always, nobody asks for the time.
        if self.absent > 0 {
            let now = now();
            if !self.is_recent(now) {
                self.absent -= 1;
                self.since = Some(now);
            }
        }
        self.absent
    }

    /// So many threads more were waited for in vain. If that happens soon after one was called again, the next pause is longer.
    pub fn missed(&mut self, threads: usize, now: Instant) {
        self.pause = match self.is_recent(now) {
            true => LONGEST_PAUSE.min(2 * self.pause),
            false => FIRST_PAUSE,
        };
        self.absent += threads;
        self.since = Some(now);
    }

    fn is_recent(&self, now: Instant) -> bool {
        (self.since).is_some_and(|since| now.duration_since(since) < self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_come_back_one_by_one() {
        let (mut attendance, start) = (Attendance::new(), Instant::now());
        let mut absent = |pauses: u32| attendance.absent(|| start + pauses * FIRST_PAUSE);
        assert_eq!(absent(0), 0);
        attendance.missed(2, start);
        let absent = |pauses: u32| attendance.absent(|| start + pauses * FIRST_PAUSE);
        assert_eq!([0, 1, 1, 2, 3].map(absent), [2, 1, 1, 0, 0]);
    }

    #[test]
    fn pauses_grow_while_attempts_fail_and_begin_anew_after_one_that_did_not() {
        let (mut attendance, mut now) = (Attendance::new(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            attendance.missed(1, now);
            let missed = now;
            while attendance.absent(|| now) > 0 {
                now += Duration::from_millis(1);
            }
            pauses.push((now - missed).as_millis());
            now += Duration::from_millis(3);
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 640]);
        now += LONGEST_PAUSE;
        attendance.missed(1, now);
        assert_eq!(attendance.absent(|| now + FIRST_PAUSE / 2), 1);
        assert_eq!(attendance.absent(|| now + FIRST_PAUSE), 0);
    }
}
