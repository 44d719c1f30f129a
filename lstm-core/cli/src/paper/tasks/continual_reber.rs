//! The continual embedded Reber grammar of 2000: the next symbol of strings that follow each other without a mark.

use clap::{Args, ValueEnum};
use lstm_core::Rng;
use serde::Serialize;

use crate::args::size;
use crate::paper::cells::{Lstm2000, Lstm2000Truncated};
use crate::paper::design::Design;
use crate::paper::online::Descent;
use crate::paper::output::Squash;
use crate::paper::reber::{COUNT, Walk};
use crate::paper::stream_task::{Lengths, Step, Stream, StreamTask};
use crate::paper::task::Published;
use crate::paper::topology::{Bias, Topology, descending};

/// Memory blocks, of two cells each.
const BLOCKS: usize = 4;

/// A logistic unit with this net input gives exactly 1.
const OPEN: f64 = 1000.0;

/// What is left of a state after a step, where it decays by itself.
const STATE_DECAY: f64 = 0.9;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct ContinualReber {
    /// How the network gets rid of what it remembers
    #[arg(long, value_enum, default_value_t = Memory::Forget)]
    pub memory: Memory,
    /// The longest streams, in symbols
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = size(1 << 40))]
    pub length: u64,
}

/// The rows of the paper's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Memory {
    /// Not at all: the LSTM of 1997
    Standard,
    /// A teacher sets the state to zero at the end of each string
    Reset,
    /// The state shrinks to nine tenths at each step
    StateDecay,
    /// By forget gates
    Forget,
    /// By forget gates, with a rate that shrinks by one hundredth at each step of a stream
    ForgetDecay,
}

impl Memory {
    fn has_forget_gates(self) -> bool {
        matches!(self, Self::Forget | Self::ForgetDecay)
    }
}

impl StreamTask for ContinualReber {
    const NAME: &'static str = "continual-reber";
    type Truncated = Lstm2000Truncated;
    type Full = Lstm2000;
    type Stream = Strings;

    /// Without forget gates the gate that the cell has is fixed, so that it lets pass what the paper's carousel does.
    fn design(&self) -> Design {
        let gate = match self.memory {
            Memory::StateDecay => (STATE_DECAY / (1.0 - STATE_DECAY)).ln(),
            _ => OPEN,
        };
        let fixed = vec![("w_phi", 0.0), ("u_phi", 0.0), ("beta_phi", gate)];
        Design {
            topology: Topology {
                inputs: COUNT,
                blocks: BLOCKS,
                cells: 2,
                outputs: COUNT,
                bias: Bias::Gates,
                output_bias: true,
                range: 0.2,
                start: vec![
                    ("beta_in", descending(-0.5, BLOCKS)),
                    ("beta_out", descending(-0.5, BLOCKS)),
                    ("beta_phi", descending(0.5, BLOCKS)),
                ],
            },
            shortcuts: true,
            squash: Squash::Logistic,
            fixed: match self.memory.has_forget_gates() {
                true => Vec::new(),
                false => fixed,
            },
        }
    }

    fn descent(&self) -> (Descent, f64) {
        let descent = Descent {
            rate: 0.5,
            momentum: 0.0,
        };
        match self.memory {
            Memory::ForgetDecay => (descent, 0.99),
            _ => (descent, 1.0),
        }
    }

    fn lengths(&self) -> Lengths {
        Lengths {
            training: self.length,
            test: self.length,
            tests: 10,
        }
    }

    fn limit(&self) -> u64 {
        30_000
    }

    fn published(&self) -> Option<Published> {
        let (success, streams) = match self.memory {
            Memory::Standard | Memory::StateDecay => (0.0, None),
            Memory::Reset => (74.0, Some(7441)),
            Memory::Forget => (18.0, Some(18_889)),
            Memory::ForgetDecay => (62.0, Some(14_087)),
        };
        (self.length == 100_000).then_some(Published {
            success: Some(success),
            sequences: streams,
            ..Published::default()
        })
    }

    fn stream(&self) -> Strings {
        Strings {
            walk: Walk::default(),
            resets: self.memory == Memory::Reset,
        }
    }
}

/// Strings without an end. Each symbol is an input; the targets are 1 for all symbols that may follow it and 0 for the others: with
/// the one that does follow as target, no network could be nearer to it than one half where two are as likely.
pub struct Strings {
    walk: Walk,
    resets: bool,
}

impl Stream for Strings {
    fn begin(&mut self) {
        self.walk = Walk::default();
    }

    fn next(&mut self, rng: &mut Rng, step: &mut Step) {
        let symbol = self.walk.draw(rng);
        step.x.fill(0.0);
        step.x[symbol] = 1.0;
        step.targets.clear();
        let possible = self.walk.possible();
        (step.targets).extend(possible.map(|possible| f64::from(u8::from(possible))));
        step.counts = true;
        step.resets = self.resets && self.walk == Walk::Begin;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::reber::tests::{is_embedded_reber, word};
    use crate::paper::stream_task::weights;

    fn task(memory: Memory) -> ContinualReber {
        let length = 100_000;
        ContinualReber { memory, length }
    }

    #[test]
    fn networks_have_as_many_weights_as_the_paper_says() {
        assert_eq!(weights(&task(Memory::Forget)).unwrap(), 424);
        assert_eq!(weights(&task(Memory::ForgetDecay)).unwrap(), 424);
        // Without the four forget gates, each of which sees 7 inputs, 8 cells and 1.
        for memory in [Memory::Standard, Memory::Reset, Memory::StateDecay] {
            assert_eq!(weights(&task(memory)).unwrap(), 424 - 4 * 16);
        }
    }

    #[test]
    fn streams_are_strings_in_a_row_and_targets_what_may_follow() {
        for memory in [Memory::Forget, Memory::Reset] {
            let (mut rng, mut step) = (Rng::new(1), Step::new(COUNT));
            let mut stream = task(memory).stream();
            stream.begin();
            let (mut symbols, mut possible, mut strings) = (Vec::new(), vec![1.0; COUNT], 0);
            for _ in 0..3000 {
                stream.next(&mut rng, &mut step);
                assert_eq!(step.x.iter().sum::<f64>(), 1.0);
                let symbol = step.x.iter().position(|&x| x == 1.0).unwrap();
                assert_eq!(possible[symbol], 1.0);
                possible.clone_from(&step.targets);
                symbols.push(symbol);
                let is_whole = is_embedded_reber(&word(&symbols));
                assert_eq!(step.resets, is_whole && memory == Memory::Reset);
                assert!(step.counts);
                if is_whole {
                    symbols.clear();
                    strings += 1;
                    // Only B may follow.
                    assert_eq!(possible, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
                }
            }
            // Strings have some 12 symbols.
            assert!((200..300).contains(&strings), "{strings}");
        }
    }
}
