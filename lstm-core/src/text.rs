//! Text as numbers: a vocabulary of characters, and batches of a long text for truncated BPTT.

use crate::error::{Error, Result};

/// The characters of a text, sorted; a character's id is its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    characters: Vec<char>,
}

impl Vocabulary {
    /// All characters that occur in `text`.
    ///
    /// # Errors
    /// An empty text.
    pub fn of(text: &str) -> Result<Self> {
        let characters: std::collections::BTreeSet<char> = text.chars().collect();
        if characters.is_empty() {
            return Err(Error::TooShort {
                what: "the text of a vocabulary",
                unit: "characters",
                length: 0,
                needed: 1,
                remedy: "use a longer text",
            });
        }
        Ok(Self {
            characters: characters.into_iter().collect(),
        })
    }

    /// How many characters there are.
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// The characters in order of their ids.
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// The id of a character, if it has one.
    pub fn id(&self, character: char) -> Option<u32> {
        let place = self.characters.binary_search(&character).ok()?;
        // There are 1,114,112 characters in Unicode, so every place fits.
        u32::try_from(place).ok()
    }

    /// The character with this id, if there is one.
    pub fn character(&self, id: u32) -> Option<char> {
        self.characters.get(id as usize).copied()
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// A character that is not in the vocabulary.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encode = |(position, character)| {
            self.id(character).ok_or(Error::UnknownCharacter {
                character,
                position,
                count: self.len(),
            })
        };
        text.chars().enumerate().map(encode).collect()
    }

    /// The vocabulary as JSON: one string of all characters.
    pub fn to_json(&self) -> String {
        serde_json::Value::from(self.characters.iter().collect::<String>()).to_string()
    }

    /// Reads what [`to_json`](Self::to_json) wrote; `None` unless it is a string of ascending characters.
    pub fn from_json(json: &str) -> Option<Self> {
        let characters: Vec<char> = serde_json::from_str::<String>(json).ok()?.chars().collect();
        let ascending = characters.is_sorted_by(|a, b| a < b);
        (ascending && !characters.is_empty()).then_some(Self { characters })
    }
}

/// Splits ids into a part to train on and a part to measure on: of each of `stretches` equal stretches the last
/// `held_out` (a fraction from 0 to 1). One stretch holds out the end of the text, as is customary; several make both
/// parts alike where a text changes its subject.
pub fn split(ids: &[u32], held_out: f64, stretches: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut train, mut measure) = (Vec::with_capacity(ids.len()), Vec::new());
    let stretches = stretches.clamp(1, ids.len().max(1));
    // What is no number holds out nothing.
    let held_out = if held_out > 0.0 {
        held_out.min(1.0)
    } else {
        0.0
    };
    let mut start = 0;
    for stretch in 1..=stretches {
        // In 128 bits no product overflows.
        let end = (ids.len() as u128 * stretch as u128 / stretches as u128) as usize;
        // Rounded over all stretches so far: of short ones, each by itself might hold out nothing.
        let kept = ((end as f64 * (1.0 - held_out)).round() as usize).saturating_sub(train.len());
        let (first, last) = ids[start..end].split_at(kept.min(end - start));
        train.extend(first);
        measure.extend(last);
        start = end;
    }
    (train, measure)
}

/// A long text as `batch` parallel streams, read in windows of `steps` steps.
///
/// Stream b is the b-th of `batch` equal stretches of the text, and each window continues the one before, so that a
/// state carried from window to window sees its stream in one piece. A window's columns are `t * batch + b`.
#[derive(Debug, Clone)]
pub struct Streams<'a> {
    ids: &'a [u32],
    batch: usize,
    steps: usize,
    stretch: usize,
    position: usize,
}

/// One window of [`Streams`]: at each column a symbol, and the one that follows it in the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// What the model sees.
    pub inputs: Vec<u32>,
    /// What it is to predict.
    pub targets: Vec<u32>,
    /// Whether the streams start here, so that the state must be zero.
    pub is_first: bool,
}

impl<'a> Streams<'a> {
    /// # Errors
    /// A batch or steps of zero, or a text too short for a single window.
    pub fn new(ids: &'a [u32], batch: usize, steps: usize) -> Result<Self> {
        for (option, size) in [("the batch", batch), ("the steps", steps)] {
            if size == 0 {
                return Err(Error::Option {
                    option,
                    value: "0".to_owned(),
                    expected: "at least 1",
                });
            }
        }
        // The last symbol has nothing to be followed by, hence the one extra.
        let needed = batch.saturating_mul(steps).saturating_add(1);
        if ids.len() < needed {
            return Err(Error::TooShort {
                what: "the text",
                unit: "symbols",
                length: ids.len(),
                needed,
                remedy: match batch.max(steps) {
                    1 => "use a longer text",
                    _ => "use a longer text, a smaller batch or fewer steps",
                },
            });
        }
        Ok(Self {
            ids,
            batch,
            steps,
            stretch: (ids.len() - 1) / batch,
            position: 0,
        })
    }

    /// Windows in one pass through the text.
    pub fn windows(&self) -> usize {
        self.stretch / self.steps
    }

