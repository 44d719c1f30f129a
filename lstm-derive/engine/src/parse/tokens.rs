//! Text that is not even tokens, as it comes from papers and from other languages: which sign is wrong, and which bracket is open.

use proc_macro2::{LexError, Span, TokenStream};

use crate::error::Diagnostic;

/// Signs that look like those of the language, and others that stand for what it can say.
const SIGNS: [(&str, &str); 11] = [
    (
        "\u{2212}\u{2010}\u{2011}\u{2013}\u{2014}\u{ff0d}",
        "write `-`",
    ),
    ("\u{ff0b}", "write `+`"),
    ("\u{f7}\u{2215}\u{ff0f}", "write `/`"),
    (
        "\u{b7}\u{d7}\u{22c5}\u{2219}\u{2299}\u{2218}\u{2217}\u{ff0a}",
        "write `*` for a product of elements, and `@` for that of a matrix and a vector",
    ),
    ("\u{2264}", "write `<=`"),
    ("\u{2265}", "write `>=`"),
    ("\u{ff1d}\u{2190}\u{2254}", "write `=`"),
    ("\u{ff08}\u{ff09}", "write `(` and `)`"),
    ("\u{2211}", "a sum over an axis is `sum_AXIS(..)`"),
    (
        "\u{b2}\u{b3}",
        "there is no power operator; write a product such as `a * a`",
    ),
    (
        "\u{2080}\u{2081}\u{2082}\u{2083}\u{2084}\u{2085}\u{2086}\u{2087}\u{2088}\u{2089}",
        "in names write digits as they are: `a1` or `a_1`",
    ),
];

/// The tokens of a text, or the mistake of what is none.
pub(super) fn of(source: &str) -> Result<TokenStream, Diagnostic> {
    source.parse().map_err(|error: LexError| {
        mistake(source, error.span()).unwrap_or_else(|| {
            let message = "this is not a Rust source file: what begins here is no token";
            Diagnostic::new("not-rust", error.span(), message)
        })
    })
}

/// The first sign that no token begins with, or the first bracket that does not fit.
fn mistake(source: &str, stopped: Span) -> Option<Diagnostic> {
    let stopped = offset(source, stopped);
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    while let Some(sign) = source[at..].chars().next() {
        let skipped = inert(&source[at..]);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        match sign {
            '(' | '[' | '{' => open.push((at, sign)),
            ')' | ']' | '}' => match open.pop() {
                Some((_, opened)) if closing(opened) == sign => {}
                Some((place, opened)) => {
                    let message = format!("`{opened}` is not closed before this `{sign}`");
                    let mistake = Diagnostic::new("unbalanced", span(source, at), message);
                    let note = format!("`{opened}` is opened here");
                    return Some(mistake.note(span(source, place), note));
                }
                None => {
                    let message = format!("`{sign}` closes nothing");
                    return Some(Diagnostic::new("unbalanced", span(source, at), message));
                }
            },
            _ => {
                let known = SIGNS.iter().find(|(signs, _)| signs.contains(sign));
                let advice = known.map(|(_, advice)| format!(": {advice}"));
                if advice.is_some() || Some(at) == stopped {
                    let advice = advice.unwrap_or_default();
                    let message = format!("`{sign}` has no meaning here{advice}");
                    return Some(Diagnostic::new("unknown-sign", span(source, at), message));
                }
            }
        }
        at += sign.len_utf8();
    }
    let (place, opened) = open.pop()?;
    let message = format!("this `{opened}` is not closed");
    Some(Diagnostic::new("unbalanced", span(source, place), message))
}

fn closing(opened: char) -> char {
    match opened {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// The length of a comment, a string or a character that a text begins with: no sign in them has a meaning.
fn inert(text: &str) -> usize {
    let until = |end: &str, from: usize| {
        let found = text.get(from..).and_then(|rest| rest.find(end));
        found.map_or(text.len(), |place| from + place + end.len())
    };
    if text.starts_with("//") {
        return until("\n", 2);
    }
    if text.starts_with("/*") {
        return until("*/", 2);
    }
    if let Some(inside) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inside.find(|sign| {
            let ends = sign == '"' && !escaped;
            escaped = sign == '\\' && !escaped;
            ends
        });
        return end.map_or(text.len(), |end| end + 2);
    }
    // A character, not a lifetime.
    let mut signs = text.chars();
    match (signs.next(), signs.next(), signs.next()) {
        (Some('\''), Some('\\'), Some(escaped)) => until("'", 2 + escaped.len_utf8()),
        (Some('\''), Some(sign), Some('\'')) => 2 + sign.len_utf8(),
        _ => 0,
    }
}

/// Where in a text a place begins.
fn offset(source: &str, place: Span) -> Option<usize> {
    let place = place.start();
    let mut lines = source.split_inclusive('\n');
    let before: usize = (1..place.line)
        .map_while(|_| lines.next())
        .map(str::len)
        .sum();
    let column = lines.next()?.char_indices().nth(place.column)?.0;
    Some(before + column)
}

/// The place of a sign: that of a token behind as many lines and blanks.
fn span(source: &str, at: usize) -> Span {
    let blank = |sign: char| if sign == '\n' { '\n' } else { ' ' };
    let before: String = source[..at].chars().map(blank).collect();
    let token: Result<TokenStream, _> = format!("{before}x").parse();
    let first = token.ok().and_then(|tokens| tokens.into_iter().next());
    first.map_or_else(Span::call_site, |token| token.span())
}
