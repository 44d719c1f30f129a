//! Operators, comparisons and memory access of `Lanes`, lane by lane against plain arithmetic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lstm_kernels::rt::{Element, Lanes, Width, activations};
use pulp::{Simd, WithSimd};

/// A test that runs on every instruction set of this machine, for both number types.
trait Check {
    fn check<T: Element, S: Simd>(simd: S, width: Width);
}

fn everywhere<C: Check>() {
    struct Run<C, T>(Width, core::marker::PhantomData<(C, T)>);
    impl<C: Check, T: Element> WithSimd for Run<C, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            C::check::<T, S>(simd, self.0);
        }
    }
    for width in Width::available() {
        let token = width.token().expect("the width is available");
        token.dispatch(Run::<C, f32>(width, core::marker::PhantomData));
        token.dispatch(Run::<C, f64>(width, core::marker::PhantomData));
    }
}

/// A register whose lane `i` is `f(i)`.
#[inline(always)]
fn lanes<T: Element, S: Simd>(simd: S, f: impl Fn(usize) -> f64) -> Lanes<T, S> {
    let values: Vec<T> = (0..T::lanes::<S>()).map(|i| T::from_f64(f(i))).collect();
    // SAFETY: there is one value a lane.
    unsafe { Lanes::load(simd, values.as_ptr()) }
}

#[inline(always)]
fn values<T: Element, S: Simd>(x: Lanes<T, S>) -> Vec<f64> {
    let mut values = vec![T::from_f64(0.0); T::lanes::<S>()];
    // SAFETY: there is one value a lane.
    unsafe { x.store(values.as_mut_ptr()) };
    values.into_iter().map(T::to_f64).collect()
}

/// Small integers and halves: every operation on them is exact but division and the square root,
/// whose double is rounded here as the number type rounds.
#[test]
fn operators_work_lane_by_lane() {
    struct Operators;
    impl Check for Operators {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            let (a, b) = (|i| i as f64 - 3.5, |i| 2.0 * i as f64 + 1.0);
            let (x, y) = (lanes::<T, S>(simd, a), lanes::<T, S>(simd, b));
            let same = |result: Lanes<T, S>, expected: &dyn Fn(f64, f64) -> f64| {
                for (i, value) in values(result).into_iter().enumerate() {
                    assert_eq!(value, T::from_f64(expected(a(i), b(i))).to_f64());
                }
            };
            same(x + y, &|a, b| a + b);
            same(x - y, &|a, b| a - b);
            same(x * y, &|a, b| a * b);
            same(x / y, &|a, b| a / b);
            same(-x, &|a, _| -a);
            same(x.abs(), &|a, _| a.abs());
            same(y.sqrt(), &|_, b| b.sqrt());
            same(x.mul_add(y, y), &|a, b| a * b + b);
            same(x.neg_mul_add(y, y), &|a, b| b - a * b);
            same(y.with_sign_of(x), &|a, b| b.copysign(a));
            same(Lanes::splat(simd, T::from_f64(0.5)), &|_, _| 0.5);
            same(Lanes::zero(simd), &|_, _| 0.0);
            let mut sum = x;
            sum += y;
            same(sum, &|a, b| a + b);
        }
    }
    everywhere::<Operators>();
}

/// (1 + ε)·(1 - ε) - 1 is -ε² when rounded once, and 0 when the product is rounded first.
#[test]
fn multiplication_and_addition_are_fused_where_the_hardware_can() {
    struct Fused;
    impl Check for Fused {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, width: Width) {
            let epsilon = T::lowest_bit_of_one();
            let (a, b) = (
                lanes::<T, S>(simd, |_| 1.0 + epsilon),
                lanes::<T, S>(simd, |_| 1.0 - epsilon),
            );
            let fused = matches!(width, Width::Avx2 | Width::Avx512 | Width::Neon);
            let expected = if fused { -epsilon * epsilon } else { 0.0 };
            for value in values(a.mul_add(b, lanes(simd, |_| -1.0))) {
                assert_eq!(value, expected, "{} {width}", T::NAME);
            }
        }
    }
    everywhere::<Fused>();
}

/// The distance from one to the next number.
trait LowestBit: Element {
    fn lowest_bit_of_one() -> f64 {
        if Self::NAME == "f32" {
            f32::EPSILON.into()
        } else {
            f64::EPSILON
        }
    }
}
impl<T: Element> LowestBit for T {}

const SPECIAL: [f64; 7] = [
    f64::NEG_INFINITY,
    -1.0,
    -0.0,
    0.0,
    4.0,
    f64::INFINITY,
    f64::NAN,
];

