//! The workspace's test suite: language and messages, proofs, generated kernels, numbers.
#![allow(uncommon_codepoints, confusable_idents, mixed_script_confusables)]

mod bits;
mod bounds;
mod cell_layouts;
mod columns;
mod fading;
mod freshness;
mod gradients;
mod kernel_errors;
mod language;
mod loops;
mod messages;
mod names;
mod observe;
mod oracle_tests;
mod oracles;
mod parity;
mod passes;
mod proofs;
mod pytorch;
mod pytorch_values;
mod shipped;
mod snapshots;
mod starts;
mod threads;
mod ui;
