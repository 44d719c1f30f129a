//! What is printed: it reads well, and it can be read again.

use lstm_derive_engine::adjoint::derive;
use lstm_derive_engine::evaluate::random_point;
use lstm_derive_engine::model::Role;
use lstm_derive_engine::print;
use lstm_derive_engine::prove::prove;
use lstm_derive_engine::report::report;

use super::sources::{SHIPPED, TOYS, compiled, fully_stated, rebuilt};

/// All cells, shipped and made up.
fn sources() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHIPPED.into_iter().chain(TOYS)
}

#[test]
fn equations_read_back_as_the_same_tree() {
    for (name, source) in sources() {
        let (cell, derivation) = compiled(source);
        let printed = print::equations(&cell);
        let (again, rederived) = compiled(&rebuilt(&cell, &printed, ""));
        assert_eq!(print::equations(&again), printed, "{name}");
        // The same operations in the same order give the same bits.
        let (point, copy) = (
            random_point(&cell, &derivation, 1),
            random_point(&again, &rederived, 1),
        );
        for id in cell.quantity_ids() {
            assert_eq!(
                point.quantities[&(1, id)],
                copy.quantities[&(1, id)],
                "{name}: {}",
                cell.quantity(id).name.symbol
            );
        }
        for (a, b) in cell.params.iter().zip(&again.params) {
            assert!(
                a.role == b.role || a.role == Role::Elementwise,
                "{name}: {}",
                a.name.symbol
            );
        }
    }
}

#[test]
fn offered_declarations_can_be_pasted() {
    for (name, source) in sources() {
        let (cell, _) = compiled(source);
        let source = fully_stated(&cell);
        let (mut again, derivation) = compiled(&source);
        assert_eq!(
            again.signals.len(),
            cell.quantities.len(),
            "{name}: every quantity got its signal"
        );
        if let Err(diagnostics) = prove(&mut again, &derivation) {
            panic!("{name}: {}", diagnostics.render(&source, "cell.rs"));
        }
    }
}

#[test]
fn listing_of_the_peephole_lstm() {
    let (cell, derivation) = compiled(include_str!("../../../lstm-kernels/cells/peephole_lstm.rs"));
    insta::assert_snapshot!(print::errors_with_origins(&cell, &derivation));
}

#[test]
fn report_on_the_gru() {
    let source = include_str!("../../../lstm-kernels/cells/gru_reset_before.rs");
    insta::assert_snapshot!(
        report(source, "gru_reset_before.rs").expect("the shipped cell is right")
    );
}

#[test]
fn latex_of_the_1997_cell() {
    let (cell, derivation) = compiled(include_str!("../../../lstm-kernels/cells/lstm_1997.rs"));
    insta::assert_snapshot!(
        print::equations_latex(&cell) + &print::errors_latex(&cell, &derivation)
    );
}

#[test]
fn mathml_of_the_1997_cell() {
    let (cell, derivation) = compiled(include_str!("../../../lstm-kernels/cells/lstm_1997.rs"));
    insta::assert_snapshot!(
        print::equations_mathml(&cell)
            + &print::errors_mathml(&cell, &derivation)
            + &print::gradients_mathml(&cell, &derivation)
    );
}

#[test]
fn a_report_says_what_parameters_start_from() {
    let source = "cell! { cell Toy { size I, N; input x: [I]; param W: [N, I]; gain, γ: [N] = -1 / 3; β: [N] = 0.50;
        h[t] = gain * tanh(W @ x[t] + γ * h[t-1] + β); output h; } }";
    let report = report(source, "toy.rs").expect("a right cell");
    let expected = "\nAt first\n  gain = -1 / 3\n  γ    = -1 / 3\n  β    = 0.5\n\nError signals\n";
    assert!(report.contains(expected), "{report}");
}

/// A cell with one constant, as text, LaTeX and MathML.
fn with_constant(number: &str) -> [String; 3] {
    let (cell, _) = compiled(&format!(
        "cell! {{ cell Toy {{ size I, N; input x: [I]; param W: [N, I]; h[t] = W @ x[t] + {number} * h[t-1]; output h; }} }}"
    ));
    [
        print::equations(&cell),
        print::equations_latex(&cell),
        print::equations_mathml(&cell),
    ]
}

