//! Perplexity, with known words, unknown words and ends of sentences accounted separately.

use serde_json::{Value, json};

use super::vocabulary::{END_ID, UNKNOWN_ID};

/// How many words of a kind there were, and the sum of the logarithms of their probabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// In nats.
    pub logs: f64,
}

impl Sum {
    /// The mean loss of a word, in nats; none without words.
    pub fn loss(self) -> Option<f64> {
        (self.count > 0).then(|| -self.logs / self.count as f64)
    }

    /// e to the mean loss; none without words.
    pub fn perplexity(self) -> Option<f64> {
        self.loss().map(f64::exp)
    }

    fn with(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            logs: self.logs + other.logs,
        }
    }
}

/// The account of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Account {
    /// Words of the vocabulary.
    pub known: Sum,
    /// Words that the vocabulary does not have.
    pub unknown: Sum,
    /// Ends of sentences.
    pub ends: Sum,
}

impl Account {
    /// Takes a word and the logarithm of its probability.
    pub fn add(&mut self, word: u32, log: f64) {
        let sum = match word {
            END_ID => &mut self.ends,
            UNKNOWN_ID => &mut self.unknown,
            _ => &mut self.known,
        };
        *sum = sum.with(Sum {
            count: 1,
            logs: log,
        });
    }

    /// All words and ends.
    pub fn all(self) -> Sum {
        self.words().with(self.ends)
    }

    /// All words, known or not.
    pub fn words(self) -> Sum {
        self.known.with(self.unknown)
    }

    /// Known words and ends.
    pub fn without_unknown(self) -> Sum {
        self.known.with(self.ends)
    }

    /// The account as JSON.
    pub fn to_json(self) -> Value {
        let sum = |sum: Sum| json!({"count": sum.count, "log_probability": sum.logs, "perplexity": sum.perplexity()});
        json!({
            "perplexity": self.all().perplexity(),
            "perplexity_without_ends": self.words().perplexity(),
            "perplexity_without_unknown": self.without_unknown().perplexity(),
            "known": sum(self.known), "unknown": sum(self.unknown), "ends": sum(self.ends),
        })
    }
}

/// A perplexity for the reader, with an exponent where the digits would be too many for a table.
pub fn shown(perplexity: f64) -> String {
    match perplexity < 1e7 {
        true => format!("{perplexity:.2}"),
        false => format!("{perplexity:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_perplexity_fits_into_a_table() {
        for (perplexity, text) in [
            (1.0, "1.00"),
            (9_999_999.0, "9999999.00"),
            (1.2345e7, "1.23e7"),
            (f64::MAX, "1.80e308"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(shown(perplexity), text);
        }
    }
}