/// Runs `check` with every pair of special values, in registers filled with them.
#[inline(always)]
fn pairs<T: Element, S: Simd>(simd: S, check: impl Fn(f64, f64, Lanes<T, S>, Lanes<T, S>)) {
    for a in SPECIAL {
        for b in SPECIAL {
            check(a, b, lanes(simd, |_| a), lanes(simd, |_| b));
        }
    }
}

#[inline(always)]
fn assert_all<T: Element, S: Simd>(result: Lanes<T, S>, expected: f64, what: &str) {
    for value in values(result) {
        let same = value == expected || value.is_nan() && expected.is_nan();
        assert!(same, "{what} gives {value}, not {expected} ({})", T::NAME);
    }
}

#[test]
fn a_comparison_with_nan_is_false() {
    struct Comparisons;
    impl Check for Comparisons {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            let (yes, no) = (lanes::<T, S>(simd, |_| 1.0), Lanes::zero(simd));
            let truth = |holds: bool| f64::from(u8::from(holds));
            pairs::<T, S>(simd, |a, b, x, y| {
                assert_all(x.gt(y).select(yes, no), truth(a > b), "greater");
                assert_all(x.ge(y).select(yes, no), truth(a >= b), "greater or equal");
                assert_all(x.lt(y).select(yes, no), truth(a < b), "less");
                assert_all(x.le(y).select(yes, no), truth(a <= b), "less or equal");
            });
            // One lane true, the others false.
            let picked = lanes::<T, S>(simd, |i| i as f64)
                .le(Lanes::zero(simd))
                .select(yes, no);
            assert_eq!(picked.sum().to_f64(), 1.0);
        }
    }
    everywhere::<Comparisons>();
}

#[test]
fn the_largest_and_smallest_of_nan_is_nan() {
    struct Extremes;
    impl Check for Extremes {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            pairs::<T, S>(simd, |a, b, x, y| {
                let nan = a.is_nan() || b.is_nan();
                let largest = if nan { f64::NAN } else { a.max(b) };
                let smallest = if nan { f64::NAN } else { a.min(b) };
                assert_all(activations::max(x, y), largest, "max");
                assert_all(activations::min(x, y), smallest, "min");
                if !b.is_nan() {
                    assert_all(x.at_least(T::from_f64(b)), largest, "at_least");
                    assert_all(x.at_most(T::from_f64(b)), smallest, "at_most");
                }
                if b == 0.0 {
                    assert_all(activations::relu(x), largest, "relu");
                }
                assert_all(activations::abs(x), a.abs(), "abs");
                assert_all(activations::sqrt(x), a.sqrt(), "sqrt");
                let condition = activations::select(x.gt(y), x, y);
                assert_all(condition, if a > b { a } else { b }, "select");
            });
        }
    }
    everywhere::<Extremes>();
}

/// Big and small numbers whose sum depends on the order: the documented order is the reference.
#[test]
fn a_sum_is_taken_by_halves() {
    struct Sums;
    impl Check for Sums {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, width: Width) {
            let x = lanes::<T, S>(simd, |i| {
                (i as f64 * 0.7 + 0.1).sin() * 10f64.powi(i as i32 % 5)
            });
            let mut halves: Vec<T> = values(x).into_iter().map(T::from_f64).collect();
            while halves.len() > 1 {
                let upper = halves.split_off(halves.len() / 2);
                for (low, high) in halves.iter_mut().zip(upper) {
                    *low += high;
                }
            }
            assert_eq!(x.sum(), halves[0], "{} {width}", T::NAME);
        }
    }
    everywhere::<Sums>();
}

#[test]
fn keep_first_drops_even_nan() {
    struct Keep;
    impl Check for Keep {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            let count = T::lanes::<S>();
            for n in 0..=count + 1 {
                let x = lanes::<T, S>(simd, |i| if i < n { 1.0 } else { f64::NAN });
                let expected: Vec<f64> = (0..count).map(|i| f64::from(u8::from(i < n))).collect();
                assert_eq!(values(x.keep_first(n)), expected);
            }
        }
    }
    everywhere::<Keep>();
}

