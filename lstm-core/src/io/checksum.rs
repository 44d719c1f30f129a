//! A checksum over all that a file says.

use crate::io::Metadata;

/// The entry of the metadata that holds the checksum of everything else.
pub(super) const KEY: &str = "checksum";

/// FNV-1a over names, types, shapes, numbers and metadata: it finds accidents, not forgeries.
pub(super) struct Checksum(u64);

impl Checksum {
    pub fn of_metadata(metadata: &Metadata) -> Self {
        let mut checksum = Self(0xcbf2_9ce4_8422_2325);
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
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The checksum as text.
    pub fn hex(&self) -> String {
        super::hex(self.0)
    }
}
