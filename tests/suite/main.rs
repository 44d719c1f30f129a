//! The workspace's test suite: language and messages, proofs, generated kernels, numbers.
#![allow(uncommon_codepoints, confusable_idents, mixed_script_confusables)]

mod cell_layouts;
mod language;
mod messages;
mod oracle_tests;
mod oracles;
mod passes;
mod proofs;
mod pytorch;
mod pytorch_values;
