//! Diagnostics: what is wrong, where, and what to do; all of one cell together.

use std::fmt::Write;

use proc_macro2::{LineColumn, Span, TokenStream};
use quote::quote_spanned;

/// One mistake.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// A short stable name of the kind of mistake, such as `unknown-name`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// Where it begins.
    pub span: Span,
    /// Its last token, where it is longer than one.
    pub end: Option<Span>,
    /// Places that explain it.
    pub notes: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn new(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            message: message.into(),
            span,
            end: None,
            notes: Vec::new(),
        }
    }

    /// The same with a secondary place that explains it.
    pub fn note(mut self, span: Span, message: impl Into<String>) -> Self {
        self.notes.push((span, message.into()));
        self
    }

    /// The same for a place that reaches to the end of another token.
    ///
    /// Stable compilers cannot join spans, so both ends are kept.
    pub fn until(mut self, end: Span) -> Self {
        self.end = Some(end);
        self
    }

    /// The message, with the notes that have no place of their own.
    fn folded_message(&self) -> String {
        let mut message = self.message.clone();
        for (_, note) in self.notes.iter().filter(|(span, _)| is_placeless(*span)) {
            let _ = write!(message, "\nnote: {note}");
        }
        message
    }

    /// The notes that have a place of their own.
    fn placed_notes(&self) -> impl Iterator<Item = (Span, &str)> {
        self.notes
            .iter()
            .filter(|(span, _)| !is_placeless(*span))
            .map(|(span, note)| (*span, note.as_str()))
    }
}

impl From<syn::Error> for Diagnostic {
    fn from(error: syn::Error) -> Self {
        Diagnostic::new("syntax", error.span(), error.to_string())
    }
}

/// All mistakes found, never empty where it is an error.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a mistake.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value if nothing is wrong, and otherwise the mistakes in the order of the source.
    pub fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self.sorted())
        }
    }

    /// The mistakes in the order of the source, each of them once.
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_key(|diagnostic| diagnostic.span.start());
        // Names declared together share a shape and, found once for each name, its mistakes.
        self.0
            .dedup_by_key(|diagnostic| (diagnostic.span.start(), diagnostic.message.clone()));
        self
    }

    /// One `compile_error!` for every mistake at its place. Stable compilers know no notes of a macro, and would count each as
    /// an error of its own, so those elsewhere name their lines.
    pub fn to_compile_error(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        for diagnostic in &self.0 {
            let mut message = diagnostic.folded_message();
            let own = diagnostic.span.start().line;
            for (span, note) in diagnostic.placed_notes() {
                let _ = match span.start().line {
                    line if line == own => write!(message, "\nnote: {note}"),
                    line => write!(message, "\nnote: in line {line}: {note}"),
                };
            }
            let end = diagnostic.end.unwrap_or(diagnostic.span);
            tokens.extend(compile_error(diagnostic.span, end, &message));
        }
        tokens
    }

    /// The mistakes as text in the manner of rustc, for use outside a compiler run.
    ///
    /// `source` must be the text the tokens were parsed from; `file` is only printed.
    pub fn render(&self, source: &str, file: &str) -> String {
        let mut text = String::new();
        for diagnostic in &self.0 {
            let title = format!(
                "error[{}]: {}",
                diagnostic.code,
                diagnostic.folded_message()
            );
            let end = diagnostic.end.unwrap_or(diagnostic.span);
            text += &excerpt(&title, diagnostic.span, end, source, file);
            for (span, note) in diagnostic.placed_notes() {
                text += &excerpt(&format!("note: {note}"), span, span, source, file);
            }
            text.push('\n');
        }
        text
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

/// Whether a span is no place in the source, but the whole macro call.
fn is_placeless(span: Span) -> bool {
    // Spans have no equality, but their debug form tells them apart, inside the compiler and outside.
    format!("{span:?}") == format!("{:?}", Span::call_site())
}

/// rustc underlines from the span of the first token to that of the last.
fn compile_error(start: Span, end: Span, message: &str) -> TokenStream {
    let body = quote_spanned!(end=> { #message });
    quote_spanned!(start=> ::core::compile_error! #body)
}

/// A title, the place, the line and carets below it.
fn excerpt(title: &str, start: Span, end: Span, source: &str, file: &str) -> String {
    let mut text = format!("{title}\n");
    let LineColumn { line, column } = start.start();
    let Some(code) = source
        .lines()
        .nth(line.saturating_sub(1))
        .filter(|_| !is_placeless(start))
    else {
        let _ = writeln!(text, " --> {file}");
        return text;
    };
    let stop = end.end();
    let length = code.chars().count();
    let last = if stop.line == line {
        stop.column
    } else {
        length
    };
    let margin = " ".repeat(line.to_string().len());
    let carets = "^".repeat(last.saturating_sub(column).max(1));
    // A tab counts as one column; as a space it keeps the carets below the code.
    let code = code.replace('\t', " ");
    let _ = writeln!(text, "{margin}--> {file}:{line}:{}", column + 1);
    let _ = writeln!(text, "{margin} |");
    let _ = writeln!(text, "{line} | {}", code.trim_end());
    let _ = writeln!(text, "{margin} | {}{carets}", " ".repeat(column));
    text
}
