//! Every mistake an author can make in a cell: its code, its words and its place.
//!
//! A case is a correct cell with a change, and exactly one diagnostic is expected: no mistake may drag others along. The
//! cases are in `mistakes`, the words in `snapshots`; `cargo insta review` updates those.

use lstm_derive_engine::{check, parse};

/// The simple recurrent network, with everything a cell has: one vector axis.
pub const ELMAN: &str = "\
cell! {
    cell Elman {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        param  β: [N];

        a[t] = W @ x[t] + U @ h[t-1] + β;
        h[t] = tanh(a[t]);
        output h;

        errors {
            ε of h = upstream(h) + U.T @ δ[t+1];
            δ of a = dtanh(a) * ε;
        }
    }
}
";

/// Leaky integrators in blocks that share a gate: two vector axes, a constant, a scalar and a sum.
pub const BLOCKS: &str = "\
cell! {
    cell Blocks {
        size   I, N, C = 2;
        input  x: [I];
        param  W: [N, C, I];     V: [N, I];
        param  p: [N, C];        β: [N];        k: [];
        const  half = 0.5;

        a[t] = V @ x[t] + sum_C(p * s[t-1]) + β;
        g[t] = half * sigmoid(a[t]);
        z[t] = W @ x[t];
        s[t] = g[t] * s[t-1] + k * z[t];
        h[t] = select(s[t] > 0, s[t], max(s[t], -1));
        output h;

        errors {
            δ_g of g = sum_C(s[t-1] * err(s));
            δ_a of a = half * dsigmoid(a) * δ_g;
        }
    }
}
";

/// The codes and the rendered text of all mistakes in a source text.
pub fn mistakes(source: &str) -> (Vec<&'static str>, String) {
    let outcome = parse::parse_file(source).and_then(|cells| {
        cells
            .into_iter()
            .try_for_each(|cell| check::check(&parse::parse(cell)?).map(drop))
    });
    match outcome {
        Ok(()) => (Vec::new(), String::new()),
        Err(errors) => (
            errors.0.iter().map(|error| error.code).collect(),
            errors.render(source, "cell.rs"),
        ),
    }
}

/// Runs a table of cases against one snapshot.
///
/// Below the name of a cell, every line is a case: a code, and one or more replacements `from => to`, separated by `&&`.
#[track_caller]
fn expect(name: &str, table: &str) {
    let mut all = String::new();
    let mut base = "";
    for line in table.lines().filter(|line| !line.is_empty()) {
        base = match line {
            "[Elman]" => ELMAN,
            "[Blocks]" => BLOCKS,
            case => {
                all += &mistake(base, case);
                continue;
            }
        };
    }
    insta::assert_snapshot!(name, all);
}

/// The rendered text of the one mistake of a case.
#[track_caller]
fn mistake(base: &str, case: &str) -> String {
    let (code, edits) = case.split_once(' ').expect("a code and replacements");
    let mut source = base.to_owned();
    for edit in edits.split("&&") {
        // A new line is indented as the items of the cells are.
        let edit = edit.replace("\\n", "\n        ");
        let (from, to) = edit.split_once("=>").expect("a replacement");
        assert_eq!(
            base.matches(from.trim()).count(),
            1,
            "`{from}` must stand once"
        );
        source = source.replace(from.trim(), to.trim());
    }
    let (codes, text) = mistakes(&source);
    assert_eq!(codes, [code], "for {edits}:\n{text}");
    text
}

#[test]
fn the_cells_without_change_are_right() {
    for cell in [ELMAN, BLOCKS] {
        assert_eq!(mistakes(cell).1, "");
    }
}

#[test]
fn the_head_of_a_cell() {
    expect("head", include_str!("mistakes/head.txt"));
}

#[test]
fn items() {
    expect("items", include_str!("mistakes/items.txt"));
}

#[test]
fn expressions() {
    expect("expressions", include_str!("mistakes/expressions.txt"));
}

