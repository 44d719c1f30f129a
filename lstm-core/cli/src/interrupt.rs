//! Ctrl-C and, on Unix, SIGTERM: the first asks training to stop, a later Ctrl-C quits.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// What comes so soon after the first is the same wish once more: `timeout` signals a program and its group.
const SAME: Duration = Duration::from_secs(1);

/// Whether Ctrl-C or SIGTERM has come.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen.
    ///
    /// # Errors
    /// A system that does not let us.
    pub fn listen() -> Result<Self, Failure> {
        let came = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&came);
        let mut first = None;
        ctrlc::set_handler(move || {
            flag.store(true, Ordering::Relaxed);
            if first.get_or_insert_with(Instant::now).elapsed() > SAME {
                process::exit(130);
            }
        })?;
        // What ends a job on a cluster or a container; SIGHUP stays as it is, so that `nohup` may have it ignored.
        #[cfg(unix)]
        signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&came))
            .map_err(ctrlc::Error::System)?;
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
