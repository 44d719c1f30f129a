//! Ctrl-C and the signals that end programs: the first asks training to stop, a later one quits.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// What comes so soon after the first is the same wish once more: `timeout` and closed terminals signal a program and its group.
const SAME: Duration = Duration::from_secs(1);

/// Whether Ctrl-C or a signal has come.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen to Ctrl-C and, on Unix, to SIGTERM and SIGHUP. A SIGHUP that is ignored, as `nohup` arranges it, stays so.
    ///
    /// # Errors
    /// A system that does not let us.
    pub fn listen() -> Result<Self, Failure> {
        let came = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&came);
        let mut first = None;
        let hangup = Hangup::save();
        ctrlc::set_handler(move || {
            flag.store(true, Ordering::Relaxed);
            if first.get_or_insert_with(Instant::now).elapsed() > SAME {
                process::exit(130);
            }
        })?;
        hangup.restore();
        Ok(Self(came))
    }

    /// One that listens to nothing.
    #[cfg(test)]
    pub fn pretended(came: bool) -> Self {
        Self(Arc::new(AtomicBool::new(came)))
    }

    /// Whether to stop.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What SIGHUP does before somebody listens to it.
#[cfg(unix)]
struct Hangup(libc::sighandler_t);

#[cfg(unix)]
impl Hangup {
    fn save() -> Self {
        // SAFETY: ignoring a signal runs no code of ours.
        Self(unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) })
    }

    /// Has it ignored again if it was.
    fn restore(self) {
        if self.0 == libc::SIG_IGN {
            // SAFETY: as above.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        }
    }
}

/// Other systems have no SIGHUP.
#[cfg(not(unix))]
struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    fn save() -> Self {
        Self
    }

    fn restore(self) {}
}