    /// Fills the next window, from the start again after the last. What does not fill a window at the end of the
    /// streams is left out.
    pub fn next_window(&mut self, window: &mut Window) {
        if self.position + self.steps > self.stretch {
            self.position = 0;
        }
        window.is_first = self.position == 0;
        window.inputs.clear();
        window.targets.clear();
        for t in self.position..self.position + self.steps {
            let places = (0..self.batch).map(|b| b * self.stretch + t);
            window
                .inputs
                .extend(places.clone().map(|place| self.ids[place]));
            window
                .targets
                .extend(places.map(|place| self.ids[place + 1]));
        }
        self.position += self.steps;
    }

    /// How many windows of the pass through the text have been read: the place to [`resume`](Self::resume) from.
    pub fn place(&self) -> u64 {
        (self.position / self.steps) as u64
    }

    /// Goes on behind so many windows of a pass.
    ///
    /// # Errors
    /// More windows than a pass has; nothing is changed then.
    pub fn resume(&mut self, place: u64) -> Result<()> {
        match usize::try_from(place) {
            Ok(windows) if windows <= self.windows() => {
                self.position = windows * self.steps;
                Ok(())
            }
            _ => Err(Error::Option {
                option: "the place in the text",
                value: place.to_string(),
                expected: "at most the number of windows in a pass through it: was it another text, batch or window?",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vocabulary_encodes_what_it_knows() {
        let vocabulary = Vocabulary::of("to be ε").unwrap();
        assert_eq!(vocabulary.characters(), [' ', 'b', 'e', 'o', 't', 'ε']);
        assert_eq!(vocabulary.encode("bε").unwrap(), [1, 5]);
        let message = vocabulary.encode("box").unwrap_err().to_string();
        assert_eq!(
            message,
            "character 'x' at position 2 is not in the vocabulary of 6 characters"
        );
        assert!(Vocabulary::of("").is_err());
    }

    #[test]
    fn json_round_trips_and_nonsense_is_refused() {
        let vocabulary = Vocabulary::of("a\"\\\n\u{1F600}").unwrap();
        assert_eq!(
            Vocabulary::from_json(&vocabulary.to_json()),
            Some(vocabulary)
        );
        for bad in ["", "\"\"", "\"ba\"", "\"aa\"", "[1]", "\"ab"] {
            assert_eq!(Vocabulary::from_json(bad), None, "{bad}");
        }
    }

    #[test]
    fn windows_continue_each_other_and_wrap() {
        // 15 symbols: 2 streams of 7, that is 0..7 and 7..14, in windows of 3; the seventh of each is left out.
        let ids: Vec<u32> = (0..15).collect();
        let mut streams = Streams::new(&ids, 2, 3).unwrap();
        assert_eq!(streams.windows(), 2);
        let mut window = Window::default();
        for (inputs, is_first) in [
            ([0, 7, 1, 8, 2, 9], true),
            ([3, 10, 4, 11, 5, 12], false),
            ([0, 7, 1, 8, 2, 9], true),
        ] {
            streams.next_window(&mut window);
            assert_eq!(window.inputs, inputs);
            assert_eq!(window.targets, inputs.map(|id| id + 1));
            assert_eq!(window.is_first, is_first);
            let mut resumed = Streams::new(&ids, 2, 3).unwrap();
            resumed.resume(streams.place()).unwrap();
            let (mut next, mut expected) = (Window::default(), Window::default());
            resumed.next_window(&mut next);
            streams.clone().next_window(&mut expected);
            assert_eq!(next, expected);
        }
        assert!(streams.resume(3).is_err() && streams.resume(u64::MAX).is_err());
    }

    #[test]
    fn short_texts_and_zero_sizes_are_errors() {
        let ids = [0; 6];
        assert!(Streams::new(&ids, 2, 3).is_err());
        assert!(Streams::new(&ids, 0, 3).is_err());
        assert!(Streams::new(&ids, 2, 0).is_err());
        assert!(Streams::new(&ids, usize::MAX, 2).is_err());
        let message = |batch, steps, ids| {
            let error = Streams::new(ids, batch, steps).unwrap_err();
            error.of_text("the poem", "letters").to_string()
        };
        assert_eq!(
            message(2, 3, &ids),
            "the poem is too short: its length in letters is 6, but must be at least 7; use a longer text, a smaller batch or fewer steps"
        );
        assert_eq!(
            message(1, 1, &ids[..1]),
            "the poem is too short: its length in letters is 1, but must be at least 2; use a longer text"
        );
    }

    #[test]
    fn the_end_of_each_stretch_is_held_out() {
        let ids: Vec<u32> = (0..8).collect();
        assert_eq!(split(&ids, 0.25, 1), (vec![0, 1, 2, 3, 4, 5], vec![6, 7]));
        assert_eq!(split(&ids, 0.25, 2), (vec![0, 1, 2, 4, 5, 6], vec![3, 7]));
        assert_eq!(split(&ids, 7.0, 0), (vec![], ids.clone()));
        assert_eq!(split(&[], 0.5, 3), (vec![], vec![]));
        assert_eq!(split(&ids, f64::NAN, 1), (ids, vec![]));
        // A tenth of three or four symbols is none, and of a hundred ten.
        let ids: Vec<u32> = (0..100).collect();
        let (train, measure) = split(&ids, 0.1, 30);
        assert_eq!(measure.len(), 10);
        let mut all = [train, measure.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, ids);
        // They come from all parts of the text.
        assert!(
            measure.windows(2).all(|pair| pair[1] - pair[0] < 15),
            "{measure:?}"
        );
    }
}
