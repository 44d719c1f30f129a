//! The language of `cell!`: how expressions group, what numbers and names become, which shapes quantities get.

use lstm_derive_engine::ast::{CellAst, Expr, ExprKind};
use lstm_derive_engine::expr::{Op, Shape};
use lstm_derive_engine::model::{Cell, Role};
use lstm_derive_engine::{check, file, parse, report};

use crate::shipped;

fn parsed(body: &str) -> CellAst {
    let source = format!("cell Test {{ {body} }}");
    let tokens = source.parse().expect("tokens");
    parse::parse(tokens).unwrap_or_else(|errors| panic!("{}", errors.render(&source, "test")))
}

/// The cell of a body without mistakes.
pub fn checked(body: &str) -> Cell {
    let source = format!("cell Test {{ {body} }}");
    check::check(&parsed(body))
        .unwrap_or_else(|errors| panic!("{}", errors.render(&source, "test")))
}

/// An expression with all its parentheses.
fn grouped(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Number(value) => value.to_string(),
        ExprKind::Name(name, None) => name.text.clone(),
        ExprKind::Name(name, Some(time)) => format!("{}[{:+}]", name.text, time.offset),
        ExprKind::Call(function, arguments, time) => {
            let arguments: Vec<String> = arguments.iter().map(grouped).collect();
            let time = time.map_or(String::new(), |time| format!("[{:+}]", time.offset));
            format!("{}({}){time}", function.text, arguments.join(", "))
        }
        ExprKind::Transposed(a) => format!("{}.T", grouped(a)),
        ExprKind::Neg(a) => format!("(-{})", grouped(a)),
        ExprKind::Binary(operator, _, a, b) => {
            format!("({} {} {})", grouped(a), operator.sign(), grouped(b))
        }
        ExprKind::Compare(sign, _, a, b) => {
            format!("({} {} {})", grouped(a), sign.sign(), grouped(b))
        }
    }
}

#[track_caller]
fn groups(expression: &str, expected: &str) {
    assert_eq!(
        grouped(&parsed(&format!("q[t] = {expression};")).equations[0].value),
        expected
    );
}

#[test]
fn operators_group_as_in_mathematics() {
    groups("a + b * c", "(a + (b * c))");
    groups("a - b - c", "((a - b) - c)");
    groups("a / b / c", "((a / b) / c)");
    groups("a * b / c * d", "(((a * b) / c) * d)");
    groups("W @ x + U @ h", "((W @ x) + (U @ h))");
    groups("a * W @ x", "((a * W) @ x)");
    groups("W @ x * a", "((W @ x) * a)");
    groups("A @ (B @ v)", "(A @ (B @ v))");
    groups("U.T @ d", "(U.T @ d)");
    groups("(a + b) * c", "((a + b) * c)");
    groups("a + b > c - d", "((a + b) > (c - d))");
    groups("a>=-b", "(a >= (-b))");
    groups("a <= b", "(a <= b)");
}

#[test]
fn a_leading_sign_binds_less_than_a_product() {
    groups("-W @ x", "(-(W @ x))");
    groups("-a * b + c", "((-(a * b)) + c)");
    groups("a * -b * c", "((a * (-b)) * c)");
    groups("a - -b", "(a - (-b))");
    groups("-(-a)", "(-(-a))");
}

#[test]
fn times_stand_behind_names() {
    groups(
        "q[t-1] + q[t] + q[t+1] + q",
        "(((q[-1] + q[+0]) + q[+1]) + q)",
    );
    groups("tanh(q[t - 1])", "tanh(q[-1])");
    groups("err(q)[t+1]", "err(q)[+1]");
    groups("select(a > b, p, q,)", "select((a > b), p, q)");
}

#[test]
fn numbers_are_exact() {
    groups("0.1", "1/10");
    groups("1e-5", "1/100000");
    groups("2.50", "5/2");
    groups("1_000", "1000");
    groups("1.5e3", "1500");
    groups("0x10", "16");
    groups("1.", "1");
    groups("0.0e9", "0");
}