/// What a message says to write instead is right where it is put in the place of the mistake.
#[test]
fn advice_can_be_pasted() {
    for (right, wrong, advice) in [
        ("tanh(a[t])", "a[t].pow(2)", "a[t] * a[t]"),
        ("tanh(a[t])", "a[t].max(0)", "max(a[t], 0)"),
        ("tanh(a[t])", "2a[t]", "2 * a"),
        ("tanh(a[t])", "tanh a[t]", "tanh(a[t])"),
        ("W @ x[t]", "x[t] @ W", "W @ x[t]"),
        ("U.T @ δ[t+1]", "U^T @ δ[t+1]", "U.T @ δ"),
        ("U.T @ δ[t+1]", "U.transpose() @ δ[t+1]", "U.T"),
        (
            "dtanh(a) * ε;",
            "dtanh(a) * err(h[t]); η of a = 0 * ε;",
            "err(h)",
        ),
        ("dtanh(a) * ε;", "d_tanh(a) * ε;", "dtanh"),
        ("dtanh(a) * ε;", "dtanh * ε;", "dtanh(..)"),
    ] {
        assert!(ELMAN.contains(right), "{right}");
        let (codes, text) = mistakes(&ELMAN.replace(right, wrong));
        assert!(!codes.is_empty(), "{wrong}");
        assert!(text.contains(&format!("`{advice}`")), "{wrong}: {text}");
    }
    for (right, pasted) in [
        ("tanh(a[t])", "a[t] * a[t]"),
        ("tanh(a[t])", "max(a[t], 0)"),
        ("tanh(a[t])", "2 * a[t]"),
    ] {
        let (_, text) = mistakes(&ELMAN.replace(right, pasted));
        assert_eq!(text, "", "{pasted}");
    }
}

/// Functions of other libraries: what the message says to write is right as it stands.
#[test]
fn what_stands_for_functions_of_other_libraries_can_be_pasted() {
    let names = "silu swish gelu mish elu leaky_relu relu6 softsign hardtanh hard_tanh clamp clip hardsigmoid hard_sigmoid sign \
        step square expm1 log1p";
    for name in names.split_whitespace() {
        let (codes, text) = mistakes(&ELMAN.replace("tanh(a[t])", &format!("{name}(a[t])")));
        assert_eq!(codes, ["unknown-function"], "{text}");
        let (_, advice) = text.split_once("; write `").expect("advice");
        let (advice, _) = advice.split_once('`').expect("its end");
        let (_, text) = mistakes(&ELMAN.replace("tanh(a[t])", advice));
        assert_eq!(text, "", "{advice}");
    }
}

#[test]
fn joined_conditions() {
    let mut all = String::new();
    for sign in ["&&", "||"] {
        let condition = format!("s[t] > 0 {sign} z[t] > 0");
        let (codes, text) = mistakes(&BLOCKS.replace("s[t] > 0", &condition));
        assert_eq!(codes, ["unknown-operator"], "{text}");
        all += &text;
    }
    insta::assert_snapshot!(all);
}

#[test]
fn names() {
    expect("names", include_str!("mistakes/names.txt"));
}

#[test]
fn shapes() {
    expect("shapes", include_str!("mistakes/shapes.txt"));
}

#[test]
fn products() {
    expect("products", include_str!("mistakes/products.txt"));
}

#[test]
fn times() {
    expect("times", include_str!("mistakes/times.txt"));
}

#[test]
fn uses() {
    expect("uses", include_str!("mistakes/uses.txt"));
}

#[test]
fn error_signals() {
    expect("error_signals", include_str!("mistakes/error_signals.txt"));
}

#[test]
fn a_cell_without_equations() {
    let (codes, text) = mistakes("cell! { cell Empty { } }");
    assert_eq!(codes, ["empty-cell"], "{text}");
    insta::assert_snapshot!("empty_cell", text);
}

#[test]
fn files_without_a_cell() {
    let mut all = String::new();
    for (code, source) in [
        ("no-cell", "fn main() {}\n"),
        ("not-rust", "cell A { }\n"),
        ("unbalanced", "cell! { cell A {\n"),
        (
            "unbalanced",
            "// A {\ncell! { cell A {\n    h[t] = tanh(a[t];\n} }\n",
        ),
        ("unbalanced", "cell! { cell A { h[t] = \"(\"; } } }\n"),
        ("unknown-sign", "cell! { cell A { h[t] = h[t−1]; } }\n"),
        (
            "unknown-sign",
            "cell! { cell A { /* · */ h[t] = W · x[t]; } }\n",
        ),
        ("unknown-sign", "cell! { cell A { a₁[t] = x[t]; } }\n"),
        (
            "unknown-sign",
            "cell! { cell A { h[t] = x[t] ∧ h[t-1]; } }\n",
        ),
    ] {
        let (codes, text) = mistakes(source);
        assert_eq!(codes, [code], "{text}");
        all += &text;
    }
    insta::assert_snapshot!("files", all);
}

