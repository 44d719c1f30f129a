//! What one instruction set of this machine can do at best: fused multiplications and additions per second.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use lstm_kernels::rt::{Element, Lanes, Simd};
use lstm_kernels::{KernelError, Width};
use pulp::WithSimd;

/// Repetitions, of which the fastest counts: what disturbs a measurement only ever slows it. They are many and short, so
/// that on a busy machine some fit between two interruptions.
const REPETITIONS: usize = 40;

/// Operations per second, in 10^9, of `threads` threads that do nothing but multiply and add in registers.
pub fn gflops<T: Element>(width: Width, threads: usize) -> Result<f64, KernelError> {
    // Chains must be many enough to hide the latency of an operation and few enough to stay in registers; both depend
    // on the machine, and the better of two numbers is the peak. 12 suit 16 registers, 24 suit 32.
    let twelve = best::<T, 12>(width, threads)?;
    let twenty_four = best::<T, 24>(width, threads)?;
    Ok(twelve.max(twenty_four))
}

fn best<T: Element, const CHAINS: usize>(width: Width, threads: usize) -> Result<f64, KernelError> {
    let token = width.token()?;
    let rounds = 100_000;
    let operations = 2 * rounds * CHAINS * width.lanes::<T>() * threads;
    let seconds = fastest(&vec![(); threads], |()| {
        black_box(token.dispatch(Chains::<T, CHAINS> {
            rounds,
            factor: black_box(T::from_f64(0.5)),
        }));
    });
    Ok(operations as f64 / seconds / 1e9)
}

/// Seconds of the fastest repetition of `work`, which a thread for each piece of `data` begins at once; the slowest
/// thread counts.
pub fn fastest<D: Sync>(data: &[D], work: impl Fn(&D) + Sync) -> f64 {
    let barrier = Barrier::new(data.len());
    let measure = |piece| {
        let repeat = |_| {
            barrier.wait();
            let start = Instant::now();
            work(piece);
            barrier.wait();
            start.elapsed().as_secs_f64()
        };
        (0..REPETITIONS).map(repeat).fold(f64::INFINITY, f64::min)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = data
            .iter()
            .map(|piece| scope.spawn(|| measure(piece)))
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .fold(0.0, f64::max)
    })
}

/// Independent chains a ← a · factor + factor, one a register.
struct Chains<T, const CHAINS: usize> {
    rounds: usize,
    factor: T,
}

impl<T: Element, const CHAINS: usize> WithSimd for Chains<T, CHAINS> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> T {
        let factor = Lanes::splat(simd, self.factor);
        // Chains that begin alike would be one chain to the compiler.
        let mut chains: [Lanes<T, S>; CHAINS] =
            std::array::from_fn(|index| Lanes::splat(simd, black_box(T::from_f64(index as f64))));
        for _ in 0..self.rounds {
            for chain in &mut chains {
                *chain = chain.mul_add(factor, factor);
            }
        }
        chains
            .into_iter()
            .fold(Lanes::zero(simd), |sum, chain| sum + chain)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// a ← a/2 + 1/2 halves the distance to 1, so that 60 rounds leave nothing of it in double precision.
    #[test]
    fn chains_are_computed() {
        for width in Width::available() {
            let token = width.token().unwrap();
            let sum = token.dispatch(Chains::<f64, 12> {
                rounds: 60,
                factor: 0.5,
            });
            assert_eq!(sum, (12 * width.lanes::<f64>()) as f64);
        }
    }

    #[test]
    fn the_fastest_of_all_threads_has_run() {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        let seconds = fastest(&[(), ()], |()| {
            calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        assert!(seconds > 0.0);
        assert_eq!(calls.into_inner(), 2 * REPETITIONS);
    }
}
