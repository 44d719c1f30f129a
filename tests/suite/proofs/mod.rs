//! The proofs of stated error signals: what the normal form knows, that right declarations pass in every form, that
//! wrong ones never do and what is said about them, and that the derivation itself is numerically right.

mod derivation;
mod large;
mod messages;
mod mutants;
mod normal_form;
mod points;
mod printing;
mod quotients;
mod rewrites;
mod sources;
