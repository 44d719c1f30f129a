//! How large numbers may be, and how deeply a cell may be nested: what is beyond is a mistake with a message.

use lstm_derive_engine::parse;

use crate::messages::{BLOCKS, ELMAN, mistakes};

#[test]
fn expressions_are_bounded() {
    let deep = format!("{}a[t]{}", "(".repeat(80), ")".repeat(80));
    let long = vec!["a[t]"; 300].join(" + ");
    let minus = format!("{}a[t]", "-".repeat(300));
    for value in [deep, long, minus] {
        let (codes, text) = mistakes(&ELMAN.replace("tanh(a[t])", &value));
        assert_eq!(codes, ["too-deep"], "{text}");
    }
}

/// Equations lie in each other as the operations of one expression do.
#[test]
fn chains_of_equations_are_bounded() {
    let chain = |length: usize| {
        let links: String = (1..=length)
            .map(|at| format!("q{at}[t] = q{}[t] + 0.5;\n", at - 1))
            .collect();
        let equations = format!("q0[t] = a[t];\n{links}h[t] = tanh(q{length}[t]);");
        mistakes(&ELMAN.replace("h[t] = tanh(a[t]);", &equations)).0
    };
    assert!(chain(150).is_empty());
    assert_eq!(chain(600), ["too-deep"]);
}

/// However deeply a source is nested, reading it ends with a message.
#[test]
fn parentheses_are_bounded() {
    let nested = format!("{}a[t]{}", "(".repeat(10_000), ")".repeat(10_000));
    let source = ELMAN.replace("tanh(a[t])", &nested);
    let (codes, text) = mistakes(&source);
    assert_eq!(codes, ["too-deep"], "{text}");
    // Those in comments neither open nor close anything.
    let commented = source.replace("((((", "((((/* )))) */");
    assert_eq!(mistakes(&commented).0, ["too-deep"]);
    // The macro has tokens from the start.
    let tokens: proc_macro2::TokenStream = source.parse().expect("tokens");
    let proc_macro2::TokenTree::Group(body) =
        tokens.into_iter().nth(2).expect("`cell`, `!` and its body")
    else {
        panic!("the body stands in braces");
    };
    let errors = parse::parse(body.stream()).expect_err("it is too deep");
    assert_eq!(errors.0[0].code, "too-deep");
}

/// What counts is the value, rounded to an element type, however many digits it is written with.
#[test]
fn numbers_are_bounded() {
    let number = |number: &str| mistakes(&ELMAN.replace("tanh(a[t])", &format!("a[t] * {number}")));
    let (ones, zeros) = ("1".repeat(400), "0".repeat(400));
    let small = format!("0.{zeros}{ones}e400");
    for right in [
        "3.40282347e+38",
        "1.17549435e-38",
        &format!("0.{ones}"),
        &small,
    ] {
        assert_eq!(number(right).1, "", "{right}");
    }
    for (wrong, expected) in [
        ("3.40282357e+38", "number-out-of-range"),
        ("1.17549e-38", "number-out-of-range"),
        (&ones, "number-out-of-range"),
        (&format!("0.{zeros}{ones}"), "number-out-of-range"),
        (&format!("0.{}", "1".repeat(1000)), "too-many-digits"),
    ] {
        assert_eq!(number(wrong).0, [expected], "{wrong}");
    }
}

/// A constant has the digits of all that it is made of, so squares of squares soon have too many.
#[test]
fn constants_are_bounded() {
    let squares: String = (1..40)
        .map(|at| format!("const c{at} = c{0} * c{0};\n", at - 1))
        .collect();
    let source = BLOCKS.replace(
        "const  half = 0.5;",
        &format!("const c0 = 0.9999999999999999;\n{squares} const half = c39 / 2;"),
    );
    let (codes, text) = mistakes(&source);
    // Those above the first that is too long are not to blame for it, and those below are not told of.
    assert_eq!(codes, ["too-many-digits"], "{text}");
    assert!(text.contains("const c7 = c6 * c6"), "{text}");
}