#[test]
fn numbers_are_decimal_where_that_is_exact() {
    for number in ["0.7978845608028654", "0.000000000001", "0.85", "12"] {
        for text in with_constant(number) {
            assert!(text.contains(number), "{number}: {text}");
            assert!(!text.contains("frac"), "{text}");
        }
    }
    let [text, latex, mathml] = with_constant("1.5e-37");
    assert!(text.contains("1.5e-37"), "{text}");
    assert!(latex.contains("1.5 \\cdot 10^{-37}"), "{latex}");
    assert!(
        mathml.contains("<mn>1.5</mn><mo>·</mo><msup><mn>10</mn>"),
        "{mathml}"
    );
    let [text, latex, _] = with_constant("1e-19");
    assert!(text.contains("1e-19"), "{text}");
    assert!(
        latex.contains("10^{-19}") && !latex.contains("cdot"),
        "{latex}"
    );
    let [text, latex, mathml] = with_constant("(1/3)");
    assert!(text.contains("1 / 3"), "{text}");
    assert!(latex.contains("frac{1}{3}"), "{latex}");
    assert!(mathml.contains("<mfrac>"), "{mathml}");
}

/// An equation says where errors stop; in an error signal only the value counts, whatever the notation.
#[test]
fn stops_stand_in_equations_only() {
    let (cell, derivation) = compiled(include_str!(
        "../../../lstm-kernels/cells/lstm_1997_truncated.rs"
    ));
    assert!(print::equations_latex(&cell).contains("\\operatorname{stop}"));
    assert!(print::equations_mathml(&cell).contains("<mi>stop</mi>"));
    let derived = print::errors_latex(&cell, &derivation)
        + &print::errors_mathml(&cell, &derivation)
        + &print::gradients_mathml(&cell, &derivation);
    assert!(!derived.contains("stop"), "{derived}");
    // What stood in it holds together as before.
    let (cell, derivation) = compiled(
        "cell! { cell Toy { size I, N; input x: [I]; param W: [N, I]; U: [N, N];
         h[t] = stop(1 + U @ h[t-1]) * (W @ x[t]); output h; } }",
    );
    let derived =
        print::errors_latex(&cell, &derivation) + &print::gradients_mathml(&cell, &derivation);
    assert!(derived.contains("(</mo><mn>1</mn><mo>+</mo>"), "{derived}");
}

/// A line may end before every term of a sum, and the pieces are the whole.
#[test]
fn formulas_come_in_pieces() {
    let (cell, derivation) = compiled(
        "cell! { cell Toy { size I, N; input x: [I]; param W: [N, I]; p: [N];
         h[t] = -tanh(W @ x[t]) + (0.5 * p - (h[t-1] - 2)); output h; } }",
    );
    let formulas = print::equation_formulas(&cell);
    let pieces: Vec<_> = formulas[0].pieces();
    assert_eq!(pieces.len(), 3, "{pieces:?}");
    assert!(pieces[0].contains("<mo>=</mo><mo form=\"prefix\">−</mo><mi>tanh</mi>"));
    for (piece, sign) in pieces[1..].iter().zip(["+", "−"]) {
        assert!(
            piece.contains(&format!("<mrow><mo form=\"infix\">{sign}</mo>")),
            "{piece}"
        );
    }
    for formula in formulas
        .iter()
        .chain(&print::gradient_formulas(&cell, &derivation))
    {
        let joined = formula
            .pieces()
            .concat()
            .replace("<math displaystyle=\"true\"><mrow>", "");
        let whole = formula
            .mathml()
            .replace("<math display=\"block\"><mrow>", "");
        assert_eq!(
            joined.replace("</mrow></math>", ""),
            whole.replace("</mrow></math>", "")
        );
    }
}

/// Every tag that is opened is closed, in order, for all cells and every operation of the language in them.
#[test]
fn mathml_is_well_formed() {
    for (name, source) in sources() {
        let (cell, derivation) = compiled(source);
        let text = print::equations_mathml(&cell)
            + &print::errors_mathml(&cell, &derivation)
            + &print::gradients_mathml(&cell, &derivation);
        let mut open = Vec::new();
        for tag in text
            .split('<')
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap())
        {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{name}"),
                None => open.extend(tag.split(' ').next()),
            }
        }
        assert_eq!(open, [""; 0], "{name}");
        assert!(
            text.matches("<math").count() >= cell.quantities.len(),
            "{name}"
        );
    }
}

