//! Names as the public interface spells them: W_ι becomes w_iota.

use crate::keyword::is_keyword;

/// Greek letters, their variants and the micro sign.
const GREEK: [(char, &str); 33] = [
    ('α', "alpha"),
    ('β', "beta"),
    ('ϐ', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "epsilon"),
    ('ϵ', "epsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ϑ', "theta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('ϰ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('µ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('ο', "omicron"),
    ('π', "pi"),
    ('ϖ', "pi"),
    ('ρ', "rho"),
    ('ϱ', "rho"),
    ('σ', "sigma"),
    ('ς', "sigma"),
    ('τ', "tau"),
    ('υ', "upsilon"),
    ('φ', "phi"),
    ('ϕ', "phi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
];

/// The spelling of a parameter, vector, constant or signal: in lower case. The letter that has none is the error.
pub fn lower(text: &str) -> Result<String, char> {
    spell(text).map(|name| escape(name.to_lowercase()))
}

/// The spelling of a size, in its own case.
pub fn kept(text: &str) -> Result<String, char> {
    spell(text).map(escape)
}

/// Spells Greek letters out, with an underscore between them and other letters.
fn spell(text: &str) -> Result<String, char> {
    let mut name = String::new();
    let mut after_greek = false;
    for letter in text.chars() {
        if letter.is_ascii() {
            if after_greek && letter.is_ascii_alphabetic() {
                name.push('_');
            }
            name.push(letter);
            after_greek = false;
        } else {
            let word = greek(letter).ok_or(letter)?;
            if name.ends_with(|last: char| last.is_ascii_alphanumeric()) {
                name.push('_');
            }
            name += &word;
            after_greek = true;
        }
    }
    Ok(name)
}

/// The name of a Greek letter; of a capital one, capitalised.
fn greek(letter: char) -> Option<String> {
    let small = letter.to_lowercase().next()?;
    let (_, word) = GREEK.iter().find(|(known, _)| *known == small)?;
    if small == letter {
        return Some((*word).to_owned());
    }
    let (first, rest) = word.split_at(1);
    Some(first.to_uppercase() + rest)
}

/// Keywords of Rust get an underscore behind them.
fn escape(name: String) -> String {
    if is_keyword(&name) { name + "_" } else { name }
}
