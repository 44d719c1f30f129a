//! The equation compiler behind `cell!` and `cargo xtask gen`: an ordinary library, tokens in, tokens or errors
//! out. It reads and writes no files and knows nothing of linear algebra.
//!
//! [`compile()`] is the pipeline:
//!
//! | stage | module | from | to |
//! |---|---|---|---|
//! | parse | [`parse`](mod@parse) | tokens | [`ast::CellAst`], with spans |
//! | check | [`check`] | syntax | [`model::Cell`]: every name resolved, every shape known |
//! | derive | [`adjoint`] | equations | the error signal of every quantity, term by term |
//! | prove | [`prove`] | stated error signals | a proof that they are the derived ones |
//! | plan | [`plan`] | both directions | passes, products, and what is kept where |
//! | emit | [`emit`] | the plan | Rust |
//!
//! Expressions are nodes of a hash-consed graph ([`expr`]); [`normal`] brings them to the normal form by which the
//! proof compares them, [`evaluate`] computes them in numbers, [`print`](mod@print) writes them for people, as Unicode,
//! LaTeX or MathML. [`report`](mod@report) does the first stages for a whole file, [`file`](mod@file) makes the checked-in
//! form of a cell, and [`cost`](mod@cost) counts what its kernels do. Mistakes are [`error::Diagnostic`]s, always all
//! that a stage finds in a cell together; what follows the first stage with mistakes does not run.

pub mod adjoint;
pub mod ast;
pub mod check;
pub mod compile;
pub mod cost;
pub mod emit;
pub mod error;
pub mod evaluate;
pub mod expr;
pub mod file;
mod keyword;
pub mod model;
mod nearest;
pub mod normal;
pub mod parse;
pub mod plan;
pub mod print;
pub mod prove;
pub mod report;
pub mod rules;

pub use compile::{Compiled, compile, expand};
pub use report::report;
