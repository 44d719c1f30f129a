//! A checksum over all that a file says.

use std::hash::Hasher;

use fnv::FnvHasher;

use crate::io::Metadata;

/// The entry of the metadata that holds the checksum of everything else.
pub(super) const KEY: &str = "checksum";

/// FNV-1a over names, types, shapes, numbers and metadata: it finds accidents, not forgeries.
#[derive(Default)]
pub(super) struct Checksum(FnvHasher);

impl Checksum {
    pub fn of_metadata(metadata: &Metadata) -> Self {
        let mut checksum = Self::default();
        for (key, value) in metadata.iter().filter(|(key, _)| *key != KEY) {
            checksum.add_text(key);
            checksum.add_text(value);
        }
        checksum
    }

    pub fn add_tensor(&mut self, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) {
        self.add_text(name);
        self.add_text(dtype);
        shape
            .iter()
            .for_each(|&axis| self.add(&(axis as u64).to_le_bytes()));
        self.add(bytes);
    }

    /// Text with an end mark that no text contains, so that a shift from one text to the next is seen.
    fn add_text(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&[0xff]);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// The checksum as text.
    pub fn hex(&self) -> String {
        super::hex(self.0.finish())
    }
}
