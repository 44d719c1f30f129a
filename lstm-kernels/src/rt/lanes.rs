//! A register of numbers with operators, so that a kernel reads like its equations.

use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use pulp::Simd;

use super::Element;

/// One register of `T` under the instruction set `S`; every operation works lane by lane.
///
/// The value carries the (zero-sized) proof `S` that the machine has the instruction set, so an
/// operation can only be written where it can be run. Everything is inlined, and is fast only
/// inside a region that [`SimdToken::dispatch`](super::SimdToken::dispatch) entered.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<T: Element, S: Simd> {
    simd: S,
    vector: T::Vector<S>,
}

/// One truth value a lane, the result of a comparison. A comparison with NaN is false.
#[derive(Clone, Copy, Debug)]
pub struct LaneMask<T: Element, S: Simd> {
    simd: S,
    mask: T::Mask<S>,
}

impl<T: Element, S: Simd> Lanes<T, S> {
    /// The operators around a bare register.
    #[inline(always)]
    pub fn new(simd: S, vector: T::Vector<S>) -> Self {
        Self { simd, vector }
    }

    /// The bare register.
    #[inline(always)]
    pub fn vector(self) -> T::Vector<S> {
        self.vector
    }

    /// The proof of the instruction set.
    #[inline(always)]
    pub fn simd(self) -> S {
        self.simd
    }

    /// `x` in every lane.
    #[inline(always)]
    pub fn splat(simd: S, x: T) -> Self {
        Self::new(simd, T::vsplat(simd, x))
    }

    /// Zero in every lane.
    #[inline(always)]
    pub fn zero(simd: S) -> Self {
        Self::splat(simd, T::from_f64(0.0))
    }

    /// A whole register from memory of any alignment.
    ///
    /// # Safety
    /// `source` is valid for reads of `T::lanes::<S>()` elements.
    #[inline(always)]
    pub unsafe fn load(simd: S, source: *const T) -> Self {
        // SAFETY: the caller vouches for the memory.
        Self::new(simd, unsafe { T::vload(simd, source) })
    }

    /// A whole register to memory of any alignment.
    ///
    /// # Safety
    /// `target` is valid for writes of `T::lanes::<S>()` elements.
    #[inline(always)]
    pub unsafe fn store(self, target: *mut T) {
        // SAFETY: the caller vouches for the memory.
        unsafe { T::vstore(self.simd, target, self.vector) }
    }

    /// The first `n` lanes from memory, zero in the others; all lanes when `n` is larger.
    ///
    /// # Safety
    /// `source` is valid for reads of the first `n` lanes; what lies behind is not touched.
    #[inline(always)]
    pub unsafe fn load_first(simd: S, source: *const T, n: usize) -> Self {
        // SAFETY: the caller vouches for the memory.
        Self::new(simd, unsafe { T::vload_first(simd, source, n) })
    }

    /// The first `n` lanes to memory; all lanes when `n` is larger.
    ///
    /// # Safety
    /// `target` is valid for writes of the first `n` lanes; what lies behind is not touched.
    #[inline(always)]
    pub unsafe fn store_first(self, target: *mut T, n: usize) {
        // SAFETY: the caller vouches for the memory.
        unsafe { T::vstore_first(self.simd, target, n, self.vector) }
    }

    /// A whole register of as many numbers.
    ///
    /// # Panics
    /// Fewer numbers than lanes, or more.
    #[inline(always)]
    pub fn read(simd: S, numbers: &[T]) -> Self {
        assert!(numbers.len() == T::lanes::<S>(), "a number for each lane");
        // SAFETY: the slice holds a number for each lane.
        unsafe { Self::load(simd, numbers.as_ptr()) }
    }

    /// A whole register to as many numbers.
    ///
    /// # Panics
    /// Fewer numbers than lanes, or more.
    #[inline(always)]
    pub fn write(self, numbers: &mut [T]) {
        assert!(numbers.len() == T::lanes::<S>(), "a number for each lane");
        // SAFETY: the slice has room for every lane.
        unsafe { self.store(numbers.as_mut_ptr()) }
    }

    /// A register of fewer numbers, zero in the lanes that are left; of more numbers than lanes only the first.
    #[inline(always)]
    pub fn read_first(simd: S, numbers: &[T]) -> Self {
        // SAFETY: what is read are numbers of the slice, all of them or the first.
        unsafe { Self::load_first(simd, numbers.as_ptr(), numbers.len()) }
    }

    /// The first lanes to as many numbers; numbers for which there is no lane stay as they are.
    #[inline(always)]
    pub fn write_first(self, numbers: &mut [T]) {
        // SAFETY: what is written are numbers of the slice, all of them or the first.
        unsafe { self.store_first(numbers.as_mut_ptr(), numbers.len()) }
    }

