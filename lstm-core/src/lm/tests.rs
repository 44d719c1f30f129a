//! The whole model: gradients, carried state, learning, files.

use lstm_kernels::cells::PeepholeLstm;

use super::*;
use lstm_kernels::Element;

use crate::check::assert_gradient;
use crate::optim::Adam;

const TEXT: &str = "to be, or not to be, that is the question: to be or not";

fn model<T: Element>(units: usize) -> CharModel<PeepholeLstm, T> {
    CharModel::new(
        Vocabulary::of(TEXT).unwrap(),
        &[3, units],
        &mut Rng::new(11),
    )
    .unwrap()
}

fn windows(steps: usize) -> Vec<Window> {
    let ids = Vocabulary::of(TEXT).unwrap().encode(TEXT).unwrap();
    let mut streams = Streams::new(&ids, 3, steps).unwrap();
    let mut windows = vec![Window::default(); streams.windows()];
    windows
        .iter_mut()
        .for_each(|window| streams.next_window(window));
    windows
}

#[test]
fn gradients_are_central_differences() {
    let mut model = model::<f64>(4);
    // Two shards of one and two streams, so that their weights matter too.
    let mut trainer = CharTrainer::new(&model, 3, 5, 2).unwrap();
    let window = &windows(5)[0];
    trainer.accumulate(&model, window).unwrap();
    let gradient = trainer.gradient().to_vec();
    assert_gradient(&mut model, &gradient, |model| {
        trainer.accumulate(model, window).unwrap()
    });
}

#[test]
fn gradients_with_dropout_are_central_differences() {
    let mut model = model::<f64>(4);
    let mut trainer = CharTrainer::new(&model, 3, 5, 2).unwrap();
    let window = &windows(5)[0];
    // The same masks for every call.
    let mut run = |model: &CharModel<PeepholeLstm, f64>, rate| {
        trainer.set_dropout(rate, &mut Rng::new(6)).unwrap();
        let loss = trainer.accumulate(model, window).unwrap();
        (loss, trainer.gradient().to_vec())
    };
    let (loss, gradient) = run(&model, 0.5);
    assert_gradient(&mut model, &gradient, |model| run(model, 0.5).0);
    assert_ne!(loss, run(&model, 0.0).0);
}

#[test]
fn dropout_draws_anew_for_every_window_until_it_is_taken_back() {
    let model = model::<f64>(4);
    let mut trainer = CharTrainer::new(&model, 3, 5, 1).unwrap();
    // The first window of the streams, so that the state begins with zeros every time.
    let window = &windows(5)[0];
    let mut loss = || trainer.accumulate(&model, window).unwrap();
    let without = loss();
    assert_eq!(without, loss());
    let mut rng = Rng::new(6);
    trainer.set_dropout(0.5, &mut rng).unwrap();
    let mut loss = || trainer.accumulate(&model, window).unwrap();
    assert_ne!(loss(), loss());
    trainer.set_dropout(0.0, &mut rng).unwrap();
    assert_eq!(without, trainer.accumulate(&model, window).unwrap());
    let error = trainer.set_dropout(1.0, &mut rng).unwrap_err().to_string();
    assert_eq!(
        error,
        "the rate of dropout is 1, but must be at least 0 and less than 1"
    );
}

#[test]
fn the_state_is_carried_from_window_to_window() {
    let model = model::<f64>(4);
    let whole = {
        let mut trainer = CharTrainer::new(&model, 3, 10, 1).unwrap();
        trainer.accumulate(&model, &windows(10)[0]).unwrap()
    };
    let mut trainer = CharTrainer::new(&model, 3, 5, 1).unwrap();
    let halves: Vec<f64> = windows(5)[..2]
        .iter()
        .map(|window| trainer.accumulate(&model, window).unwrap())
        .collect();
    // The same additions in another order: rounding of a few units in the last place of a loss near 3.
    assert!((whole - (halves[0] + halves[1]) / 2.0).abs() < 1e-13);
}

#[test]
fn shards_change_the_gradient_by_rounding_only() {
    let model = model::<f64>(4);
    let gradient = |shards| {
        let mut trainer = CharTrainer::new(&model, 3, 5, shards).unwrap();
        trainer.accumulate(&model, &windows(5)[0]).unwrap();
        trainer.gradient().to_vec()
    };
    for (one, three) in gradient(1).iter().zip(gradient(3)) {
        assert!((one - three).abs() < 1e-14);
    }
    assert!(CharTrainer::new(&model, 3, 5, 4).is_err());
    assert!(CharTrainer::new(&model, 3, 5, 0).is_err());
}

#[test]
fn a_short_text_is_learned_by_heart() {
    let mut model = model::<f32>(24);
    let ids = model.vocabulary().encode(TEXT).unwrap();
    let before = model.bits_per_character(&ids, 1, ids.len() - 1).unwrap();
    let mut trainer = CharTrainer::new(&model, 1, ids.len() - 1, 1).unwrap();
    let mut adam = Adam::new(0.02).unwrap();
    let mut streams = Streams::new(&ids, 1, ids.len() - 1).unwrap();
    let mut window = Window::default();
    for _ in 0..200 {
        streams.next_window(&mut window);
        trainer.step(&mut model, &window, &mut adam, 1.0).unwrap();
    }
    let after = model.bits_per_character(&ids, 1, ids.len() - 1).unwrap();
    // 16 characters: an untrained model pays about log2 16 = 4 bits; one that knows the text pays almost nothing.
    assert!(before > 3.5 && after < 0.5, "{before} -> {after}");
    let mut sampler = Sampler::new(&model, "to be, or").unwrap();
    let sample: String = (0..10)
        .map(|_| sampler.next_character(0.0, &mut Rng::new(0)).unwrap())
        .collect();
    assert_eq!(sample, " not to be");
}

#[test]
fn a_model_is_the_same_after_a_file() {
    let saved = model::<f32>(4);
    let path = std::env::temp_dir().join(format!("lstm-core-lm-{}", std::process::id()));
    saved.save(&path).unwrap();
    let file = ModelFile::open(&path);
    std::fs::remove_file(&path).unwrap();
    let file = file.unwrap();
    let loaded = CharModel::<PeepholeLstm, f32>::load(&file).unwrap();
    let write = |model| {
        let (mut sampler, mut rng) = (Sampler::new(model, "to").unwrap(), Rng::new(5));
        (0..20)
            .map(|_| sampler.next_character(1.0, &mut rng).unwrap())
            .collect::<String>()
    };
    assert_eq!(write(&saved), write(&loaded));
    let message = CharModel::<PeepholeLstm, f64>::load(&file)
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("its element is `f32`, not `f64`"),
        "{message}"
    );
}

#[test]
fn a_prompt_of_unknown_characters_is_an_error() {
    let model = model::<f32>(4);
    assert!(Sampler::new(&model, "Z").is_err());
    let mut sampler = Sampler::new(&model, "").unwrap();
    assert!(sampler.next_character(-1.0, &mut Rng::new(0)).is_err());
    assert!(sampler.next_character(f64::NAN, &mut Rng::new(0)).is_err());
}
