//! The experiments, one a file.

mod adding;
mod embedded_reber;
mod long_lag;
mod multiplication;
mod temporal_order;
mod two_sequence;

pub use adding::Adding;
pub use embedded_reber::EmbeddedReber;
pub use long_lag::LongLag;
pub use multiplication::Multiplication;
pub use temporal_order::TemporalOrder;
pub use two_sequence::TwoSequence;

#[cfg(test)]
mod tests;
