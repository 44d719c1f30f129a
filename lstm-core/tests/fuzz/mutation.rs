//! Changes to files, from single bits to headers that lie.

use lstm_core::Rng;
use serde_json::{Map, Value, json};

/// A changed copy of `sound`, and whether its checksum was made right again, so that the change gets past it.
pub fn mutate(sound: &[u8], rng: &mut Rng) -> (Vec<u8>, bool) {
    let mut bytes = sound.to_vec();
    let mut is_sealed = false;
    for _ in 0..=rng.below(3) {
        match rng.below(5) {
            0 => flip(&mut bytes, rng),
            1 => cut(&mut bytes, rng),
            2 => length(&mut bytes, rng),
            3 => text(&mut bytes, rng),
            _ => {
                if let Some(changed) = header(&bytes, rng) {
                    bytes = changed;
                }
            }
        }
    }
    if rng.below(4) > 0
        && let Some(sealed) = sealed(&bytes)
    {
        (bytes, is_sealed) = (sealed, true);
    }
    (bytes, is_sealed)
}

/// One of `values`.
fn pick<'a, T: ?Sized>(values: &[&'a T], rng: &mut Rng) -> &'a T {
    values[rng.below(values.len() as u64) as usize]
}

/// A place in a slice of `len`, or its end.
fn place(len: usize, rng: &mut Rng) -> usize {
    rng.below(len as u64 + 1) as usize
}

fn flip(bytes: &mut [u8], rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        let at = place(bytes.len(), rng);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << rng.below(8);
        }
    }
}

/// Cuts bytes out, doubles some, or puts new ones in.
fn cut(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let (a, b) = (place(bytes.len(), rng), place(bytes.len(), rng));
    let range = a.min(b)..a.max(b);
    match rng.below(4) {
        0 => bytes.truncate(a),
        1 => drop(bytes.drain(range)),
        2 => {
            let doubled = bytes[range.clone()].to_vec();
            drop(bytes.splice(range.end..range.end, doubled));
        }
        _ => {
            let new: Vec<u8> = (0..rng.below(40)).map(|_| rng.below(256) as u8).collect();
            drop(bytes.splice(a..a, new));
        }
    }
}

/// Changes the length of the header.
fn length(bytes: &mut [u8], rng: &mut Rng) {
    let all = bytes.len() as u64;
    let Some(field) = bytes.first_chunk_mut::<8>() else {
        return;
    };
    let old = u64::from_le_bytes(*field);
    let lengths = [
        0,
        1,
        old.wrapping_add(1),
        old.wrapping_sub(1),
        all - 8,
        all - 7,
        all,
        1 << 31,
        1 << 32,
        1 << 63,
        u64::MAX,
        u64::MAX - 7,
    ];
    *field = lengths[rng.below(lengths.len() as u64) as usize].to_le_bytes();
}

/// The header's text and what is behind it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<8>()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
    let (header, data) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

