//! The header of a safetensors file, read with nothing taken on trust.
//!
//! The header is a JSON object after eight bytes of its length. Own code reads it, not the crate `safetensors`: that
//! accepts two tensors of one name, of which it keeps one, and its sum of sizes can overflow. The tests compare the two.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::io::Metadata;

/// What a header says of the file, with every range inside of it.
pub(super) struct Header {
    pub metadata: Metadata,
    pub tensors: BTreeMap<String, Tensor>,
}

/// Where a tensor lies in the file and what the header says of it.
pub(super) struct Tensor {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: Range<usize>,
}

/// A tensor as the JSON has it.
#[derive(serde::Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// The element types of the format that take whole bytes, and how many.
const TYPES: [(&str, usize); 17] = [
    ("BOOL", 1),
    ("U8", 1),
    ("I8", 1),
    ("F8_E5M2", 1),
    ("F8_E4M3", 1),
    ("F8_E8M0", 1),
    ("U16", 2),
    ("I16", 2),
    ("F16", 2),
    ("BF16", 2),
    ("U32", 4),
    ("I32", 4),
    ("F32", 4),
    ("U64", 8),
    ("I64", 8),
    ("F64", 8),
    ("C64", 8),
];

impl Header {
    /// The header of a file with these bytes; the error is what is wrong with it.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let Some((len, rest)) = file.split_first_chunk() else {
            return Err(format!(
                "it has {} bytes, less than a header takes",
                file.len()
            ));
        };
        let len = u64::from_le_bytes(*len);
        let Some(text) = usize::try_from(len).ok().and_then(|len| rest.get(..len)) else {
            return Err(format!(
                "its header would take {len} bytes, but only {} follow",
                rest.len()
            ));
        };
        let raw: Raw = serde_json::from_slice(text)
            .map_err(|error| format!("its safetensors header is wrong ({error})"))?;
        let (start, data) = (size_of::<u64>() + text.len(), rest.len() - text.len());
        raw.check(data)?;
        let tensors = (raw.tensors.into_iter())
            .map(|(name, entry)| {
                let (from, to) = entry.data_offsets;
                let tensor = Tensor {
                    dtype: entry.dtype,
                    shape: entry.shape,
                    bytes: start + from..start + to,
                };
                (name, tensor)
            })
            .collect();
        Ok(Self {
            metadata: raw.metadata,
            tensors,
        })
    }
}

/// The JSON object of the header: unique names, nothing else checked.
#[derive(Default)]
struct Raw {
    metadata: Metadata,
    tensors: BTreeMap<String, Entry>,
}

impl Raw {
    /// Checks that the tensors lie in the `data` bytes behind the header side by side, without gap or overlap, and
    /// take what their shapes need.
    fn check(&self, data: usize) -> Result<(), String> {
        let mut in_order: Vec<_> = self.tensors.iter().collect();
        in_order.sort_by_key(|(_, entry)| entry.data_offsets);
        let mut end = 0;
        for (name, entry) in in_order {
            let (from, to) = entry.data_offsets;
            if from != end || to < from || to > data {
                return Err(format!(
                    "its tensor `{name}` claims bytes {from} to {to}, where {end} to at most {data} are left"
                ));
            }
            end = to;
            let Some(&(_, size)) = TYPES.iter().find(|(dtype, _)| *dtype == entry.dtype) else {
                continue;
            };
            let needed = (entry.shape.iter()).try_fold(size, |len, &axis| len.checked_mul(axis));
            if needed != Some(to - from) {
                return Err(format!(
                    "its tensor `{name}` is {} {:?}, but has {} bytes",
                    entry.dtype,
                    entry.shape,
                    to - from
                ));
            }
        }
        match end == data {
            true => Ok(()),
            false => Err(format!(
                "it has {} bytes that belong to nothing",
                data - end
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let mut metadata = None;
        while let Some(name) = map.next_key::<String>()? {
            let is_new = match name.as_str() {
                "__metadata__" => metadata
                    .replace(map.next_value::<Option<Unique>>()?)
                    .is_none(),
                _ => match raw.tensors.entry(name.clone()) {
                    std::collections::btree_map::Entry::Vacant(place) => {
                        place.insert(map.next_value()?);
                        true
                    }
                    std::collections::btree_map::Entry::Occupied(_) => false,
                },
            };
            if !is_new {
                return Err(A::Error::custom(format_args!("two entries `{name}`")));
            }
        }
        raw.metadata = metadata.flatten().unwrap_or_default().0;
        Ok(raw)
    }
}

/// Metadata with unique keys.
#[derive(Default)]
struct Unique(Metadata);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut metadata = Metadata::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if let Some(_earlier) = metadata.insert(key.clone(), value) {
                return Err(A::Error::custom(format_args!(
                    "two entries `{key}` in the metadata"
                )));
            }
        }
        Ok(Unique(metadata))
    }
}
