//! The numbers that the elementary functions are made of, for each number type.
//!
//! The polynomials are minimax approximations (Remez exchange in 60-digit arithmetic, the error
//! weighted as stated), their coefficients rounded to the number type.

/// What [`exp`](super::exp) and its relatives need to know about a number type.
///
/// A rounding trick runs through all of them: the sum of an integer n, |n| < 2^20, and
/// [`ROUNDER`](Constants::ROUNDER) holds n in its lowest bits, and adding the two rounds a
/// fraction to an integer.
pub trait Constants: Sized + 'static {
    /// 1.5 · 2^(length of the mantissa).
    const ROUNDER: Self;
    /// What the exponent field holds for 2^0.
    const EXPONENT_BIAS: Self;
    /// The smallest normal number.
    const MIN_POSITIVE: Self;
    /// Infinity.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The bits of the mantissa, set.
    const MANTISSA: Self;

    /// log2 e.
    const LOG2_E: Self;
    /// ln 2.
    const LN_2: Self;
    /// The leading bits of ln 2, so few that their product with any exponent is exact.
    const LN_2_HIGH: Self;
    /// ln 2 - [`LN_2_HIGH`](Constants::LN_2_HIGH).
    const LN_2_LOW: Self;

    /// e to this and to any lesser number rounds to zero.
    const EXP_UNDERFLOW: Self;
    /// e to this and to any greater number rounds to infinity.
    const EXP_OVERFLOW: Self;
    /// tanh of this and of any greater number rounds to one.
    const TANH_SATURATION: Self;
    /// About half of the exponents below zero: 2^(n + this) is a normal number wherever 2^n rounds
    /// to a positive one, for n <= 0.
    const LIFT: Self;
    /// 2^-[`LIFT`](Constants::LIFT).
    const UNLIFT: Self;

    /// The coefficients of q in e^r = 1 + r + r²·q(r), lowest power first, for
    /// |r| <= 1.0002 · ln(2)/2.
    const EXP_TAIL: &'static [Self];
    /// 2^(i/8).
    const POWERS: [Self; 8];
    /// As many of [`EXP_TAIL`](Constants::EXP_TAIL) as are enough for |r| <= 1.0002 · ln(2)/16.
    const EXP_TAIL_WITH_POWERS: &'static [Self];
    /// The coefficients of Q in log(1 + f) = f - s·(f - s²·Q(s²)) with s = f / (2 + f), lowest power
    /// first, for -1/3 <= f <= 1/2.
    const LOG_TAIL: &'static [Self];
}

impl Constants for f32 {
    const ROUNDER: f32 = 12_582_912.0;
    const EXPONENT_BIAS: f32 = 127.0;
    const MIN_POSITIVE: f32 = f32::MIN_POSITIVE;
    const INFINITY: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    const MANTISSA: f32 = f32::from_bits((1 << 23) - 1);

    const LOG2_E: f32 = core::f32::consts::LOG2_E;
    const LN_2: f32 = core::f32::consts::LN_2;
    // 16 bits, so that the product with an 8-bit exponent is exact.
    const LN_2_HIGH: f32 = 0.693_145_75;
    const LN_2_LOW: f32 = 1.428_606_8e-6;

    // Half of the smallest subnormal number is 2^-150 = e^-103.97; 2^128 = e^88.72.
    const EXP_UNDERFLOW: f32 = -104.0;
    const EXP_OVERFLOW: f32 = 89.0;
    // 1 - tanh(9.011) = 2^-25, half of the distance from 1 to the number below it.
    const TANH_SATURATION: f32 = 9.25;
    const LIFT: f32 = 64.0;
    const UNLIFT: f32 = 1.0 / 18_446_744_073_709_551_616.0;

    // Relative error of e^r - 1: 1.4e-8.
    const EXP_TAIL: &'static [f32] = &[
        0.499_999_97,
        0.166_665_43,
        0.041_667_2,
        0.008_366_527,
        0.001_388_252,
    ];
    const POWERS: [f32; 8] = [
        1.0,
        1.090_507_7,
        1.189_207_1,
        1.296_839_6,
        core::f32::consts::SQRT_2,
        1.542_210_8,
        1.681_792_9,
        1.834_008_1,
    ];
    // Relative error of e^r: 1.4e-9.
    const EXP_TAIL_WITH_POWERS: &'static [f32] = Self::EXP_TAIL.split_at(3).0;
    // Relative error of log(1 + f): 2.8e-9.
    const LOG_TAIL: &'static [f32] = &[0.666_669_5, 0.399_579_02, 0.303_592_5];
}

impl Constants for f64 {
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    const EXPONENT_BIAS: f64 = 1023.0;
    const MIN_POSITIVE: f64 = f64::MIN_POSITIVE;
    const INFINITY: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    const MANTISSA: f64 = f64::from_bits((1 << 52) - 1);

    const LOG2_E: f64 = core::f64::consts::LOG2_E;
    const LN_2: f64 = core::f64::consts::LN_2;
    // 42 bits, so that the product with an 11-bit exponent is exact.
    const LN_2_HIGH: f64 = 0.693_147_180_559_890_3;
    const LN_2_LOW: f64 = 5.497_923_018_708_371e-14;

    // Half of the smallest subnormal number is 2^-1075 = e^-745.13; 2^1024 = e^709.78.
    const EXP_UNDERFLOW: f64 = -746.0;
    const EXP_OVERFLOW: f64 = 710.0;
    // 1 - tanh(19.062) = 2^-54, half of the distance from 1 to the number below it.
    const TANH_SATURATION: f64 = 19.25;
    const LIFT: f64 = 512.0;
    const UNLIFT: f64 = f64::from_bits((1023 - 512) << 52);

    // Relative error of e^r - 1: 1.9e-17.
    const EXP_TAIL: &'static [f64] = &[
        0.500_000_000_000_000_6,
        0.166_666_666_666_665_88,
        0.041_666_666_666_576_68,
        0.008_333_333_333_389_596,
        0.001_388_888_893_159_045_2,
        1.984_126_971_893_480_3e-4,
        2.480_150_524_099_377_2e-5,
        2.755_740_757_724_473_7e-6,
        2.762_605_163_662_577e-7,
        2.505_377_545_041_042_3e-8,
    ];
    const POWERS: [f64; 8] = [
        1.0,
        1.090_507_732_665_257_7,
        1.189_207_115_002_721,
        1.296_839_554_651_009_6,
        core::f64::consts::SQRT_2,
        1.542_210_825_407_940_7,
        1.681_792_830_507_429,
        1.834_008_086_409_342_4,
    ];
    // Relative error of e^r: 1.5e-18.
    const EXP_TAIL_WITH_POWERS: &'static [f64] = Self::EXP_TAIL.split_at(7).0;
    // Relative error of log(1 + f): 1.5e-17.
    const LOG_TAIL: &'static [f64] = &[
        0.666_666_666_666_726_8,
        0.399_999_999_961_745_35,
        0.285_714_293_932_523_8,
        0.222_221_386_499_513_45,
        0.181_863_506_073_770_28,
        0.152_502_874_306_097_46,
        0.153_674_918_582_661_25,
    ];
}