/// ∂(d · d)/∂d is d + d, found use by use: a reader wants 2 · d, with the equation said once.
#[test]
fn a_square_gives_one_term_with_a_factor() {
    let source = "cell! { cell Toy { size I, N; input x: [I]; param W: [N, I]; param u, g: [N];
        d[t] = W @ x[t] + u * h[t-1]; h[t] = tanh(d[t] * d[t] + g * g); output h; } }";
    let (cell, derivation) = compiled(source);
    let errors = print::errors_with_origins(&cell, &derivation);
    let line = "err(d)[t] = 2 * d[t] * dtanh(d[t] * d[t] + g * g) * err(h)[t]  // equation of h\n";
    assert!(errors.ends_with(line), "{errors}");
    insta::assert_snapshot!(
        print::errors(&cell, &derivation)
            + &print::gradients(&cell, &derivation)
            + &print::errors_latex(&cell, &derivation)
            + &print::errors_mathml(&cell, &derivation)
            + &print::gradients_mathml(&cell, &derivation)
    );
}

#[test]
fn deriving_twice_prints_the_same() {
    for (name, source) in sources() {
        let (mut cell, derivation) = compiled(source);
        let first = print::errors(&cell, &derivation) + &print::gradients(&cell, &derivation);
        let second = derive(&mut cell);
        assert_eq!(
            print::errors(&cell, &second) + &print::gradients(&cell, &second),
            first,
            "{name}"
        );
    }
}

/// Sums of what a matrix gives: their error reaches the matrix repeated over the axes that were summed, which the language
/// leaves unsaid.
#[test]
fn an_error_repeated_over_the_rows_of_a_matrix_is_read_again() {
    let (cell, _) = compiled(
        "cell! { cell Repeated {
            size I, N, C = 2; input x: [I]; param W: [N, C, I]; R: [N, C, N, C]; U: [N, N];
            s[t] = W @ x[t] + 0.5 * s[t-1];
            a[t] = sum_C(R @ s[t]);
            h[t] = a[t] * mean_N(U @ a[t]);
            output h;
        } }",
    );
    let stated = fully_stated(&cell);
    assert!(stated.contains("R.T @ "), "{stated}");
    assert!(stated.contains("U.T @ mean_N("), "{stated}");
    let (mut cell, derivation) = compiled(&stated);
    assert_eq!(prove(&mut cell, &derivation).unwrap().signals.len(), 3);
}

/// The sign of a sum goes as far as a product does, so that it is put in parentheses before other factors; and what is
/// subtracted has no second sign.
#[test]
fn formulas_are_not_ambiguous() {
    let (cell, _) = compiled(
        "cell! { cell Formula {
            size N; input x: [N]; param Ψ, p: [N];
            a[t] = p * sum_N(x[t]) * Ψ;
            h[t] = a[t] + -2 * h[t-1] + (-3 + sum_N(p) * a[t]);
            output h;
        } }",
    );
    let latex = print::equations_latex(&cell);
    assert!(
        latex.contains("\\left(p \\, \\sum_{N} x(t)\\right) \\odot \\Psi"),
        "{latex}"
    );
    assert!(
        latex.contains("- 2 \\, h(t-1) - 3 + \\left(\\sum_{N} p\\right) \\, a(t)"),
        "{latex}"
    );
    let mathml = print::equations_mathml(&cell);
    assert!(
        !mathml.contains("<mo>+</mo><mo form=\"prefix\">−</mo>"),
        "{mathml}"
    );
}

/// The vectors of several groups of units may have the same place, each within its own group.
#[test]
fn costs_name_the_vector_that_a_matrix_takes() {
    let source = "cell! { cell Groups {
        size I, N, M; input x: [I]; param W: [N, I]; V: [M, N]; P: [N, M];
        a[t] = tanh(W @ x[t] + h[t-1]);
        q[t] = tanh(V @ a[t]);
        h[t] = tanh(P @ q[t]);
        output h;
    } }";
    let body = lstm_derive_engine::parse::parse_file(source)
        .unwrap()
        .remove(0);
    let compiled = lstm_derive_engine::compile(body).unwrap();
    let cost = lstm_derive_engine::cost::cost(&compiled.cell, &compiled.plan);
    assert_eq!(cost.forward.products, ["W x[t]", "V a[t]", "P q[t]"]);
}
