//! Texts, line by line: of any length, from a file or from the standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};

use super::error::LmError;
use crate::corpus::{is_stdin, without_mark};
use crate::failure::Failure;
use crate::progress::grouped;

/// So many bytes without an end are no line: what has no ends of lines, such as a device of zeros, is not read for ever.
const LONGEST_LINE: u64 = 64 << 20;

/// The lines of a text.
pub struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    /// Opens a file; `-` is the standard input.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let reader: Box<dyn BufRead> = match is_stdin(path) {
            true => Box::new(stdin().lock()),
            false => Box::new(BufReader::new(
                File::open(path).map_err(|source| unread(path, source))?,
            )),
        };
        Ok(Self {
            path: path.to_owned(),
            reader,
            buffer: Vec::new(),
            line: 0,
        })
    }

    /// The next line without its end, or none after the last. A byte-order mark before the first is no part of it.
    ///
    /// # Errors
    /// A file that cannot be read; a line that is not UTF-8 or has no end.
    pub fn next_line(&mut self) -> Result<Option<&str>, Failure> {
        self.buffer.clear();
        let mut reader = (&mut self.reader).take(LONGEST_LINE);
        let read = reader.read_until(b'\n', &mut self.buffer);
        if read.map_err(|source| unread(&self.path, source))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if self.buffer.len() as u64 == LONGEST_LINE && !self.buffer.ends_with(b"\n") {
            let reason = format!(
                "it has {} bytes without an end; a text has one sentence a line",
                grouped(LONGEST_LINE)
            );
            return Err(self.wrong(reason));
        }
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(line) if self.line == 1 => Ok(Some(without_mark(line))),
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(LmError::NotText {
                path: self.path.clone(),
                line: self.line,
                byte: error.valid_up_to() + 1,
            }
            .into()),
        }
    }

    /// An error about the line that was read last.
    pub fn wrong(&self, reason: impl Into<String>) -> Failure {
        LmError::Line {
            path: self.path.clone(),
            line: self.line,
            reason: reason.into(),
        }
        .into()
    }
}

fn unread(path: &Path, source: std::io::Error) -> Failure {
    Failure::Read {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::io::repeat;

    use super::*;

    #[test]
    fn the_longest_line_ends_with_the_last_byte_that_is_read() {
        let lines = |length: u64| Lines {
            path: PathBuf::from("text"),
            reader: Box::new(BufReader::new(
                repeat(b'a').take(length).chain(&b"\nb\n"[..]),
            )),
            buffer: Vec::new(),
            line: 0,
        };
        let mut longest = lines(LONGEST_LINE - 1);
        let line = longest.next_line().unwrap().unwrap();
        assert_eq!(line.len() as u64, LONGEST_LINE - 1);
        assert_eq!(longest.next_line().unwrap(), Some("b"));
        let message = lines(LONGEST_LINE).next_line().unwrap_err().to_string();
        assert!(message.contains("without an end"), "{message}");
    }
}
