//! The random points at which a stated signal is compared with the derived one.

use lstm_derive_engine::error::Diagnostic;
use lstm_derive_engine::prove::prove;

use super::sources::compiled;

/// What is said of the error of `a` in `h[t] = function of a[t]`.
fn said(function: &str, error: &str) -> Vec<Diagnostic> {
    let (mut cell, derivation) = compiled(&format!(
        "cell! {{ cell Point {{
            size N; input x: [N];
            a[t] = x[t] + h[t-1];
            h[t] = {function};
            output h;
            errors {{ δ of a = {error}; }}
        }} }}"
    ));
    prove(&mut cell, &derivation).map_or_else(|errors| errors.0, |_| Vec::new())
}

/// An axis has two lengths, so that its length is no number.
#[test]
fn a_number_is_no_length() {
    let said = said(
        "mean_N(a[t]) * a[t]",
        "(mean_N(a) * err(h) + 0.5 * sum_N(a * err(h)))",
    );
    assert_eq!(said[0].code, "wrong-signal", "{said:?}");
}

/// tanh is 1 up to the last bit of a number at most points, and 1 - tanh² keeps but few of its digits.
#[test]
fn a_right_signal_is_right_where_functions_are_saturated() {
    let said = said(
        "tanh(50 * a[t])",
        "200 * sigmoid(100 * a) * (1 - sigmoid(100 * a)) * err(h)",
    );
    assert!(said.is_empty(), "{said:?}");
}

/// Where there is no value, there is no agreement.
#[test]
fn points_without_values_are_not_counted() {
    // No number drawn is above 3.
    let nowhere = said("log(a[t] - 9)", "2 * err(h) / (a - 9)");
    assert_eq!(nowhere[0].code, "unproved-signal", "{nowhere:?}");
    assert!(
        nowhere[0]
            .message
            .contains("has no finite value at any random point"),
        "{nowhere:?}"
    );
    // Some values are positive everywhere at every other point.
    let somewhere = said("log(a[t])", "2 * err(h) / a");
    assert_eq!(somewhere[0].code, "wrong-signal", "{somewhere:?}");
}

/// exp(log a) is a and a - a is 0, but a signal must have a value wherever the derived one has.
#[test]
fn a_signal_that_has_no_value_where_the_derived_one_has_is_wrong() {
    for stated in [
        "exp(log(a)) * err(h)",
        "sqrt(a) * sqrt(a) * err(h)",
        "(a + 1 / (a - a) - 1 / (a - a)) * err(h)",
    ] {
        let said = said("0.5 * a[t] * a[t]", stated);
        assert_eq!(said[0].code, "wrong-signal", "{stated}: {said:?}");
    }
    // Neither has a value for a negative a.
    let said = said("log(a[t])", "exp(-log(a)) * err(h)");
    assert!(said.is_empty(), "{said:?}");
}