fn join(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_owned().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

/// Pieces of text that a reader may stumble over.
const PIECES: [&str; 22] = [
    "0",
    "-1",
    "1e999",
    "0.5",
    "18446744073709551615",
    "9223372036854775808",
    "99999999999999999999999999",
    "NaN",
    "inf",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"F16\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    ",",
    "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},",
    "\"__metadata__\":{},",
    "]",
    "}",
];

/// Changes the header as text: puts pieces in, or in the place of a number; or nests without end.
fn text(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let Some((header, data)) = split(bytes) else {
        return;
    };
    let mut header = header.to_owned();
    let piece = match rng.below(20) {
        0 => "[".repeat(1 + rng.below(3000) as usize),
        1 => "{\"a\":".repeat(1 + rng.below(1000) as usize),
        _ => pick(&PIECES, rng).to_owned(),
    };
    let is_digit = |&(_, letter): &(usize, char)| letter.is_ascii_digit();
    let digits: Vec<_> = header
        .char_indices()
        .filter(is_digit)
        .map(|(at, _)| at)
        .collect();
    match rng.below(3) {
        0 if !digits.is_empty() => {
            let at = digits[rng.below(digits.len() as u64) as usize];
            header.replace_range(at..=at, &piece);
        }
        // Behind the brace that opens the header.
        1 if header.starts_with('{') => header.insert_str(1, &piece),
        _ => {
            let at = place(header.len(), rng);
            if header.is_char_boundary(at) {
                header.insert_str(at, &piece);
            }
        }
    }
    *bytes = join(&header, data);
}

/// Changes one entry of the header.
fn header(bytes: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let (header, data) = split(bytes)?;
    let mut header: Map<String, Value> = serde_json::from_str(header).ok()?;
    let names: Vec<String> = header.keys().cloned().collect();
    if names.is_empty() {
        return None;
    }
    let name = &names[rng.below(names.len() as u64) as usize];
    if rng.below(3) == 0
        && let Some(Value::Object(metadata)) = header.get_mut("__metadata__")
    {
        entry(metadata, rng);
    } else {
        tensor(&mut header, name, data.len(), rng);
    }
    Some(join(&Value::from(header).to_string(), data))
}

/// Changes an entry of the metadata.
fn entry(metadata: &mut Map<String, Value>, rng: &mut Rng) {
    let keys: Vec<String> = metadata.keys().cloned().collect();
    let Some(key) = keys.get(place(keys.len(), rng)) else {
        metadata.insert("another".to_owned(), json!("entry"));
        return;
    };
    let old = metadata[key].as_str().unwrap_or_default().to_owned();
    let value = match rng.below(6) {
        0 => {
            metadata.remove(key);
            return;
        }
        1 => pick(&PIECES, rng).to_owned(),
        2 => "[".repeat(1 + rng.below(3000) as usize),
        3 => keys[rng.below(keys.len() as u64) as usize].clone(),
        // A number in it, often a size or a counter, becomes another.
        _ => {
            let is_digit = |&(_, letter): &(usize, char)| letter.is_ascii_digit();
            let digits: Vec<_> = old
                .char_indices()
                .filter(is_digit)
                .map(|(at, _)| at)
                .collect();
            let mut new = old.clone();
            if !digits.is_empty() {
                let at = digits[rng.below(digits.len() as u64) as usize];
                new.replace_range(at..=at, pick(&PIECES, rng));
            }
            new
        }
    };
    metadata.insert(key.clone(), value.into());
}

/// Changes a tensor of the header.
fn tensor(header: &mut Map<String, Value>, name: &str, data: usize, rng: &mut Rng) {
    let other = format!("{name}x");
    let sizes = [
        0,
        1,
        4,
        data as u64,
        data as u64 + 1,
        1 << 31,
        1 << 61,
        1 << 63,
        u64::MAX,
    ];
    let mut size = || sizes[rng.below(sizes.len() as u64) as usize];
    let (a, b) = (size(), size());
    let Some(Value::Object(tensor)) = header.get_mut(name) else {
        return;
    };
    match rng.below(8) {
        0 => {
            let types = ["F16", "BF16", "F32", "F64", "I64", "BOOL", "F4", "f32", ""];
            tensor.insert("dtype".to_owned(), pick(&types, rng).into());
        }
        1 => {
            tensor.insert("shape".to_owned(), json!([a, b]));
        }
        2 => {
            tensor.insert("shape".to_owned(), json!(vec![1; rng.below(2000) as usize]));
        }
        3 => {
            tensor.insert("data_offsets".to_owned(), json!([a, b]));
        }
        // Another view of the same bytes.
        4 => {
            let shape = tensor.get("shape").and_then(Value::as_array).cloned();
            let reversed: Vec<_> = shape.unwrap_or_default().into_iter().rev().collect();
            tensor.insert("shape".to_owned(), reversed.into());
        }
        5 => {
            tensor.remove("shape");
        }
        6 => {
            let moved = header.remove(name);
            header.insert(other, moved.unwrap_or_default());
        }
        _ => {
            let copy = header[name].clone();
            header.insert(other, copy);
        }
    }
}

/// The file with the checksum that fits its contents, if it can be understood at all.
///
/// This is the checksum as the documentation of the format has it, written a second time.
pub fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (text, data) = split(bytes)?;
    let mut header: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for (key, value) in header.get("__metadata__")?.as_object()? {
        if key != "checksum" {
            add(&[key.as_bytes(), &[0xff], value.as_str()?.as_bytes(), &[0xff]].concat());
        }
    }
    for (name, tensor) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let dtype = tensor.get("dtype")?.as_str()?;
        add(&[name.as_bytes(), &[0xff], dtype.as_bytes(), &[0xff]].concat());
        for axis in tensor.get("shape")?.as_array()? {
            add(&axis.as_u64()?.to_le_bytes());
        }
        let offset =
            |at: usize| usize::try_from(tensor.get("data_offsets")?.get(at)?.as_u64()?).ok();
        add(data.get(offset(0)?..offset(1)?)?);
    }
    let checksum = format!("{hash:016x}").into();
    (header.get_mut("__metadata__")?.as_object_mut()?).insert("checksum".to_owned(), checksum);
    Some(join(&Value::from(header).to_string(), data))
}
