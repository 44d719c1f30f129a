//! What bounds a piece of work from below: arithmetic, or the memory from which the weights come.
//!
//! The model is simple and kind to the kernels. Arithmetic takes as long as the matrix products at the peak of fused
//! multiplications and additions. Memory: a step needs the whole state of the step before, so every step reads all
//! recurrent weights once, whatever the batch, from the nearest cache that holds them all; inference reads them once
//! a step, training twice (forward, and transposed on the way back). The longer of the two is the bound. Everything
//! else (the element-wise equations, the input, the tape) is left out.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use lstm_kernels::rt::{Element, Lanes, Simd};
use lstm_kernels::{KernelError, Width};
use pulp::WithSimd;
use serde::Serialize;

use crate::peak;

/// The limits of this machine, for a number of threads, an instruction set and a number type.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The instruction set.
    pub width: &'static str,
    /// The number type.
    pub dtype: &'static str,
    /// Threads that compute and read.
    pub threads: usize,
    /// 10^9 operations a second, of all threads together.
    pub peak_gflops: f64,
    /// Where data can lie, from near to far.
    pub levels: Vec<Level>,
}

/// A cache, or the memory.
#[derive(Debug, Clone, Serialize)]
pub struct Level {
    /// `L1`, `L2`, `L3` or `memory`.
    pub name: &'static str,
    /// Bytes that fit, of all threads together; none for the memory.
    pub capacity: Option<usize>,
    /// 10^9 bytes a second that all threads together read.
    pub read_gbs: f64,
}

/// The least time that a piece of work can take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// What sets it: `arithmetic`, or the name of a level.
    pub name: &'static str,
    /// The time.
    pub ms: f64,
}

impl Machine {
    /// Measures the limits.
    pub fn measure<T: Element>(width: Width, threads: usize) -> Result<Self, KernelError> {
        let caches = Caches::of_this_machine();
        let last = caches.l3.max(threads * caches.l2);
        let level = |name, capacity: Option<usize>, bytes: usize| -> Result<Level, KernelError> {
            let read_gbs = read_gbs(width, threads, bytes / threads)?;
            Ok(Level {
                name,
                capacity,
                read_gbs,
            })
        };
        // Data that fills half a cache lies in it and not in the one before; a quarter of the last one, which others share.
        let levels = vec![
            level("L1", Some(threads * caches.l1), threads * caches.l1 / 2)?,
            level("L2", Some(threads * caches.l2), threads * caches.l2 / 2)?,
            level("L3", Some(last), (last / 4).max(threads * caches.l2))?,
            level("memory", None, (4 * last).clamp(64 << 20, 256 << 20))?,
        ];
        Ok(Self {
            width: width.name(),
            dtype: T::NAME,
            threads,
            peak_gflops: peak::gflops::<T>(width, threads)?,
            levels,
        })
    }

    /// The bound of work with so many operations that reads `bytes` over and over, `times` times.
    pub fn bound(&self, flops: f64, bytes: usize, times: usize) -> Bound {
        let arithmetic = Bound {
            name: "arithmetic",
            ms: flops / self.peak_gflops / 1e6,
        };
        let holds = |level: &&Level| level.capacity.is_none_or(|capacity| bytes <= capacity);
        let reading = self.levels.iter().find(holds).map(|level| Bound {
            name: level.name,
            ms: bytes as f64 * times as f64 / level.read_gbs / 1e6,
        });
        match reading {
            Some(reading) if reading.ms > arithmetic.ms => reading,
            _ => arithmetic,
        }
    }
}

/// Sizes of the caches, in bytes: L1 and L2 of a core, L3 of all.
#[derive(Debug, Clone, Copy)]
struct Caches {
    l1: usize,
    l2: usize,
    l3: usize,
}

impl Caches {
    /// What the system says; where it says nothing, sizes that most machines of these years have.
    fn of_this_machine() -> Self {
        let mut caches = Self {
            l1: 32 << 10,
            l2: 1 << 20,
            l3: 32 << 20,
        };
        let folder = Path::new("/sys/devices/system/cpu/cpu0/cache");
        for index in 0..8 {
            let read = |file: &str| fs::read_to_string(folder.join(format!("index{index}/{file}")));
            let (Ok(level), Ok(kind), Ok(size)) = (read("level"), read("type"), read("size"))
            else {
                continue;
            };
            let Some(bytes) = parse_size(size.trim()) else {
                continue;
            };
            match (level.trim(), kind.trim()) {
                ("1", "Data" | "Unified") => caches.l1 = bytes,
                ("2", "Data" | "Unified") => caches.l2 = bytes,
                ("3", "Data" | "Unified") => caches.l3 = bytes,
                _ => {}
            }
        }
        caches
    }
}

