//! The choice of an instruction set.

use lstm_kernels::rt::{Element, Width};
use pulp::{Simd, WithSimd};

#[test]
fn names_are_read_as_they_are_written() {
    for width in Width::ALL {
        assert_eq!(width.to_string().parse(), Ok(width));
        assert_eq!(width.name().to_uppercase().parse(), Ok(width));
    }
}

#[test]
fn an_unknown_name_is_told_the_known_ones() {
    let error = "sse9".parse::<Width>().expect_err("there is no such set");
    assert_eq!(
        error.to_string(),
        "no instruction set is called `sse9`; there are `scalar`, `sse`, `avx2`, `avx512`, `neon`"
    );
}

/// No machine has both families, so something is always missing.
#[test]
fn a_missing_instruction_set_is_an_error() {
    let available = Width::available();
    let missing: Vec<Width> = Width::ALL
        .into_iter()
        .filter(|width| !available.contains(width))
        .collect();
    assert!(!missing.is_empty());
    for width in missing {
        let error = width
            .token()
            .expect_err("this machine lacks it")
            .to_string();
        assert!(
            error.starts_with(&format!("this machine lacks the instruction set `{width}`")),
            "{error}"
        );
    }
}

#[test]
fn the_best_is_available_and_the_widest() {
    let available = Width::available();
    assert_eq!(available[0], Width::Scalar);
    assert_eq!(Some(&Width::best()), available.last());
}

/// Inside the region, a register has as many lanes as the width says.
#[test]
fn dispatch_enters_the_width_that_was_asked_for() {
    struct Count<T>(core::marker::PhantomData<T>);
    impl<T: Element> WithSimd for Count<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            T::lanes::<S>()
        }
    }
    for width in Width::available() {
        let token = width.token().expect("the width is available");
        assert_eq!(token.width(), width);
        let (single, double) = (core::marker::PhantomData, core::marker::PhantomData);
        assert_eq!(token.dispatch(Count::<f32>(single)), width.lanes::<f32>());
        assert_eq!(token.dispatch(Count::<f64>(double)), width.lanes::<f64>());
    }
}
