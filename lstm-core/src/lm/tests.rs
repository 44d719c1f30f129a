//! The whole model: gradients, carried state, learning, files.

use lstm_kernels::cells::PeepholeLstm;

use super::*;
use crate::params::Parameters;
use lstm_kernels::Element;

use crate::check::assert_gradient;
use crate::checkpoint::{Checkpoint, CheckpointFile};
use crate::error::Error;
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
    for shards in [0, 4] {
        let message = CharTrainer::new(&model, 3, 5, shards)
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            format!(
                "the number of shards is {shards}, but must be at least 1 and at most the batch"
            )
        );
    }
}

/// A model whose streams begin in a trained state that is not zero.
fn with_trained_state() -> CharModel<PeepholeLstm, f64> {
    let mut model = model::<f64>(4);
    let layer = model.recurrent().clone().with_trained_state();
    *model.recurrent_mut() = layer;
    let mut rng = Rng::new(3);
    (model.visit_mut(Name::ROOT, &mut |name, parameter| {
        if name.to_string().starts_with("recurrent.initial") {
            (parameter.values.iter_mut()).for_each(|value| *value = rng.symmetric(1.0));
        }
        Ok(())
    }))
    .unwrap();
    model
}

#[test]
fn a_trained_state_is_trained_saved_and_read() {
    let mut model = with_trained_state();
    let mut trainer = CharTrainer::new(&model, 3, 5, 2).unwrap();
    let windows = windows(5);
    // The first window begins there; the gradient of the second goes back no further than to its own first step.
    trainer.accumulate(&model, &windows[0]).unwrap();
    let gradient = trainer.gradient().to_vec();
    assert_gradient(&mut model, &gradient, |model| {
        trainer.accumulate(model, &windows[0]).unwrap()
    });
    trainer.accumulate(&model, &windows[1]).unwrap();
    let of_head = model.head.params_len();
    let end = trainer.gradient().len() - of_head;
    assert_eq!(trainer.gradient()[end - 8..end], [0.0; 8]);

    let path = std::env::temp_dir().join(format!("lstm-core-lm-state-{}", std::process::id()));
    model.save(&path).unwrap();
    let loaded = CharModel::<PeepholeLstm, f64>::load(&ModelFile::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    let loaded = loaded.unwrap();
    let ids = model.vocabulary().encode(TEXT).unwrap();
    let bits = |model: &CharModel<_, _>| model.bits_per_character(&ids, 3, 5).unwrap();
    assert_eq!(bits(&loaded), bits(&model));
    // Streams that begin at zero are predicted otherwise.
    let mut other = loaded;
    (other.visit_mut(Name::ROOT, &mut |name, parameter| {
        if name.to_string().starts_with("recurrent.initial") {
            parameter.values.fill(0.0);
        }
        Ok(())
    }))
    .unwrap();
    assert_ne!(bits(&other), bits(&model));
}

#[test]
fn a_window_that_is_refused_leaves_no_trace() {
    let model = model::<f64>(4);
    let windows = windows(5);
    let mut wrong_input = windows[1].clone();
    wrong_input.inputs[13] = 99;
    let mut wrong_target = windows[1].clone();
    wrong_target.targets[13] = 99;
    let mut broken = model.clone();
    (broken
        .recurrent_mut()
        .edit_param("w_c", |mut w| w.fill(f64::NAN)))
    .unwrap();
    let run = |refused: &dyn Fn(&mut CharTrainer<f64>)| {
        let mut trainer = CharTrainer::new(&model, 3, 5, 2).unwrap();
        trainer.set_dropout(0.2, &mut Rng::new(9)).unwrap();
        trainer.accumulate(&model, &windows[0]).unwrap();
        refused(&mut trainer);
        let loss = trainer.accumulate(&model, &windows[1]).unwrap();
        (loss, trainer.gradient().to_vec())
    };
    let expected = run(&|_| ());
    let of_ids = |window: &Window, what: &str| {
        run(&|trainer| {
            let message = trainer.accumulate(&model, window).unwrap_err().to_string();
            let place = format!("{what} 99 at position 13 is out of range");
            assert!(message.starts_with(&place), "{message}");
        })
    };
    assert_eq!(of_ids(&wrong_input, "symbol"), expected);
    assert_eq!(of_ids(&wrong_target, "target"), expected);
    let of_numbers = run(&|trainer| {
        let refused = trainer.step(
            &mut broken.clone(),
            &windows[1],
            &mut Adam::new(0.1).unwrap(),
            1.0,
        );
        assert!(matches!(refused, Err(Error::NotFinite { .. })));
    });
    assert_eq!(of_numbers, expected);
}

#[test]
fn a_trainer_takes_models_of_the_size_that_it_was_made_for() {
    // A vocabulary of a single character: the head is smaller than the trained state that the trainer knows nothing of.
    let vocabulary = Vocabulary::of("aaaa").unwrap();
    let model = CharModel::<PeepholeLstm, f64>::new(vocabulary, &[3, 9], &mut Rng::new(1)).unwrap();
    let mut trainer = CharTrainer::new(&model, 1, 2, 1).unwrap();
    let window = Window {
        inputs: vec![0; 2],
        targets: vec![0; 2],
        is_first: true,
    };
    trainer.accumulate(&model, &window).unwrap();
    let mut larger = model.clone();
    *larger.recurrent_mut() = model.recurrent().clone().with_trained_state();
    let message = trainer
        .accumulate(&larger, &window)
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("the gradient of the trainer is "),
        "{message}"
    );
}