    /// `self · b + c`: rounded once on AVX2, AVX-512 and NEON, twice on scalar and SSE.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        Self::new(
            self.simd,
            T::vmul_add(self.simd, self.vector, b.vector, c.vector),
        )
    }

    /// `c - self · b`, rounded as [`mul_add`](Lanes::mul_add).
    #[inline(always)]
    pub fn neg_mul_add(self, b: Self, c: Self) -> Self {
        (-self).mul_add(b, c)
    }

    /// The square root, correctly rounded; NaN for negative numbers.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self::new(self.simd, T::vsqrt(self.simd, self.vector))
    }

    /// The absolute value.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self::new(self.simd, T::vabs(self.simd, self.vector))
    }

    /// The larger of the two, NaN if either is NaN. Of two zeros either may come out.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        let larger = T::vmax(self.simd, self.vector, other.vector);
        self.unless_nan(larger)
    }

    /// The smaller of the two, NaN if either is NaN. Of two zeros either may come out.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        let smaller = T::vmin(self.simd, self.vector, other.vector);
        self.unless_nan(smaller)
    }

    /// `vector` where `self` is a number, and NaN where `self` is NaN.
    #[inline(always)]
    fn unless_nan(self, vector: T::Vector<S>) -> Self {
        let number = T::veq(self.simd, self.vector, self.vector);
        Self::new(
            self.simd,
            T::vselect(self.simd, number, vector, self.vector),
        )
    }

    /// The larger of `self` and the number `bound`; NaN stays NaN. One instruction.
    #[inline(always)]
    pub fn at_least(self, bound: T) -> Self {
        let bound = T::vsplat(self.simd, bound);
        Self::new(self.simd, T::vmax(self.simd, bound, self.vector))
    }

    /// The smaller of `self` and the number `bound`; NaN stays NaN. One instruction.
    #[inline(always)]
    pub fn at_most(self, bound: T) -> Self {
        let bound = T::vsplat(self.simd, bound);
        Self::new(self.simd, T::vmin(self.simd, bound, self.vector))
    }

    /// `self` with the sign of `sign`, for `self` that is not negative.
    #[inline(always)]
    pub fn with_sign_of(self, sign: Self) -> Self {
        let sign_bit = T::vsplat(self.simd, T::from_f64(-0.0));
        let sign = T::vand(self.simd, sign.vector, sign_bit);
        Self::new(self.simd, T::vor(self.simd, self.vector, sign))
    }

    /// The lanes below `n` as they are, zero in the others.
    #[inline(always)]
    pub fn keep_first(self, n: usize) -> Self {
        let first = T::vfirst(self.simd, n);
        let zero = T::vsplat(self.simd, T::from_f64(0.0));
        Self::new(self.simd, T::vselect(self.simd, first, self.vector, zero))
    }

    /// The sum of all lanes, by halves: the upper half of the register is added to the lower half
    /// lane by lane, then the upper half of that to its lower half, until one lane is left.
    #[inline(always)]
    pub fn sum(self) -> T {
        T::vsum(self.simd, self.vector)
    }

    /// The square of as many registers as one has lanes, with rows for columns.
    #[inline(always)]
    pub(crate) fn transpose(square: &mut [Self]) {
        // At each distance, the corners of all squares of twice the size that are not on the diagonal change places. The
        // distances are written out, so that the compiler knows them, and keeps the square in registers.
        Self::exchange_corners(square, 1);
        Self::exchange_corners(square, 2);
        Self::exchange_corners(square, 4);
        Self::exchange_corners(square, 8);
    }

    #[inline(always)]
    fn exchange_corners(square: &mut [Self], distance: usize) {
        let lanes = T::lanes::<S>();
        if distance >= lanes {
            return;
        }
        for row in 0..lanes {
            if row & distance == 0 {
                let (a, b) = (square[row], square[row + distance]);
                let (first, second) = T::vexchange(a.simd, a.vector, b.vector, distance);
                square[row] = Self::new(a.simd, first);
                square[row + distance] = Self::new(a.simd, second);
            }
        }
    }

    /// `self > other`.
    #[inline(always)]
    pub fn gt(self, other: Self) -> LaneMask<T, S> {
        self.compare(T::vgt(self.simd, self.vector, other.vector))
    }

    /// `self >= other`.
    #[inline(always)]
    pub fn ge(self, other: Self) -> LaneMask<T, S> {
        self.compare(T::vge(self.simd, self.vector, other.vector))
    }

    /// `self < other`.
    #[inline(always)]
    pub fn lt(self, other: Self) -> LaneMask<T, S> {
        self.compare(T::vlt(self.simd, self.vector, other.vector))
    }

    /// `self <= other`.
    #[inline(always)]
    pub fn le(self, other: Self) -> LaneMask<T, S> {
        self.compare(T::vle(self.simd, self.vector, other.vector))
    }

    #[inline(always)]
    fn compare(self, mask: T::Mask<S>) -> LaneMask<T, S> {
        LaneMask {
            simd: self.simd,
            mask,
        }
    }
}

impl<T: Element, S: Simd> LaneMask<T, S> {
    /// `a` where the mask is true, `b` elsewhere. Both are computed; neither is a branch.
    #[inline(always)]
    pub fn select(self, a: Lanes<T, S>, b: Lanes<T, S>) -> Lanes<T, S> {
        Lanes::new(
            self.simd,
            T::vselect(self.simd, self.mask, a.vector, b.vector),
        )
    }
}

/// An operator of the language on two registers.
macro_rules! operator {
    ($Trait:ident, $method:ident, $primitive:ident) => {
        impl<T: Element, S: Simd> $Trait for Lanes<T, S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new(
                    self.simd,
                    T::$primitive(self.simd, self.vector, other.vector),
                )
            }
        }
    };
}

operator!(Add, add, vadd);
operator!(Sub, sub, vsub);
operator!(Mul, mul, vmul);
operator!(Div, div, vdiv);

impl<T: Element, S: Simd> AddAssign for Lanes<T, S> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<T: Element, S: Simd> Neg for Lanes<T, S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(self.simd, T::vneg(self.simd, self.vector))
    }
}
