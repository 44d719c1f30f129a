//! Experiment 6 of 1997: in which order X and Y came, far apart and far from the end, among distractors.

use clap::Args;
use lstm_core::Rng;
use serde::Serialize;

use crate::args::whole;
use crate::paper::criterion::Criterion;
use crate::paper::sequence::Sequence;
use crate::paper::task::{Problem, Published, Task};
use crate::paper::topology::{Bias, Topology, descending};

/// Symbols: begin, trigger, four distractors, X and Y.
const BEGIN: usize = 0;
const TRIGGER: usize = 1;
const FIRST_DISTRACTOR: usize = 2;
const DISTRACTORS: u64 = 4;
const X: usize = 6;
const SYMBOLS: usize = 8;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct TemporalOrder {
    /// The length of the shortest sequences; places scale with it
    #[arg(long, value_name = "T", default_value_t = 100, value_parser = whole(20..=100_000))]
    pub lag: u64,
    /// How many of X and Y there are: two (experiment 6a) or three (6b)
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = whole(2..=3))]
    pub marks: u64,
}

impl TemporalOrder {
    fn has_three(&self) -> bool {
        self.marks == 3
    }

    /// Where X and Y stand, as parts of the lag.
    fn places(&self) -> &'static [(f64, f64)] {
        match self.has_three() {
            false => &[(0.1, 0.2), (0.5, 0.6)],
            true => &[(0.1, 0.2), (0.33, 0.43), (0.66, 0.76)],
        }
    }
}

impl Task for TemporalOrder {
    const NAME: &'static str = "temporal-order";

    fn topology(&self) -> Topology {
        Topology {
            inputs: SYMBOLS,
            blocks: self.marks as usize,
            cells: 2,
            outputs: 1 << self.marks,
            bias: Bias::All,
            output_bias: true,
            range: 0.1,
            start: vec![("beta_in", descending(-2.0, self.marks as usize))],
        }
    }

    fn rate(&self) -> f64 {
        match self.has_three() {
            false => 0.5,
            true => 0.1,
        }
    }

    fn limit(&self) -> u64 {
        // Ten times the published number at a lag of 100, and in proportion to the lag.
        match self.has_three() {
            false => 3139 * self.lag,
            true => 57_110 * self.lag,
        }
    }

    fn published(&self) -> Option<Published> {
        (self.lag == 100).then_some(Published::after(match self.has_three() {
            false => 31_390,
            true => 571_100,
        }))
    }

    fn problem(&self, _: &mut Rng) -> Problem<'_> {
        let places = self.places();
        Problem {
            draw: Box::new(move |rng, sequence| symbols_in_order(self.lag, places, rng, sequence)),
            criterion: Criterion::Recent {
                window: 2000,
                wrong: 0,
                tolerance: 0.3,
                mean: 0.1,
            },
        }
    }
}

/// A sequence of `lag` to 1.1 `lag` symbols with an X or Y in each of `places`, which are parts of `lag`; the class is
/// the number that they spell.
fn symbols_in_order(lag: u64, places: &[(f64, f64)], rng: &mut Rng, sequence: &mut Sequence) {
    let between = |from: u64, to: u64, rng: &mut Rng| from + rng.below(to - from + 1);
    let part = |part: f64| (part * lag as f64).round() as u64;
    sequence.clear(SYMBOLS);
    let length = between(lag, lag + lag / 10, rng);
    let mut places = places.iter();
    let mut next = places
        .next()
        .map(|&(from, to)| between(part(from), part(to), rng));
    let (mut class, mut classes) = (0, 1);
    for step in 0..length {
        sequence.push_symbol(match step {
            0 => BEGIN,
            _ if step == length - 1 => TRIGGER,
            _ if Some(step) == next => {
                let bit = rng.below(2) as usize;
                (class, classes) = (2 * class + bit, 2 * classes);
                next = places
                    .next()
                    .map(|&(from, to)| between(part(from), part(to), rng));
                X + bit
            }
            _ => FIRST_DISTRACTOR + rng.below(DISTRACTORS) as usize,
        });
    }
    sequence.target_class(class, classes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws sequences of 100 to 110 symbols and checks them, with X and Y within `places`.
    fn check(marks: u64, places: &[std::ops::RangeInclusive<usize>]) {
        let task = TemporalOrder { lag: 100, marks };
        let mut rng = Rng::new(1);
        let mut sequence = Sequence::default();
        let mut draw = task.problem(&mut rng).draw;
        for _ in 0..300 {
            draw(&mut rng, &mut sequence);
            let symbols = sequence.symbols();
            assert!((100..=110).contains(&symbols.len()));
            assert_eq!((symbols[0], symbols[symbols.len() - 1]), (0, 1));
            let marked: Vec<_> = (0..symbols.len()).filter(|&at| symbols[at] >= 6).collect();
            assert_eq!(marked.len(), places.len());
            assert!(
                marked
                    .iter()
                    .zip(places)
                    .all(|(at, place)| place.contains(at))
            );
            let class = marked
                .iter()
                .fold(0, |class, &at| 2 * class + symbols[at] - 6);
            let expected = (0..1 << marks).map(|at| f64::from(u8::from(at == class)));
            assert_eq!(sequence.targets(), expected.collect::<Vec<_>>());
            let mut others = symbols[1..symbols.len() - 1]
                .iter()
                .filter(|&&symbol| symbol < 6);
            assert!(others.all(|&symbol| symbol >= 2));
        }
    }

    #[test]
    fn two_marks_are_where_the_paper_says() {
        check(2, &[10..=20, 50..=60]);
    }

    #[test]
    fn three_marks_are_where_the_paper_says() {
        check(3, &[10..=20, 33..=43, 66..=76]);
    }
}
