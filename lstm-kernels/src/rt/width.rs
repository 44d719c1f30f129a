//! Which instruction sets this machine has, and how to enter one.

use core::fmt::{self, Display};
use core::str::FromStr;

use pulp::{Scalar, Simd, WithSimd};

use super::Element;

/// An instruction set, named after its registers. Every kernel runs on every one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// One number at a time, on any machine.
    Scalar,
    /// 128 bits, x86-64-v2 (SSE4.2).
    Sse,
    /// 256 bits, x86-64-v3 (AVX2 and FMA).
    Avx2,
    /// 512 bits, x86-64-v4 (AVX-512).
    Avx512,
    /// 128 bits, AArch64.
    Neon,
}

/// The most lanes that a register has: those of the widest one, of the smallest numbers.
pub(crate) const MAX_LANES: usize = Width::Avx512.lanes::<f32>();

impl Width {
    /// All instruction sets, narrow to wide within a family.
    pub const ALL: [Width; 5] = [
        Width::Scalar,
        Width::Sse,
        Width::Avx2,
        Width::Avx512,
        Width::Neon,
    ];

    /// The instruction sets of this machine, from narrow to wide; never empty.
    pub fn available() -> Vec<Width> {
        let has = |width: &Width| width.token().is_ok();
        Self::ALL.into_iter().filter(has).collect()
    }

    /// The widest instruction set of this machine.
    pub fn best() -> Width {
        let has = |width: &Width| width.token().is_ok();
        Self::ALL
            .into_iter()
            .rev()
            .find(has)
            .unwrap_or(Width::Scalar)
    }

    /// The name on the command line and in reports: `scalar`, `sse`, `avx2`, `avx512` or `neon`.
    pub const fn name(self) -> &'static str {
        match self {
            Width::Scalar => "scalar",
            Width::Sse => "sse",
            Width::Avx2 => "avx2",
            Width::Avx512 => "avx512",
            Width::Neon => "neon",
        }
    }

    /// How many numbers of type `T` a register holds.
    pub const fn lanes<T: Element>(self) -> usize {
        let bytes = match self {
            Width::Scalar => return 1,
            Width::Sse | Width::Neon => 16,
            Width::Avx2 => 32,
            Width::Avx512 => 64,
        };
        bytes / size_of::<T>()
    }

    /// How many registers there are.
    pub(crate) const fn registers(self) -> usize {
        match self {
            Width::Scalar | Width::Sse | Width::Avx2 => 16,
            Width::Avx512 | Width::Neon => 32,
        }
    }

    /// The proof that this machine has the instruction set, and the means to enter it.
    ///
    /// # Errors
    /// The machine lacks it.
    pub fn token(self) -> Result<SimdToken, UnavailableWidth> {
        let token = match self {
            Width::Scalar => Some(Token::Scalar(Scalar)),
            #[cfg(target_arch = "x86_64")]
            Width::Sse => pulp::x86::V2::try_new().map(Token::Sse),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => pulp::x86::V3::try_new().map(Token::Avx2),
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => pulp::x86::V4::try_new().map(Token::Avx512),
            #[cfg(target_arch = "aarch64")]
            Width::Neon => pulp::aarch64::Neon::try_new().map(Token::Neon),
            _ => None,
        };
        token.map(SimdToken).ok_or(UnavailableWidth(self))
    }
}

impl Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Width {
    type Err = UnknownWidth;

    fn from_str(name: &str) -> Result<Self, UnknownWidth> {
        Self::ALL
            .into_iter()
            .find(|width| width.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownWidth(name.to_owned()))
    }
}

/// The proof that this machine has a certain instruction set. Only [`Width::token`] makes one, so
/// code for an instruction set that the machine lacks cannot be entered.
#[derive(Clone, Copy, Debug)]
pub struct SimdToken(Token);

#[derive(Clone, Copy, Debug)]
enum Token {
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Sse(pulp::x86::V2),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
}

impl SimdToken {
    /// The instruction set it proves.
    pub const fn width(self) -> Width {
        match self.0 {
            Token::Scalar(_) => Width::Scalar,
            #[cfg(target_arch = "x86_64")]
            Token::Sse(_) => Width::Sse,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => Width::Avx2,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => Width::Avx512,
            #[cfg(target_arch = "aarch64")]
            Token::Neon(_) => Width::Neon,
        }
    }

    /// Runs `op` compiled for this instruction set. What `op` calls must be inlined into it to be
    /// compiled for the same set.
    #[inline]
    pub fn dispatch<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self.0 {
            Token::Scalar(set) => vectorize_scalar(set, op),
            #[cfg(target_arch = "x86_64")]
            Token::Sse(set) => Simd::vectorize(set, op),
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(set) => Simd::vectorize(set, op),
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(set) => Simd::vectorize(set, op),
            #[cfg(target_arch = "aarch64")]
            Token::Neon(set) => Simd::vectorize(set, op),
        }
    }
}

/// In a function of its own, as for the other instruction sets: the code around it would have to make room for what this one keeps
/// on the stack, every time, and a step of a small network is shorter than that.
#[inline(never)]
fn vectorize_scalar<Op: WithSimd>(set: Scalar, op: Op) -> Op::Output {
    set.vectorize(op)
}

/// The machine lacks the instruction set that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this machine lacks the instruction set `{0}`; it has {available}", available = list(&Width::available()))]
pub struct UnavailableWidth(pub Width);

/// No instruction set has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no instruction set is called `{0}`; there are {all}", all = list(&Width::ALL))]
pub struct UnknownWidth(pub String);

fn list(widths: &[Width]) -> String {
    let names: Vec<String> = widths.iter().map(|width| format!("`{width}`")).collect();
    names.join(", ")
}

/// Whether an instruction set is there for old machines only, SSE or none, so that small code matters more than speed.
pub(crate) const fn is_for_old_machines<S: Simd>() -> bool {
    S::REGISTER_COUNT <= 16 && S::F32_LANES <= 4
}