#[test]
fn parameters_are_grouped_by_shape() {
    let cell = parsed("param A, B: [N, I]; c: []; D: [N]; size N, I = 3; param E: [N];");
    let params: Vec<String> = cell
        .params
        .iter()
        .map(|param| {
            let axes: Vec<&str> = param
                .shape
                .axes
                .iter()
                .map(|axis| axis.text.as_str())
                .collect();
            format!("{}[{}]", param.name.text, axes.join(","))
        })
        .collect();
    assert_eq!(params, ["A[N,I]", "B[N,I]", "c[]", "D[N]", "E[N]"]);
    let sizes: Vec<_> = cell
        .sizes
        .iter()
        .map(|size| {
            (
                size.name.text.as_str(),
                size.default.map(|(value, _)| value),
            )
        })
        .collect();
    assert_eq!(sizes, [("N", None), ("I", Some(3))]);
}

#[test]
fn the_head_keeps_documentation_and_visibility() {
    let tokens =
        "/// First.\n/// Second.\npub(crate) cell Test { /// Of no consequence.\n size N; }"
            .parse()
            .expect("tokens");
    let cell = parse::parse(tokens).expect("a cell");
    assert_eq!(cell.docs, [" First.", " Second."]);
    assert!(matches!(cell.visibility, syn::Visibility::Restricted(_)));
    assert_eq!(cell.name, "Test");
}

/// Shapes of quantities by name, with the author's names for axes.
fn shapes(cell: &Cell) -> Vec<String> {
    let show = |shape: &Shape| -> String {
        let axes: Vec<&str> = shape
            .iter()
            .map(|&axis| cell.size(axis).name.symbol.as_str())
            .collect();
        axes.join(",")
    };
    cell.quantities
        .iter()
        .map(|quantity| format!("{}[{}]", quantity.name.symbol, show(&quantity.shape)))
        .collect()
}

/// A quantity used at `t-1` above its equation has the shape its equation gives it, even through a cycle over time.
#[test]
fn shapes_follow_from_the_equations() {
    let cell = checked(
        "size I, N, C; input x: [I];
         param W: [N, I]; V: [N, C, I]; U: [N, C, N, C]; p: [N, C];
         a[t] = W @ x[t] + sum_C(p * s[t-1]);
         m[t] = mean_N(a[t]);
         s[t] = a[t] * s[t-1] + V @ x[t] + U @ h[t-1];
         d[t] = s[t] - d[t-1] / (1 + m[t]);
         h[t] = select(d[t] > m[t], d[t], a[t]);
         output h;",
    );
    assert_eq!(shapes(&cell), ["a[N]", "m[]", "s[N,C]", "d[N,C]", "h[N,C]"]);
    let carried: Vec<&str> = cell
        .carried()
        .map(|id| cell.quantity(id).name.symbol.as_str())
        .collect();
    assert_eq!(carried, ["s", "d", "h"]);
    let roles: Vec<Role> = cell.params.iter().map(|param| param.role).collect();
    let matrix = |row_axes| Role::Matrix { row_axes };
    assert_eq!(roles, [matrix(1), matrix(2), matrix(2), Role::Elementwise]);
}

/// A mean is a sum divided by the length of its axis; the division keeps the scalar shape.
#[test]
fn a_mean_is_a_sum_over_a_length() {
    let cell = checked(
        "size N; input x: [N]; m[t] = mean_N(x[t]); h[t] = h[t-1] * m[t] / N + x[t]; output h;",
    );
    let definition = cell.node(cell.quantities[0].definition);
    let Op::Div(sum, size) = definition.op else {
        panic!("{definition:?}")
    };
    assert!(matches!(cell.graph.op(sum), Op::Sum(axis, _) if axis.0 == 0));
    assert!(matches!(cell.graph.op(size), Op::Size(axis) if axis.0 == 0));
    assert!(definition.shape.is_empty());
}

