//! Subnormal numbers as zero, for the time of a call.

use std::marker::PhantomData;

/// While it lives, subnormal numbers count as zero on this thread, as operands and as results.
///
/// A quantity that fades exponentially ends among the subnormal numbers, on which many processors are a hundred times
/// slower. The mode of the thread that was found is set again at the end, so of two at a time the later must end first, as
/// scopes do. Kernels that share their work among threads take the mode along.
///
/// The compiler does not know of the mode: what it computes beforehand, or moves into or out of the scope, may keep subnormal
/// numbers. Flags of exceptions that the processor raised meanwhile are forgotten at the end.
#[derive(Debug)]
pub struct FlushDenormals {
    found: Option<mode::Register>,
    /// The mode belongs to a thread.
    thread: PhantomData<*const ()>,
}

impl FlushDenormals {
    /// Sets the mode.
    #[inline]
    pub fn new() -> Self {
        let found = mode::read();
        let found = (!flushes(found)).then(|| {
            mode::write(found | mode::FLUSH);
            found
        });
        FlushDenormals {
            found,
            thread: PhantomData,
        }
    }

    /// Whether the mode is set on this thread, by whomever.
    pub(crate) fn is_set() -> bool {
        flushes(mode::read())
    }
}

#[inline(always)]
fn flushes(register: mode::Register) -> bool {
    register & mode::FLUSH == mode::FLUSH
}

impl Default for FlushDenormals {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for FlushDenormals {
    #[inline]
    fn drop(&mut self) {
        if let Some(found) = self.found {
            mode::write(found);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod mode {
    use std::arch::asm;

    /// MXCSR.
    pub type Register = u32;

    /// Flush to zero and denormals are zero.
    pub const FLUSH: Register = 1 << 15 | 1 << 6;

    #[inline(always)]
    pub fn read() -> Register {
        let mut register: Register = 0;
        // SAFETY: stores the register, which every x86-64 has, to memory of its size.
        unsafe {
            asm!("stmxcsr [{}]", in(reg) &raw mut register, options(nostack, preserves_flags));
        }
        register
    }

    #[inline(always)]
    pub fn write(register: Register) {
        // SAFETY: but for flags of exceptions, which the options do not promise to keep, only the two bits of `FLUSH` differ
        // from what was there, so nothing is reserved or unmasked. Rust takes the default mode for granted and defines no other:
        // this leaves its rules, as everything does that is to be fast on numbers that fade. What a compiler makes of them is
        // to compute beforehand, or to move, what then comes out as in the default mode; all that differs are results that
        // are subnormal or come of such, and each of them is a number that safe code may have.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const register, options(nostack));
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod mode {
    use std::arch::asm;

    /// FPCR.
    pub type Register = u64;

    /// Flush to zero, operands and results.
    pub const FLUSH: Register = 1 << 24;

    #[inline(always)]
    pub fn read() -> Register {
        let register: Register;
        // SAFETY: reads the control register, which every AArch64 has.
        unsafe { asm!("mrs {}, fpcr", out(reg) register, options(nostack, preserves_flags)) };
        register
    }

    #[inline(always)]
    pub fn write(register: Register) {
        // SAFETY: only the bit of `FLUSH` differs from a value that was read.
        unsafe { asm!("msr fpcr, {}", in(reg) register, options(nostack, preserves_flags)) };
    }
}

/// Other processors keep what they do.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod mode {
    pub type Register = u32;

    pub const FLUSH: Register = 0;

    pub fn read() -> Register {
        0
    }

    pub fn write(_: Register) {}
}
