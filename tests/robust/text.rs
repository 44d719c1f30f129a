//! Vocabularies and streams of any text.

use lstm_core::text::{Streams, Vocabulary, Window, split};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{number, size};

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn vocabularies(text in any::<String>(), other in any::<String>(), json in any::<String>()) {
        let made = Vocabulary::of(&text);
        prop_assert_eq!(made.is_ok(), !text.is_empty());
        // A list of characters, or anything at all.
        let list = format!("{:?}", text.chars().map(String::from).collect::<Vec<_>>());
        for json in [&json, &list] {
            if let Some(read) = Vocabulary::from_json(json) {
                prop_assert!(!read.is_empty() && read.characters().is_sorted());
            }
        }
        let Ok(vocabulary) = made else { return Ok(()) };
        prop_assert_eq!(Vocabulary::from_json(&vocabulary.to_json()), Some(vocabulary.clone()));
        let ids = vocabulary.encode(&text).unwrap();
        let decoded: Option<String> = ids.iter().map(|&id| vocabulary.character(id)).collect();
        prop_assert_eq!(decoded, Some(text.clone()));
        let is_known = other.chars().all(|it| text.contains(it));
        prop_assert_eq!(vocabulary.encode(&other).is_ok(), is_known);
        prop_assert_eq!(vocabulary.character(u32::MAX), None);
    }

    #[test]
    fn streams(ids in vec(any::<u32>(), 0..30), batch in size(), steps in size()) {
        let made = Streams::new(&ids, batch, steps);
        let fits = batch > 0 && steps > 0 && batch.checked_mul(steps).is_some_and(|it| it < ids.len());
        prop_assert_eq!(made.is_ok(), fits);
        let Ok(mut streams) = made else { return Ok(()) };
        let mut window = Window::default();
        for _ in 0..2 * streams.windows() {
            streams.next_window(&mut window);
            prop_assert_eq!((window.inputs.len(), window.targets.len()), (batch * steps, batch * steps));
        }
    }

    #[test]
    fn parts(ids in vec(any::<u32>(), 0..30), held_out in number(), stretches in size()) {
        let (train, measure) = split(&ids, held_out, stretches);
        prop_assert_eq!(train.len() + measure.len(), ids.len());
    }
}
