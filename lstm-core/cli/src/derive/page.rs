//! The derivation as one page: no script, nothing from the network.

use lstm_derive_engine::Compiled;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{kernels, sections, signals, unfolding};
use crate::flow::Figure;

const STYLE: &str = include_str!("style.css");

/// The sections: anchor and title.
const SECTIONS: [(&str, &str); 6] = [
    ("equations", "The equations of the cell"),
    ("unfolding", "Unfolding in time"),
    ("signals", "The error signals"),
    ("weights", "Weight updates"),
    ("kernels", "The kernels and their cost"),
    ("flow", "How an error travels back"),
];

/// The page of a cell defined in `source`; `figure` is its error flow, if this program has its kernels.
pub fn page(compiled: &Compiled, source: &str, figure: Option<&Figure>) -> Markup {
    let cell = &compiled.cell;
    let contents = [
        sections::equations(cell),
        unfolding::section(compiled),
        signals::section(compiled),
        sections::weights(compiled),
        kernels::section(compiled),
        sections::flow(cell, figure),
    ];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (cell.name) ": the derivation" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kicker { "A recurrent cell and its derivation" }
                    h1 { (cell.name) }
                    @for paragraph in paragraphs(&cell.docs) { p.lead { (prose(&paragraph)) } }
                }
                nav aria-label="Contents" {
                    ol {
                        @for (anchor, title) in SECTIONS {
                            li { a href={ "#" (anchor) } { (title) } }
                        }
                    }
                }
                main {
                    @for (number, ((anchor, title), content)) in SECTIONS.iter().zip(&contents).enumerate() {
                        section id=(anchor) {
                            h2 { span.number { (number + 1) } (title) }
                            (content)
                        }
                    }
                }
                footer {
                    p { "Derived from " code { (source) } " by " code { "lstm derive --html" } "." }
                }
            }
        }
    }
}

/// A doc comment as paragraphs.
fn paragraphs(lines: &[String]) -> Vec<String> {
    let joined: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    joined
        .split(|line| line.is_empty())
        .filter(|lines| !lines.is_empty())
        .map(|lines| lines.join(" "))
        .collect()
}

/// Words of a doc comment, with what stands between backticks as code.
fn prose(text: &str) -> Markup {
    let mut parts = text.split('`');
    let mut written = html! { (parts.next().unwrap_or_default()) };
    while let Some(part) = parts.next() {
        written = match parts.next() {
            Some(after) => html! { (written) code { (part) } (after) },
            // A backtick without another one is a backtick.
            None => html! { (written) "`" (part) },
        };
    }
    written
}

/// MathML of the engine, which escapes what it writes, in a box where lines end between pieces and which scrolls when a piece
/// is too wide. Browsers let the keyboard into boxes that scroll, so the box need not stop it where it does not.
pub fn formula(pieces: &[impl AsRef<str>]) -> Markup {
    html! {
        div.formula {
            @for (index, piece) in pieces.iter().enumerate() {
                @if index > 0 { wbr; }
                (PreEscaped(piece.as_ref()))
            }
        }
    }
}

/// The same within a line.
pub fn inline(mathml: &str) -> Markup {
    PreEscaped(mathml.to_owned())
}

/// The same with what stands behind it, such as a comma, which would otherwise begin a line.
pub fn inline_with(mathml: &str, behind: &str) -> Markup {
    html! { span.whole { (inline(mathml)) (behind) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::source::Source;
    use crate::derive::{only_cell, source};

    fn of(name: &str) -> (Compiled, String) {
        let source = source::find(name.as_ref()).unwrap();
        let compiled = only_cell(&source).unwrap();
        let text = page(&compiled, &source.name, None).into_string();
        (compiled, text)
    }

    #[test]
    fn a_page_has_every_equation_signal_and_gradient_of_its_cell() {
        for name in crate::cells::NAMES {
            let (compiled, page) = of(name);
            let cell = &compiled.cell;
            let quantities = cell.quantities.len();
            assert_eq!(page.matches("id=\"eq-").count(), quantities, "{name}");
            assert_eq!(
                page.matches("class=\"signal\"").count(),
                quantities,
                "{name}"
            );
            let gradients = page.split("id=\"weights\"").nth(1).unwrap();
            assert!(
                gradients.matches("<math").count() > cell.params.len(),
                "{name}"
            );
            let proved = page.matches("class=\"proved\"").count();
            assert_eq!(proved, compiled.proof.signals.len(), "{name}");
        }
    }

    #[test]
    fn backticks_mark_code() {
        let code = |text| prose(text).into_string();
        assert_eq!(
            code("as `a<b>` and `c`."),
            "as <code>a&lt;b&gt;</code> and <code>c</code>."
        );
        assert_eq!(code("one ` alone"), "one ` alone");
        let (_, page) = of("gru");
        assert!(page.contains("<code>torch.nn.GRU</code>"));
    }

    /// Wide formulas go on in the next line; on the way through the page none of them is a stop.
    #[test]
    fn formulas_wrap_and_are_no_stops() {
        let (_, page) = of("lstm-1997-truncated");
        assert!(!page.contains("class=\"formula\" tabindex"));
        let equation = page.split("id=\"eq-1\"").nth(1).unwrap();
        let equation = equation.split("class=\"tag\"").next().unwrap();
        assert_eq!(
            equation.matches("</math><wbr><math").count(),
            4,
            "{equation}"
        );
    }

    /// What scrolls on a screen is all there on paper.
    #[test]
    fn nothing_scrolls_on_paper() {
        let paper = STYLE.split("@media print").nth(1).unwrap();
        assert!(paper.contains(".formula, .scroll, pre { overflow: visible; }"));
    }

    /// One file is all there is: nothing is loaded, and nothing runs.
    #[test]
    fn a_page_stands_alone() {
        let (_, page) = of("peephole");
        // What begins with # is in the page itself.
        let page = page.replace("url(#head)", "");
        for foreign in [
            "<script", "<link", "src=", "@import", "url(", "http://", "https://",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    /// The words of an author are text, whatever stands in them.
    #[test]
    fn words_of_an_author_are_escaped() {
        let text = "cell! {
            /// <script>alert(1)</script> & more
            pub cell Odd { size I, N; input x: [I]; param W: [N, I];
            h[t] = select(h[t-1] > 0, tanh(W @ x[t]), 0); output h; } }";
        let source = Source {
            name: "<b>.rs".to_owned(),
            text: text.into(),
        };
        let page = page(&only_cell(&source).unwrap(), &source.name, None).into_string();
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"));
        assert!(page.contains("&lt;b&gt;.rs"));
        assert!(!page.contains("<script") && !page.contains("<b>"));
        assert!(page.contains("no kernels of this cell"));
    }
}
