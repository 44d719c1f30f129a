//! Names: as the author writes them, in the public interface, and in generated code.

use lstm_derive_engine::emit::Root;
use proc_macro2::{TokenStream, TokenTree};

use crate::language::checked;
use crate::shipped;

/// Names in ASCII: Greek letters are spelled out, variants like their letter, keywords of Rust get an underscore.
#[test]
fn names_become_ascii() {
    let names = [
        ("W_ι", "w_iota"),
        ("β", "beta"),
        ("φ", "phi"),
        ("φ1", "phi1"),
        ("Ω_x", "omega_x"),
        ("Δs", "delta_s"),
        ("hβ", "h_beta"),
        ("στ", "sigma_tau"),
        ("ϑ", "theta"),
        ("ϵ_c", "epsilon_c"),
        ("U_IN", "u_in"),
        ("type", "type_"),
        ("gen", "gen_"),
        ("_k", "_k"),
        ("r#loop", "loop_"),
    ];
    let declared: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let body = format!(
        "size I, Σ = 2; input x: [I]; param V: [Σ, I]; {}: [Σ]; h[t] = V @ x[t] + h[t-1] + {}; output h;",
        declared.join(", "),
        declared.join(" + "),
    );
    let cell = checked(&body);
    let spelled: Vec<&str> = cell.params[1..]
        .iter()
        .map(|param| param.name.ascii.as_str())
        .collect();
    let expected: Vec<&str> = names.iter().map(|(_, ascii)| *ascii).collect();
    assert_eq!(spelled, expected);
    assert_eq!(cell.params[1].name.symbol, "W_ι");
    let sizes: Vec<&str> = cell
        .sizes
        .iter()
        .map(|size| size.name.ascii.as_str())
        .collect();
    assert_eq!(sizes, ["I", "Sigma"]);
}

/// A matrix K may take a vector k, as in papers: parameters and quantities are looked up apart.
#[test]
fn names_of_different_kinds_may_be_one_in_the_public_interface() {
    let cell = checked(
        "size I, K; input x: [I]; param R: [K, I]; X: [K];
        k[t] = tanh(R @ x[t] + X * k[t-1]); r[t] = k[t] * k[t]; output r;",
    );
    let spelled: Vec<&str> = (cell.params.iter())
        .map(|param| param.name.ascii.as_str())
        .chain(
            cell.quantities
                .iter()
                .map(|quantity| quantity.name.ascii.as_str()),
        )
        .collect();
    assert_eq!(spelled, ["r", "x", "k", "r"]);
}

/// All names in a stream of tokens.
fn idents(tokens: TokenStream) -> Vec<String> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(name) => vec![name.to_string()],
            TokenTree::Group(group) => idents(group.stream()),
            _ => Vec::new(),
        })
        .collect()
}

/// `gen` is a keyword that the parser of the generated code does not know, so its tokens are searched.
#[test]
fn generated_code_has_no_keyword_as_a_name() {
    let source = "cell! { cell Test {
        size I, N; input x: [I]; param W: [N, I]; U: [N, N];
        gen[t] = tanh(W @ x[t] + U @ h[t-1]);
        r#loop[t] = gen[t] * gen[t];
        h[t] = gen[t] + r#loop[t] * h[t-1];
        output h;
    } }";
    let compiled = shipped::compiled(source, "test.rs");
    let names = idents(compiled.emit(Root::Library, false));
    assert!(names.iter().any(|name| name == "gen_2"), "{names:?}");
    assert!(names.iter().all(|name| name != "gen"), "{names:?}");
}

#[test]
fn what_the_type_shows_is_ascii_and_matrices_of_the_input_are_known_behind_stop() {
    let source = "cell! { cell Test {
        size Λ; input x: [Λ];
        param  V, U: [Λ, Λ];
        h[t] = tanh(V @ stop(x[t]) + U @ h[t-1]);
        output h;
    } }";
    let code = shipped::compiled(source, "test.rs").emit(Root::Library, false);
    let code = code.to_string().replace(' ', "");
    for part in [
        "SizeSpec{name:\"Lambda\"",
        "name:\"v\",axes:&[0,0],row_axes:1,role:::lstm_core::ParamRole::InputMatrix",
        "name:\"u\",axes:&[0,0],row_axes:1,role:::lstm_core::ParamRole::RecurrentMatrix",
    ] {
        assert!(code.contains(part), "{part} in {code}");
    }
}

/// Where no name of the standard library is known, generated code finds those that it needs.
#[no_implicit_prelude]
mod without_prelude {
    ::lstm_core::cell! {
        pub cell Leaky {
            size   I, N = 3;
            input  x: [I];
            param  W: [N, I];
            param  β: [N] = 1;
            h[t] = W @ x[t] + β * h[t-1];
            output h;
        }
    }
}

#[test]
fn cells_need_no_prelude() {
    let spec = <without_prelude::Leaky as lstm_core::Cell>::SPEC;
    assert_eq!(
        (spec.sizes[0].default, spec.sizes[1].default),
        (None, Some(3))
    );
    assert_eq!(spec.params[1].start, Some(1.0));
}
