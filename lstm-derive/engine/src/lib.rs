//! The equation compiler.

pub mod adjoint;
pub mod error;
pub mod expr;
pub mod model;
pub mod evaluate;
pub mod normal;
pub mod print;
pub mod prove;
pub mod report;
pub mod rules;
pub mod ast;
pub mod check;
mod nearest;
pub mod parse;
pub mod compile;
pub mod emit;
pub mod plan;

pub use compile::{compile, expand, Compiled};
pub mod cost;
pub mod file;
