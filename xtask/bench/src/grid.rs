//! The sizes at which cells are measured.

use std::fmt;
use std::str::FromStr;

/// Sizes of a piece of work: `batch` sequences of `steps` steps, from `inputs` features to `hidden` units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Sequences side by side.
    pub batch: usize,
    /// Steps of each.
    pub steps: usize,
    /// Features of the input.
    pub inputs: usize,
    /// Units; every other size of a cell without a default is equal to it.
    pub hidden: usize,
}

/// From one small sequence, where latency is all, to products that keep every unit busy.
pub const GRID: [Point; 13] = [
    point(1, 100, 16, 16),
    point(1, 100, 64, 64),
    point(1, 100, 256, 256),
    point(1, 50, 512, 512),
    point(1, 50, 1024, 1024),
    point(8, 100, 64, 64),
    point(16, 100, 128, 128),
    point(32, 50, 256, 256),
    point(64, 50, 256, 256),
    point(32, 50, 512, 512),
    point(20, 35, 650, 650),
    point(64, 50, 1024, 1024),
    point(128, 100, 128, 128),
];

const fn point(batch: usize, steps: usize, inputs: usize, hidden: usize) -> Point {
    Point {
        batch,
        steps,
        inputs,
        hidden,
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            batch,
            steps,
            inputs,
            hidden,
        } = self;
        f.pad(&format!("{batch},{steps},{inputs},{hidden}"))
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<usize>, _> =
            text.split(',').map(|part| part.trim().parse()).collect();
        match numbers.as_deref() {
            Ok(&[batch, steps, inputs, hidden])
                if [batch, steps, inputs, hidden].iter().all(|&size| size > 0) =>
            {
                Ok(point(batch, steps, inputs, hidden))
            }
            _ => Err(
                "a point is four whole numbers greater than 0: batch,steps,inputs,hidden"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_reads_back_as_it_is_written() {
        for point in GRID {
            assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn what_is_not_four_sizes_is_refused() {
        for text in ["", "1,2,3", "1,2,3,4,5", "1,2,3,0", "1,2,3,x", "-1,2,3,4"] {
            assert!(text.parse::<Point>().is_err(), "{text}");
        }
    }
}