/// rustc takes any brackets for a macro call.
#[test]
fn cells_in_other_brackets() {
    for [open, close] in [["(", ");"], ["[", "];"]] {
        let cell = ELMAN.replacen("cell! {", &format!("cell! {open}"), 1);
        let (body, _) = cell.trim_end().rsplit_once('}').expect("the end");
        assert_eq!(mistakes(&format!("{body}{close}")).1, "");
    }
}

/// All mistakes in the grammar are reported together: after each, parsing goes on behind the next `;`.
#[test]
fn several_mistakes_of_grammar() {
    let source = "\
cell! {
    #[repr(C)]
    cell Many {
        sizes  I, N;
        size   I = 2.5, N;
        input  x [I];
        param  W: [N, 4];
        param  β: [N]
        a = W @ x[t] + β;
        b[t] = W @ (x[t] + ;
        h[t] = tanh(a[t]) b[t];
        h[t+1] = tanh(a[t]);
        output h[t];

        errors {
            ε = upstream(h);
            δ of a = dtanh(a) ** 2;
            γ of b = 2f64 * ε
        }
        size M;
    }
}
";
    // The unbalanced parenthesis of `b` would be the lexer's own message, so it is balanced here.
    let (_, text) = mistakes(&source.replace("(x[t] + ;", "(x[t] + );"));
    insta::assert_snapshot!("several_grammar", text);
}

/// All mistakes in the meaning of a cell are reported together, and none of them causes another.
#[test]
fn several_mistakes_of_meaning() {
    let source = "\
cell! {
    cell Many {
        size   I, N, C = 0, K;
        input  x: [I];
        param  W_i, W_f, W_c: [N, I];
        param  U_i, U_f, U_c: [N, C];
        param  β_i, β_c: [N];    β_f: [I];

        a_i[t] = W_i @ x[t-1] + U_i @ h[t-1] + β_i;     i[t] = sigmod(a_i[t]);
        a_f[t] = W_f @ x[t] + U_f @ h[t-1] + β_f;       f[t] = sigmoid(a_f[t], 2);
        a_c[t] = W_c @ x[t] + U_c @ h[t-2] + b_c;       g[t] = tanh(a_c[t]);
        c[t] = f[t] * c[t-1] + i[t] * g[t] / 0;
        h[t] = o[t] * tanh(c[t+1]);
        o[t] = sigmoid(sum_C(c[t]));
        c[t] = stop(c[t-1]);
        output y;

        errors {
            δ_c of a_d = dtanh(a_c) * ε_c;
            ε of h = upstream(h);
            ε_h of h = stop(ε) + err(h);
        }
    }
}
";
    let (_, text) = mistakes(source);
    insta::assert_snapshot!("several_meaning", text);
}

/// Inside the compiler every mistake becomes a `compile_error!` of its own, which tells its notes.
#[test]
fn mistakes_become_compile_errors() {
    let source = ELMAN.replace("δ of a", "ε of a");
    let cell = parse::parse_file(&source).expect("one cell").remove(0);
    let errors = check::check(&parse::parse(cell).expect("an AST")).expect_err("mistakes");
    let tokens = errors.to_compile_error();
    let file: syn::File = syn::parse2(tokens.clone()).expect("items");
    let messages: Vec<String> = file
        .items
        .iter()
        .map(|item| match item {
            syn::Item::Macro(call) => call
                .mac
                .parse_body::<syn::LitStr>()
                .expect("a message")
                .value(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    // One for each mistake; what stands elsewhere is told with its line.
    let [first, second] = &errors.0[..] else {
        panic!("two mistakes: {errors:?}");
    };
    let note = "note: in line 14: `ε` is first declared here";
    let expected = [first.message.clone(), format!("{}\n{note}", second.message)];
    assert_eq!(messages, expected);
}