#[test]
fn a_run_that_is_interrupted_goes_on_to_the_bit() {
    let ids = Vocabulary::of(TEXT).unwrap().encode(TEXT).unwrap();
    let path = std::env::temp_dir().join(format!("lstm-core-lm-run-{}", std::process::id()));
    // Windows of a pass are 3, so that 2 and 4 steps end within one.
    let run = |steps: &[usize]| {
        let mut losses = Vec::new();
        let mut weights = Vec::new();
        for (part, &steps) in steps.iter().enumerate() {
            let mut rng = Rng::new(4);
            let mut model = with_trained_state();
            let mut trainer = CharTrainer::new(&model, 3, 5, 2).unwrap();
            trainer.set_dropout(0.3, &mut rng).unwrap();
            let mut adam = Adam::new(0.02).unwrap();
            let mut streams = Streams::new(&ids, 3, 5).unwrap();
            assert_eq!(streams.windows(), 3);
            if part > 0 {
                let file = CheckpointFile::open(&path).unwrap();
                file.load_into(&mut model)
                    .unwrap()
                    .load_optimiser(&mut adam)
                    .unwrap();
                trainer.load_from(&file).unwrap();
                streams.resume(file.count("window").unwrap()).unwrap();
            }
            let mut window = Window::default();
            for _ in 0..steps {
                streams.next_window(&mut window);
                let step = trainer.step(&mut model, &window, &mut adam, 1.0).unwrap();
                losses.push(step);
            }
            let checkpoint = Checkpoint::new(&model).with_optimiser(&adam);
            let checkpoint = checkpoint.with_count("window", streams.place());
            trainer.save_to(checkpoint).save(&path).unwrap();
            weights.clear();
            (model.visit(Name::ROOT, &mut |_, parameter| {
                weights.extend_from_slice(parameter.values);
                Ok(())
            }))
            .unwrap();
        }
        (losses, weights)
    };
    let whole = run(&[4]);
    assert_eq!(run(&[2, 2]), whole);
    // What does not fit is refused, and says what.
    let file = CheckpointFile::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let model = with_trained_state();
    let load = |batch, shards, rate| {
        let mut trainer = CharTrainer::new(&model, batch, 5, shards).unwrap();
        trainer.set_dropout(rate, &mut Rng::new(4)).unwrap();
        trainer.load_from(&file).map_err(|error| error.to_string())
    };
    assert_eq!(load(3, 2, 0.3), Ok(()));
    assert!(
        load(3, 2, 0.0)
            .unwrap_err()
            .contains("dropout of a rate of 0.3, not of 0")
    );
    assert!(load(3, 3, 0.3).unwrap_err().contains("state `streams`"));
    assert!(load(4, 2, 0.3).unwrap_err().contains("state `streams`"));
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

#[test]
fn windows_beyond_memory_are_refused() {
    // A character's scores at every place of this text are beyond what a processor addresses.
    let all: String = ('\0'..=char::MAX).collect();
    let vocabulary = Vocabulary::of(&all).unwrap();
    let model = CharModel::<PeepholeLstm, f64>::new(vocabulary, &[1, 1], &mut Rng::new(1));
    let ids = vec![0; (1 << 24) + 1];
    let measured = model.unwrap().bits_per_character(&ids, 1, 1 << 24);
    assert_eq!(
        measured.unwrap_err().to_string(),
        "the window is 16777216 steps of 1 streams, but must be small enough for this machine's memory"
    );
}
