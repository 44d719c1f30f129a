//! Symbols in LaTeX: `a_ι` is a_{\iota}.

/// Greek letters with their commands.
const GREEK: [(char, &str); 39] = [
    ('α', "alpha"),
    ('β', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "varepsilon"),
    ('ϵ', "epsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ϑ', "vartheta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('π', "pi"),
    ('ρ', "rho"),
    ('ϱ', "varrho"),
    ('σ', "sigma"),
    ('ς', "varsigma"),
    ('τ', "tau"),
    ('υ', "upsilon"),
    ('φ', "varphi"),
    ('ϕ', "phi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
    ('Γ', "Gamma"),
    ('Δ', "Delta"),
    ('Θ', "Theta"),
    ('Λ', "Lambda"),
    ('Ξ', "Xi"),
    ('Π', "Pi"),
    ('Σ', "Sigma"),
    ('Υ', "Upsilon"),
    ('Φ', "Phi"),
    ('Ψ', "Psi"),
    ('Ω', "Omega"),
];

/// A symbol of the equations: parts after `_` are subscripts, words of several letters upright.
pub(super) fn latex(symbol: &str) -> String {
    let mut parts = symbol.split('_').filter(|part| !part.is_empty());
    let base = parts.next().map_or_else(String::new, letters);
    let subscripts: Vec<String> = parts.map(letters).collect();
    if subscripts.is_empty() {
        base
    } else {
        format!("{base}_{{{}}}", subscripts.join(","))
    }
}

fn letters(part: &str) -> String {
    let ascii_name = GREEK
        .iter()
        .find(|(_, name)| *name == part || (part == "epsilon" && *name == "varepsilon"));
    if let Some((_, name)) = ascii_name {
        return format!("\\{name}");
    }
    let converted: Vec<String> = part
        .chars()
        .map(
            |letter| match GREEK.iter().find(|(greek, _)| *greek == letter) {
                Some((_, name)) => format!("\\{name}"),
                None => letter.to_string(),
            },
        )
        .collect();
    match &converted[..] {
        [single] => single.clone(),
        many if part.is_ascii() => format!("\\mathrm{{{}}}", many.concat()),
        many => many.join(" "),
    }
}

/// A symbol as MathML: parts after `_` are subscripts, words of several letters upright.
pub(super) fn mathml(symbol: &str) -> String {
    let mut parts = symbol.split('_').filter(|part| !part.is_empty());
    let base = parts.next().map_or_else(String::new, identifiers);
    let subscripts: Vec<String> = parts.map(identifiers).collect();
    match subscripts.is_empty() {
        true => base,
        false => format!(
            "<msub><mrow>{base}</mrow><mrow>{}</mrow></msub>",
            subscripts.join("<mo separator=\"true\">,</mo>")
        ),
    }
}

fn identifiers(part: &str) -> String {
    let named =
        |(_, name): &&(char, &str)| *name == part || (part == "epsilon" && *name == "varepsilon");
    if let Some((letter, _)) = GREEK.iter().find(named) {
        return format!("<mi>{letter}</mi>");
    }
    // A word is one identifier; letters of other scripts stand side by side, as in LaTeX. Symbols are Rust identifiers, so
    // nothing in them needs escaping.
    match part.is_ascii() {
        true if part.bytes().all(|byte| byte.is_ascii_digit()) => format!("<mn>{part}</mn>"),
        true => format!("<mi>{part}</mi>"),
        false => part
            .chars()
            .map(|letter| format!("<mi>{letter}</mi>"))
            .collect(),
    }
}