/// Constants are numbers, and may be computed from constants above them.
#[test]
fn constants_are_inlined() {
    let cell = checked(
        "size N; input x: [N]; const third = 1 / 3; const k = -third * 0.5;
         h[t] = k * h[t-1] + x[t]; output h;",
    );
    let numbers: Vec<String> = cell
        .graph
        .reachable(&[cell.quantities[0].definition])
        .into_iter()
        .filter_map(|id| match cell.graph.op(id) {
            Op::Number(value) => Some(value.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(numbers, ["-1/6"]);
}

/// What parameters start from is computed from numbers and constants, and is a use of those.
#[test]
fn parameters_start_from_numbers() {
    let cell = checked(
        "size I, N; input x: [I]; param W: [N, I]; γ, g: [N] = 3 * half; k: [] = -half; β: [N];
         const half = 1 / 2;
         h[t] = γ * tanh(g * h[t-1] + W @ x[t]) + k * β; output h;",
    );
    let starts: Vec<_> = (cell.params.iter())
        .map(|param| param.start.as_ref().map(ToString::to_string))
        .collect();
    let said = |number: &str| Some(number.to_owned());
    assert_eq!(starts, [None, said("3/2"), said("3/2"), said("-1/2"), None]);
}

/// A signal may be stated in fewer axes than its quantity has: the same error for all cells of a block.
#[test]
fn a_signal_is_repeated_to_the_shape_of_its_quantity() {
    let cell = checked(
        "size I, N, C; input x: [I]; param V: [N, C, I];
         s[t] = V @ x[t] + s[t-1]; h[t] = sum_C(s[t]); output h;
         errors { ε of s = upstream(h); ε_h of h = upstream(h); }",
    );
    let of_s = &cell.signals[0];
    assert_eq!(cell.node(of_s.stated).shape, cell.quantity(of_s.of).shape);
}

/// Every `cell!` of a file is found, in modules and functions too, and other macros are not.
#[test]
fn cells_are_found_in_a_file() {
    let source = "
        lstm_core::cell! { cell A { } }
        mod inner { cell! { cell B { } } }
        fn f() { cell! { cell C { } } println!(\"{}\", 1); let cell = vec![1]; }
    ";
    let cells = parse::parse_file(source).expect("cells");
    let names: Vec<String> = cells
        .into_iter()
        .map(|cell| parse::parse(cell).expect("a cell").name.to_string())
        .collect();
    assert_eq!(names, ["A", "B", "C"]);
}

/// Along such chains there are two to the power of their length ways from the last value to the first; whoever follows them
/// all never ends.
#[test]
fn long_chains_are_compiled() {
    let chain = |name: &str, form: fn(&str) -> String| -> String {
        let equation = |k| {
            let before = format!("{name}{}[t]", k - 1);
            format!("{name}{k}[t] = {};\n", form(&before))
        };
        (1..80).map(equation).collect()
    };
    for form in [
        |v: &str| format!("{v} * (1 - {v})"),
        |v: &str| format!("{v} + {v} * {v}"),
        |v: &str| format!("select({v} > 0, {v}, {v} / (2 + {v} * {v}))"),
    ] {
        let (units, numbers) = (chain("a", form), chain("s", form));
        let source = format!(
            "cell! {{
                /// A chain of units, and one of single numbers.
                cell Chain {{
                    size I, N;
                    input x: [I];
                    param W: [N, I];
                    param U: [N, N];
                    param p: [];
                    a0[t] = sigmoid(W @ x[t] + U @ h[t-1]);
                    s0[t] = p * sum_N(h[t-1]);
                    {units} {numbers}
                    h[t] = tanh(a79[t] + s79[t]);
                    output h;
                }}
            }}"
        );
        let compiled = shipped::compiled(&source, "chain.rs");
        let text = file::generated_file(&compiled, "chain.rs").unwrap();
        assert!(text.contains("struct Chain"));
        report::report(&source, "chain.rs").unwrap();
    }
}
