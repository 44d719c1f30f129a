//! Numbers as the format stores them: least significant byte first.

use lstm_kernels::Element;

/// Appends numbers as bytes. The way through f64 is exact.
pub(crate) fn write_numbers<T: Element>(values: &[T], bytes: &mut Vec<u8>) {
    let values = values.iter().map(|value| value.to_f64());
    match size_of::<T>() {
        4 => bytes.extend(values.flat_map(|value| (value as f32).to_le_bytes())),
        _ => bytes.extend(values.flat_map(f64::to_le_bytes)),
    }
}

/// Fills `values` from as many bytes as `convert` takes for each.
pub(super) fn read_numbers<const N: usize, T: Element>(
    bytes: &[u8],
    values: &mut [T],
    convert: fn([u8; N]) -> f64,
) {
    for (value, &bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
        *value = T::from_f64(convert(bytes));
    }
}

/// IEEE 754 binary16: one sign, five bits of exponent with a bias of 15, ten bits of fraction.
pub(crate) fn from_f16(bytes: [u8; 2]) -> f64 {
    let bits = u16::from_le_bytes(bytes);
    let fraction = f64::from(bits & 0x3ff);
    let size = match i32::from(bits >> 10 & 0x1f) {
        // Below the smallest exponent the leading one is missing.
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// bfloat16: the upper half of an f32.
pub(crate) fn from_bf16(bytes: [u8; 2]) -> f64 {
    f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // From IEEE 754-2019, 3.4: the largest and smallest numbers of binary16 and some between; 1/3 is rounded to
    // 1365/4096. Python agrees: struct.unpack("<e", bytes).
    #[test]
    fn half_precision_is_that_of_the_standard() {
        for (bits, value) in [
            (0x0000u16, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 1365.0 / 4096.0),
            (0x7bff, 65504.0),
            (0x0400, 2f64.powi(-14)),
            (0x03ff, 1023.0 * 2f64.powi(-24)),
            (0x8001, -(2f64.powi(-24))),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(from_f16(bits.to_le_bytes()), value, "{bits:x}");
        }
        assert!(from_f16(0x7e00u16.to_le_bytes()).is_nan());
        assert!(from_f16(0x8000u16.to_le_bytes()).is_sign_negative());
    }

    #[test]
    fn bfloat16_is_half_of_single_precision() {
        for (bits, value) in [
            (0x3f80u16, 1.0),
            (0xc049, -3.140625),
            (0x0001, 2f64.powi(-133)),
            (0xff80, f64::NEG_INFINITY),
        ] {
            assert_eq!(from_bf16(bits.to_le_bytes()), value, "{bits:x}");
        }
        assert!(from_bf16(0x7fc0u16.to_le_bytes()).is_nan());
    }

    #[test]
    fn numbers_keep_their_bits() {
        let values = [0.1f64, -0.0, f64::MIN_POSITIVE / 4.0, f64::INFINITY];
        let mut bytes = Vec::new();
        write_numbers(&values, &mut bytes);
        let mut read = [0.0f64; 4];
        read_numbers(&bytes, &mut read, f64::from_le_bytes);
        assert_eq!(read.map(f64::to_bits), values.map(f64::to_bits));
    }
}