/// What lies behind the first `n` numbers keeps its value.
#[test]
fn a_partial_store_leaves_the_rest_alone() {
    struct Store;
    impl Check for Store {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            let count = T::lanes::<S>();
            let x = lanes::<T, S>(simd, |i| i as f64);
            for n in 0..=count + 1 {
                let mut memory = vec![T::from_f64(-7.0); count + 2];
                // SAFETY: the memory holds more numbers than a register.
                unsafe { x.store_first(memory.as_mut_ptr().add(1), n) };
                for (i, value) in memory.iter().enumerate() {
                    let stored = (1..=n.min(count)).contains(&i);
                    let expected = if stored { i as f64 - 1.0 } else { -7.0 };
                    assert_eq!(value.to_f64(), expected);
                }
            }
        }
    }
    everywhere::<Store>();
}

/// Slices of every length up to more than a register has lanes.
#[test]
fn slices_are_read_and_written_as_far_as_they_go() {
    struct Slices;
    impl Check for Slices {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            let count = T::lanes::<S>();
            let x = lanes::<T, S>(simd, |i| i as f64 + 1.0);
            for n in 0..=count + 1 {
                let mut memory = vec![T::from_f64(-7.0); count + 3];
                x.write_first(&mut memory[1..=n]);
                for (i, value) in memory.iter().enumerate() {
                    let written = (1..=n.min(count)).contains(&i);
                    let expected = if written { i as f64 } else { -7.0 };
                    assert_eq!(value.to_f64(), expected);
                }
                let read = Lanes::read_first(simd, &memory[1..=n]);
                assert_eq!(values(read), values(x.keep_first(n)));
            }
            let mut memory = vec![T::from_f64(-7.0); count + 2];
            x.write(&mut memory[1..=count]);
            assert_eq!(memory[0].to_f64(), -7.0);
            assert_eq!(memory[count + 1].to_f64(), -7.0);
            assert_eq!(values(Lanes::read(simd, &memory[1..=count])), values(x));
        }
    }
    everywhere::<Slices>();
}

/// A whole register asks for all of its numbers, and for no others.
#[test]
fn slices_of_other_lengths_are_neither_read_nor_written() {
    struct Lengths;
    impl Check for Lengths {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, width: Width) {
            let count = T::lanes::<S>();
            for len in [count - 1, count + 1] {
                let mut memory = vec![T::from_f64(-7.0); len];
                let read = catch_unwind(AssertUnwindSafe(|| Lanes::read(simd, &memory)));
                assert!(read.is_err(), "{width}");
                let x = Lanes::zero(simd);
                let written = catch_unwind(AssertUnwindSafe(|| x.write(&mut memory)));
                assert!(written.is_err(), "{width}");
                assert!(memory.iter().all(|value| value.to_f64() == -7.0));
            }
        }
    }
    everywhere::<Lengths>();
}

/// The last numbers before a page that may not be touched: one byte too many ends the process.
#[cfg(unix)]
#[test]
fn partial_loads_and_stores_touch_nothing_behind() {
    struct Edge;
    impl Check for Edge {
        #[inline(always)]
        fn check<T: Element, S: Simd>(simd: S, _: Width) {
            let page = GuardedPage::new();
            let count = T::lanes::<S>();
            for n in 0..=count {
                let x = lanes::<T, S>(simd, |i| i as f64 + 1.0);
                // SAFETY: `n` numbers end where the accessible page ends.
                let loaded = unsafe {
                    let last = page.end().cast::<T>().sub(n);
                    x.store_first(last, n);
                    Lanes::<T, S>::load_first(simd, last, n)
                };
                assert_eq!(values(loaded), values(x.keep_first(n)));
            }
        }
    }
    everywhere::<Edge>();
}

/// One page of memory with an inaccessible page behind it.
#[cfg(unix)]
struct GuardedPage {
    start: *mut u8,
    page: usize,
}

#[cfg(unix)]
impl GuardedPage {
    fn new() -> Self {
        // SAFETY: asking for a constant of the system.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).expect("the size of a page");
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: new memory at an address that the system chooses.
        let start = unsafe { libc::mmap(core::ptr::null_mut(), 2 * page, access, kind, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "two pages of memory");
        let start = start.cast::<u8>();
        // SAFETY: the second page belongs to the mapping and holds nothing yet.
        let guarded = unsafe { libc::mprotect(start.add(page).cast(), page, libc::PROT_NONE) };
        assert_eq!(guarded, 0, "a guard page");
        Self { start, page }
    }

    /// The first address that may not be touched.
    fn end(&self) -> *mut u8 {
        // SAFETY: the mapping is two pages long.
        unsafe { self.start.add(self.page) }
    }
}

#[cfg(unix)]
impl Drop for GuardedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new`, and nothing points into it any more.
        unsafe { libc::munmap(self.start.cast(), 2 * self.page) };
    }
}
