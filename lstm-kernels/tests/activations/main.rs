//! The SIMD value type and the functions of the language, on every instruction set of this machine
//! and for both number types.

mod accuracy;
mod functions;
mod lanes;
mod reference;
mod width;
