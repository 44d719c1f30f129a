//! The experiments, one a file.

mod adding;
pub mod continual_reber;
mod embedded_reber;
mod long_lag;
mod multiplication;
mod periodic_function;
mod spike_delays;
mod spikes;
mod temporal_order;
mod timed_spikes;
mod timing;
mod two_sequence;

pub use adding::Adding;
pub use continual_reber::ContinualReber;
pub use embedded_reber::EmbeddedReber;
pub use long_lag::LongLag;
pub use multiplication::Multiplication;
pub use periodic_function::PeriodicFunction;
pub use spike_delays::SpikeDelays;
pub use temporal_order::TemporalOrder;
pub use timed_spikes::TimedSpikes;
pub use two_sequence::TwoSequence;

#[cfg(test)]
mod tests;
