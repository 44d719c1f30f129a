//! What rustc shows to the author of a cell with mistakes.
//!
//! `TRYBUILD=overwrite cargo test -p lstm-tests ui` updates the expected output in `tests/ui`.

#[test]
fn messages_of_rustc() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/wrong_signal.rs");
    cases.compile_fail("ui/several_mistakes.rs");
    cases.compile_fail("ui/wrong_shape.rs");
}
