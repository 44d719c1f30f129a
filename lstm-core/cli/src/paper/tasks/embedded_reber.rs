//! Experiment 1 of 1997: the next symbol of embedded Reber strings, at every step.

use clap::{Args, ValueEnum};
use lstm_core::Rng;
use serde::Serialize;

use crate::paper::args::Update;
use crate::paper::criterion::Criterion;
use crate::paper::reber::{COUNT, Walk, possible_are_most_active};
use crate::paper::sequence::Sequence;
use crate::paper::task::{Problem, Published, Task};
use crate::paper::topology::{Bias, Topology, descending};

/// Training strings, and test strings.
const STRINGS: usize = 256;

/// The paper's table: network, learning rate, percent of the networks that learned it, sequences until then on average.
const PUBLISHED: [(Blocks, f64, f64, u64); 5] = [
    (Blocks::FourByOne, 0.1, 100.0, 39_740),
    (Blocks::ThreeByTwo, 0.1, 100.0, 21_730),
    (Blocks::ThreeByTwo, 0.2, 97.0, 14_060),
    (Blocks::FourByOne, 0.5, 97.0, 9500),
    (Blocks::ThreeByTwo, 0.5, 100.0, 8440),
];

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct EmbeddedReber {
    /// Memory blocks times cells in each
    #[arg(long, value_enum, default_value_t = Blocks::FourByOne)]
    pub blocks: Blocks,
    /// When weights change
    #[arg(long, value_enum, default_value_t = Update::Sequence)]
    pub update: Update,
}

/// The paper's two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
pub enum Blocks {
    /// Four blocks of one cell
    #[value(name = "4x1")]
    #[serde(rename = "4x1")]
    FourByOne,
    /// Three blocks of two cells
    #[value(name = "3x2")]
    #[serde(rename = "3x2")]
    ThreeByTwo,
}

impl Task for EmbeddedReber {
    const NAME: &'static str = "embedded-reber";

    fn topology(&self) -> Topology {
        let (blocks, cells) = match self.blocks {
            Blocks::FourByOne => (4, 1),
            Blocks::ThreeByTwo => (3, 2),
        };
        Topology {
            inputs: COUNT,
            blocks,
            cells,
            outputs: COUNT,
            bias: Bias::Gates,
            output_bias: false,
            range: 0.2,
            start: vec![("beta_out", descending(-1.0, blocks))],
        }
    }

    fn rate(&self) -> f64 {
        match self.blocks {
            Blocks::FourByOne => 0.1,
            Blocks::ThreeByTwo => 0.5,
        }
    }

    fn update(&self) -> Update {
        self.update
    }

    fn limit(&self) -> u64 {
        // Ten times the most that the paper needed.
        397_400
    }

    fn published(&self) -> Option<Published> {
        self.published_at(self.rate())
    }

    fn published_at(&self, rate: f64) -> Option<Published> {
        if self.update != Update::Sequence {
            return None;
        }
        let (_, _, success, sequences) = *PUBLISHED
            .iter()
            .find(|&&(blocks, at, ..)| blocks == self.blocks && at == rate)?;
        Some(Published {
            success: Some(success),
            sequences: Some(sequences),
            ..Published::default()
        })
    }

    fn problem(&self, rng: &mut Rng) -> Problem<'_> {
        let (training, test) = training_and_test(rng);
        Problem {
            criterion: Criterion::All {
                every: 10,
                sequences: [&training[..], &test].concat(),
                is_right,
            },
            draw: Box::new(move |rng, sequence| {
                sequence.clone_from(&training[rng.below(STRINGS as u64) as usize]);
            }),
        }
    }
}

/// Strings to learn, among which some come twice, and strings to test with, none of which is to be learned.
fn training_and_test(rng: &mut Rng) -> (Vec<Sequence>, Vec<Sequence>) {
    let training: Vec<_> = (0..STRINGS).map(|_| string(rng)).collect();
    let others = std::iter::repeat_with(|| string(rng)).filter(|other| !training.contains(other));
    let test = others.take(STRINGS).collect();
    (training, test)
}

/// A string: each symbol but the last is an input, whose target is the symbol that follows.
fn string(rng: &mut Rng) -> Sequence {
    let mut sequence = Sequence::default();
    sequence.clear(COUNT);
    let mut walk = Walk::default();
    let mut symbol = walk.draw(rng);
    while walk != Walk::Begin {
        sequence.push_symbol(symbol);
        symbol = walk.draw(rng);
        sequence.target_class(symbol, COUNT);
    }
    sequence
}

/// Whether at every step the symbols that may come are the most active outputs.
fn is_right(sequence: &Sequence, outputs: &[f64]) -> bool {
    let mut walk = Walk::default();
    (0..sequence.steps())
        .zip(outputs.chunks_exact(COUNT))
        .all(|(step, outputs)| {
            let symbol = sequence.input(step).iter().position(|&input| input == 1.0);
            // The sequences are strings of the grammar, in which every symbol leads on.
            let after = symbol.and_then(|symbol| walk.after(symbol));
            after.is_some_and(|after| {
                walk = after;
                possible_are_most_active(walk, outputs)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::reber::tests::{is_embedded_reber, word};

    #[test]
    fn sequences_are_strings_and_targets_their_continuation() {
        let mut rng = Rng::new(3);
        for _ in 0..100 {
            let sequence = string(&mut rng);
            let mut symbols = sequence.symbols();
            let targets = sequence.targets().chunks_exact(COUNT);
            let targets: Vec<_> = targets
                .map(|target| target.iter().position(|&value| value == 1.0).unwrap())
                .collect();
            assert_eq!(symbols[1..], targets[..targets.len() - 1]);
            symbols.extend(targets.last());
            assert!(is_embedded_reber(&word(&symbols)));
        }
    }

    #[test]
    fn nothing_is_tested_that_was_learned() {
        let (training, test) = training_and_test(&mut Rng::new(5));
        assert_eq!((training.len(), test.len()), (STRINGS, STRINGS));
        assert!(test.iter().all(|string| !training.contains(string)));
    }

    #[test]
    fn published_figures_are_those_of_the_rate() {
        let task = EmbeddedReber {
            blocks: Blocks::ThreeByTwo,
            update: Update::Sequence,
        };
        let sequences = |rate| task.published_at(rate).and_then(|found| found.sequences);
        assert_eq!(task.published(), task.published_at(0.5));
        assert_eq!(
            (sequences(0.1), sequences(0.5), sequences(0.3)),
            (Some(21_730), Some(8440), None)
        );
        let at_each_step = EmbeddedReber {
            update: Update::Step,
            ..task
        };
        assert_eq!(at_each_step.published(), None);
    }

    #[test]
    fn targets_as_outputs_are_right_only_if_both_branches_are_active() {
        let mut rng = Rng::new(4);
        let sequence = string(&mut rng);
        assert!(!is_right(&sequence, sequence.targets()));
        let mut walk = Walk::default();
        let mut ideal = Vec::new();
        for symbol in sequence.symbols() {
            walk = walk.after(symbol).unwrap();
            ideal.extend(
                walk.possible()
                    .map(|possible| f64::from(u8::from(possible))),
            );
        }
        assert!(is_right(&sequence, &ideal));
    }
}
