//! `lstm lm generate`: a model writes sentences.

use std::io::{Write, stdout};

use lstm_core::Rng;
use serde_json::json;

use super::args::Generate;
use super::error::LmError;
use super::model::WordModel;
use super::reader::Reader;
use super::vocabulary::{END_ID, UNKNOWN_ID, require_word};
use crate::failure::Failure;

/// Writes sentences, each from a fresh start. The unknown word is never written, since it is no word.
///
/// # Errors
/// A model that cannot be used, or one whose probabilities are no numbers.
pub fn run(options: &Generate) -> Result<(), Failure> {
    let model = WordModel::load(&options.model)?;
    let mut rng = Rng::new(options.seed);
    let mut out = stdout().lock();
    let prompt: Vec<&str> = options.prompt.split_whitespace().collect();
    for word in &prompt {
        require_word(word).map_err(LmError::Options)?;
    }
    for _ in 0..options.sentences {
        let mut reader = Reader::new(&model, true)?;
        let mut words: Vec<&str> = prompt.clone();
        let mut next = vec![END_ID];
        next.extend(prompt.iter().map(|word| model.vocabulary().id(word)));
        let (mut log, mut logs, mut is_complete) = (0.0, Vec::new(), false);
        for _ in 0..options.words {
            reader.next(&next, &mut logs)?;
            let word = choose(&logs, options.temperature, &mut rng)?;
            log += logs[word as usize];
            if word == END_ID {
                is_complete = true;
                break;
            }
            words.push(model.vocabulary().word(word));
            next = vec![word];
        }
        let sentence = words.join(" ");
        match options.json {
            true => writeln!(
                out,
                "{}",
                json!({"sentence": sentence, "log_probability": log, "complete": is_complete})
            )?,
            false => writeln!(out, "{sentence}")?,
        }
    }
    Ok(())
}

/// Draws a word at a temperature, or takes the most likely at 0, the first of equals; never the unknown one.
fn choose(logs: &[f64], temperature: f64, rng: &mut Rng) -> Result<u32, Failure> {
    let allowed = || (logs.iter().enumerate()).filter(|&(word, _)| word != UNKNOWN_ID as usize);
    let mut best = 0;
    for (word, &log) in allowed() {
        if log.is_nan() {
            return Err(lstm_core::Error::not_finite("a probability of the model").into());
        }
        if log > logs[best] {
            best = word;
        }
    }
    // Words are numbered by u32.
    if temperature == 0.0 {
        return Ok(best as u32);
    }
    let weight = |log: f64| ((log - logs[best]) / temperature).exp();
    let sum: f64 = allowed().map(|(_, &log)| weight(log)).sum();
    let mut left = rng.unit() * sum;
    for (word, &log) in allowed() {
        left -= weight(log);
        if left < 0.0 {
            return Ok(word as u32);
        }
    }
    // Rounding may leave a little; it goes to the most likely word.
    Ok(best as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_drawn_as_often_as_they_are_likely_and_the_unknown_one_never() {
        let logs = [0.2f64, 0.5, 0.3].map(f64::ln);
        let mut rng = Rng::new(1);
        let mut drawn = [0; 3];
        for _ in 0..10_000 {
            drawn[choose(&logs, 1.0, &mut rng).unwrap() as usize] += 1;
        }
        assert_eq!(drawn[1], 0);
        // 0.2 / (0.2 + 0.3) of 10,000; five standard deviations are 5 · sqrt(10,000 · 0.4 · 0.6) = 245.
        assert!((drawn[0] - 4000i32).abs() < 245, "{drawn:?}");
        assert_eq!(choose(&logs, 0.0, &mut rng).unwrap(), 2);
        assert!(choose(&[0.0, 0.0, f64::NAN], 1.0, &mut rng).is_err());
    }
}