/// Bytes of a size such as `32K`.
fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = match text.strip_suffix('K') {
        Some(number) => (number, 1 << 10),
        None => match text.strip_suffix('M') {
            Some(number) => (number, 1 << 20),
            None => (text, 1),
        },
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

/// Numbers of a cache line.
const LINE: usize = 16;

/// 10^9 bytes a second of `threads` threads that each read their own `bytes` again and again.
fn read_gbs(width: Width, threads: usize, bytes: usize) -> Result<f64, KernelError> {
    let token = width.token()?;
    // About 64 MiB a repetition: long enough for the clock, short enough to be done soon.
    let times = ((64 << 20) / bytes).max(1);
    let copies: Vec<_> = (0..threads)
        .map(|_| Numbers::new(bytes / size_of::<f32>()))
        .collect();
    let seconds = peak::fastest(&copies, |numbers| {
        for _ in 0..times {
            black_box(token.dispatch(Sum {
                data: black_box(numbers.get()),
            }));
        }
    });
    Ok((bytes * times * threads) as f64 / seconds / 1e9)
}

/// Numbers that begin with a cache line, as weights do: a register that lies across two lines takes two reads.
struct Numbers {
    data: Vec<f32>,
    first: usize,
    len: usize,
}

impl Numbers {
    fn new(len: usize) -> Self {
        let data = vec![1.0; len + LINE];
        // Where the address is not known, it does not matter either.
        let first = data.as_ptr().align_offset(LINE * size_of::<f32>());
        Self {
            first: first.min(LINE),
            data,
            len,
        }
    }

    fn get(&self) -> &[f32] {
        &self.data[self.first..][..self.len]
    }
}

/// The sum of all numbers, in eight independent chains, so that reading is all that takes time.
struct Sum<'a> {
    data: &'a [f32],
}

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (registers, rest) = S::as_simd_f32s(self.data);
        let mut sums = [Lanes::<f32, S>::zero(simd); 8];
        let rounds = registers.chunks_exact(8);
        let remainder = rounds.remainder();
        for registers in rounds {
            for (sum, &register) in sums.iter_mut().zip(registers) {
                *sum += Lanes::new(simd, register);
            }
        }
        for &register in remainder {
            sums[0] += Lanes::new(simd, register);
        }
        let sum = sums
            .into_iter()
            .fold(Lanes::zero(simd), |sum, part| sum + part);
        sum.sum() + rest.iter().sum::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let level = |name, capacity, read_gbs| Level {
            name,
            capacity,
            read_gbs,
        };
        Machine {
            width: "avx2",
            dtype: "f32",
            threads: 1,
            peak_gflops: 100.0,
            levels: vec![
                level("L1", Some(32 << 10), 200.0),
                level("L2", Some(1 << 20), 50.0),
                level("memory", None, 10.0),
            ],
        }
    }

    #[test]
    fn numbers_that_are_read_begin_with_a_cache_line() {
        for len in [1, 16, 1000] {
            let numbers = Numbers::new(len);
            assert_eq!(numbers.get().len(), len);
            assert!(numbers.get().as_ptr().addr().is_multiple_of(64));
        }
    }

    #[test]
    fn the_longer_time_bounds() {
        // 10^9 operations at 100 GFLOP/s are 10 ms; 16 KiB ten times from the L1 are microseconds.
        let bound = machine().bound(1e9, 16 << 10, 10);
        assert_eq!(
            bound,
            Bound {
                name: "arithmetic",
                ms: 10.0
            }
        );
        // 10^6 bytes, 100 times, at 50 GB/s are 2 ms; 10^8 operations 1 ms.
        let bound = machine().bound(1e8, 1_000_000, 100);
        assert_eq!(
            bound,
            Bound {
                name: "L2",
                ms: 2.0
            }
        );
        // Twice that no longer fits: 2 · 10^8 bytes at 10 GB/s.
        let bound = machine().bound(1e8, 2_000_000, 100);
        assert_eq!(
            bound,
            Bound {
                name: "memory",
                ms: 20.0
            }
        );
    }

    #[test]
    fn sizes_of_caches_are_read() {
        assert_eq!(parse_size("32K"), Some(32768));
        assert_eq!(parse_size("2M"), Some(2 << 20));
        assert_eq!(parse_size("512"), Some(512));
        assert_eq!(parse_size("a lot"), None);
    }

    #[test]
    fn everything_is_read() {
        // 1003 numbers: whole rounds, single registers and a rest on every width. All sums are exact.
        let data = vec![1.0; 1003];
        for width in Width::available() {
            let token = width.token().unwrap();
            assert_eq!(token.dispatch(Sum { data: &data }), 1003.0);
        }
    }
}
