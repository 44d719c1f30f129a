//! The pieces of a pass.
fn main() {}
