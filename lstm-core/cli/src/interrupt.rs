//! Ctrl-C: the first asks training to stop, the second quits.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

/// Whether Ctrl-C has come.
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
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                process::exit(130);
            }
        })?;
        Ok(Self(came))
    }

    /// Whether to stop.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
