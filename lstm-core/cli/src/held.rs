//! The output of work that is to be saved: what goes wrong with it is held back until then.

use std::io::{self, Write, stderr};

use crate::failure::Failure;

/// A writer whose first error is kept instead of returned; what comes after it is not written. A reader that goes away, as
/// `tee` does when Ctrl-C comes, does not take with it what was learned.
#[derive(Debug)]
pub struct Held<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: Write> Held<W> {
    /// Writes to `out` as long as that works.
    pub fn new(out: W) -> Self {
        Self { out, error: None }
    }

    /// The error that was kept, once all is saved.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        let _ = self.flush();
        self.error.map_or(Ok(()), |error| Err(error.into()))
    }

    fn hold<R>(&mut self, otherwise: R, write: impl FnOnce(&mut W) -> io::Result<R>) -> R {
        if self.error.is_some() {
            return otherwise;
        }
        write(&mut self.out).unwrap_or_else(|error| {
            self.error = Some(error);
            otherwise
        })
    }
}

impl<W: Write> Write for Held<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.hold(bytes.len(), |out| {
            out.write_all(bytes).map(|()| bytes.len())
        }))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hold((), W::flush);
        Ok(())
    }
}

/// Writes a line on the error output. If nobody reads that, there is nobody to tell.
pub fn complain(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_kept_and_the_rest_is_not_written() {
        let mut room = [0; 4];
        let mut held = Held::new(&mut room[..]);
        writeln!(held, "abc").unwrap();
        writeln!(held, "d").unwrap();
        writeln!(held, "e").unwrap();
        let error = held.finish().unwrap_err().to_string();
        assert!(error.starts_with("cannot write to the output"), "{error}");
        assert_eq!(&room, b"abc\n");

        let mut all = Vec::new();
        let mut held = Held::new(&mut all);
        writeln!(held, "abc").unwrap();
        held.finish().unwrap();
        assert_eq!(all, b"abc\n");
    }
}
