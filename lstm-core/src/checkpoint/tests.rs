//! What is put back, and what is refused.

use std::fs;

use lstm_kernels::cells::{ElmanRnn, GruResetAfter, Lstm};

use super::*;
use crate::io::tests::Folder;
use crate::layers::{Bidirectional, Layer as _, Residual, Stack};
use crate::optim::{Adam, AdamW, AveragedSgd, RmsProp, Sgd};
use crate::order::Place;
use crate::params::Name;
use crate::recurrent::Recurrent;
use crate::train::{Best, Evaluation, Mean};

type Layer = Recurrent<Lstm, f32>;

fn layer(seed: u64) -> Layer {
    Recurrent::new(&[2, 3], &mut Rng::new(seed)).unwrap()
}

/// The checkpoint as it would be read from its file.
fn reopened<T: Element>(checkpoint: Checkpoint<T>, name: &str) -> CheckpointFile {
    let folder = Folder::new(name);
    let path = folder.0.join("checkpoint");
    checkpoint.save(&path).unwrap();
    CheckpointFile::open(path).unwrap()
}

#[test]
fn every_optimiser_goes_on_to_the_bit() {
    type Make = fn() -> Box<dyn Optimiser<f32>>;
    let makers: [Make; 6] = [
        || Box::new(Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap()),
        || Box::new(Sgd::new(0.1).unwrap()),
        || Box::new(RmsProp::new(0.1).unwrap()),
        || Box::new(Adam::new(0.1).unwrap()),
        || Box::new(AdamW::new(0.1).unwrap()),
        || Box::new(AveragedSgd::new(0.1).unwrap().with_start(1).unwrap()),
    ];
    for (number, make) in makers.into_iter().enumerate() {
        for steps in [0, 3] {
            let (mut model, mut optimiser) = (layer(1), make());
            let gradient: Vec<f32> = (0..model.params_len()).map(|i| (i as f32).sin()).collect();
            for _ in 0..steps {
                optimiser.step(&mut model, &gradient).unwrap();
            }
            optimiser.set_rate(0.1 / 3.0).unwrap();
            let checkpoint = Checkpoint::new(&model).with_optimiser(optimiser.as_ref());
            let file = reopened(checkpoint, &format!("optimiser-{number}-{steps}"));

            let (mut resumed, mut other) = (layer(2), make());
            file.load_into(&mut resumed).unwrap();
            file.load_optimiser(other.as_mut()).unwrap();
            assert_eq!(other.state(), optimiser.state());
            for _ in 0..3 {
                optimiser.step(&mut model, &gradient).unwrap();
                other.step(&mut resumed, &gradient).unwrap();
            }
            assert_eq!(resumed.params(), model.params(), "optimiser {number}");
        }
    }
}

#[test]
fn everything_else_is_put_back() {
    let model = layer(1);
    let mut rng = Rng::stream(3, 4);
    for _ in 0..37 {
        rng.unit();
    }
    let mut order = Order::new(10, 5).unwrap();
    order.next_batch(4, &mut Vec::new());
    let mut state = model.zero_state(2).unwrap();
    state.get_mut(1)[(2, 1)] = 0.1;
    state.get_mut(0)[(0, 1)] = f32::INFINITY;
    let watch = Watch {
        best: f64::INFINITY,
        waited: u64::MAX,
        reductions: 3,
    };
    let checkpoint = Checkpoint::new(&model)
        .with_rng("noise", &rng)
        .with_order(&order)
        .with_state("carried", &state)
        .with_watch("plateau", watch)
        .with_values("losses", &[0.1, 0.2])
        .with_count("step", u64::MAX)
        .with_number("best", 0.1 + 0.2)
        .with_number("worst", f64::NAN)
        .with_text("name", "a \"name\"\n");
    let file = reopened(checkpoint, "everything");

    let (mut other, mut other_order) = (Rng::new(0), Order::new(10, 5).unwrap());
    let mut other_state = model.zero_state(2).unwrap();
    file.load_rng("noise", &mut other)
        .and_then(|file| file.load_order(&mut other_order))
        .and_then(|file| file.load_state("carried", &mut other_state))
        .unwrap();
    assert_eq!(other.state(), rng.state());
    assert_eq!(other_order.place(), order.place());
    assert_eq!(other_state, state);
    assert_eq!(file.watch("plateau").unwrap(), watch);
    assert_eq!(file.values::<f32>("losses").unwrap(), [0.1, 0.2]);
    assert_eq!(file.count("step").unwrap(), u64::MAX);
    assert_eq!(file.number("best").unwrap(), 0.1 + 0.2);
    assert!(file.number("worst").unwrap().is_nan());
    assert_eq!(file.text("name").unwrap(), "a \"name\"\n");
}

#[test]
fn a_stack_is_saved_with_all_its_cells_and_states() {
    type Gru = Recurrent<GruResetAfter, f32>;
    let mut rng = Rng::new(1);
    let mut below = || Gru::new(&[2, 3], &mut rng).unwrap().with_trained_state();
    let mut stack = |above: Box<dyn crate::layers::Layer<f32>>| {
        let both = Bidirectional::concat(below(), below()).unwrap();
        let mut stack = Stack::new().with("below", both).unwrap();
        stack.push("above", above).unwrap();
        stack
    };
    let lstm = || Recurrent::<Lstm, f32>::new(&[6, 6], &mut Rng::new(1)).unwrap();
    let saved = stack(Box::new(Residual::new(lstm()).unwrap()));
    let mut states = saved.initial_states(2).unwrap();
    for (number, state) in states.iter_mut().enumerate() {
        (0..state.len()).for_each(|index| state.get_mut(index).fill((1 + number) as f32));
    }
    let file = reopened(
        Checkpoint::new(&saved).with_states("carried", &states),
        "stack",
    );

    let mut same = stack(Box::new(Residual::new(lstm()).unwrap()));
    file.load_into(&mut same).unwrap();
    let values = |stack: &Stack<f32>| {
        let mut values = Vec::new();
        let visited = stack.visit(Name::ROOT, &mut |_, parameter| {
            values.extend(parameter.values.to_vec());
            Ok(())
        });
        visited.map(|()| values).unwrap()
    };
    assert_eq!(values(&same), values(&saved));
    let mut loaded = same.initial_states(2).unwrap();
    file.load_states("carried", &mut loaded).unwrap();
    assert_eq!(loaded, states);

    let elman = Recurrent::<ElmanRnn, f32>::new(&[6, 6], &mut Rng::new(1)).unwrap();
    let message = file.load_into(&mut stack(Box::new(elman))).unwrap_err();
    let reason = "its cell `above` is `Lstm`, not `ElmanRnn`";
    assert!(message.to_string().contains(reason), "{message}");
}

#[test]
fn the_progress_of_a_trainer_is_put_back() {
    let model = layer(1);
    let watch = Watch {
        best: 0.1 + 0.2,
        waited: 3,
        reductions: 1,
    };
    let evaluation = Evaluation {
        step: 7,
        epoch: 1,
        training_loss: Some(f64::INFINITY),
        validation_loss: None,
        rate: 1.0 / 3.0,
        is_best: true,
    };
    let progress = Progress {
        steps: 9,
        samples: 36,
        count: Some(40),
        seed: Some(u64::MAX),
        place: Place {
            epoch: 1,
            position: 4,
        },
        since: Mean {
            sum: 0.7,
            weight: 3.0,
        },
        best: Some(Best {
            value: 0.1,
            step: 7,
            parameters: layer(2).params().to_vec(),
        }),
        plateau: Some(watch),
        stopping: None,
        history: vec![evaluation; 2],
    };
    let file = reopened(Checkpoint::new(&model).with_progress(&progress), "progress");
    assert_eq!(file.progress::<f32>().unwrap(), progress);
    let begun = Progress::<f32>::default();
    let file = reopened(Checkpoint::new(&model).with_progress(&begun), "begun");
    assert_eq!(file.progress::<f32>().unwrap(), begun);
    assert!(file.progress::<f64>().is_err());
    let file = reopened(Checkpoint::new(&model), "no-progress");
    let message = file.progress::<f32>().unwrap_err().to_string();
    assert!(
        message.ends_with("it has no progress of a trainer"),
        "{message}"
    );
}

#[test]
fn what_is_missing_or_does_not_fit_is_named() {
    let model = layer(1);
    let mut sgd = Sgd::<f32>::new(0.1).unwrap().with_momentum(0.5).unwrap();
    sgd.step(&mut layer(1), &vec![0.1; model.params_len()])
        .unwrap();
    let checkpoint = Checkpoint::new(&model)
        .with_optimiser(&sgd)
        .with_rng("noise", &Rng::new(1))
        .with_rng("data", &Rng::new(1))
        .with_order(&Order::new(10, 5).unwrap())
        .with_state("carried", &model.zero_state(2).unwrap())
        .with_text("count", "1");
    let file = reopened(checkpoint, "refusals");

    let mut elman = Recurrent::<ElmanRnn, f32>::new(&[2, 3], &mut Rng::new(1)).unwrap();
    let mut wide = Layer::new(&[2, 4], &mut Rng::new(1)).unwrap();
    let mut double = Recurrent::<Lstm, f64>::new(&[2, 3], &mut Rng::new(1)).unwrap();
    let mut state = model.zero_state(2).unwrap();
    let mut order = Order::new(10, 6).unwrap();
    let refusals = [
        (
            file.load_into(&mut elman).err(),
            "its cell is `Lstm`, not `ElmanRnn`",
        ),
        (file.load_into(&mut wide).err(), "has sizes"),
        (file.load_into(&mut double).err(), "is F32"),
        (
            file.load_optimiser(&mut Adam::<f32>::new(0.1).unwrap())
                .err(),
            "the state cannot be loaded into adam: it is that of sgd",
        ),
        (
            file.load_optimiser(&mut Sgd::<f64>::new(0.1).unwrap())
                .err(),
            "its memory `velocity` of the optimiser is F32",
        ),
        (
            file.load_rng("dropout", &mut Rng::new(1)).err(),
            "it has no random source `dropout`; it has `data`, `noise`",
        ),
        (
            file.load_order(&mut order).err(),
            "its order is that of 10 samples with seed 5, not of 10 samples with seed 6",
        ),
        (
            file.load_state("carried", &mut model.zero_state(3).unwrap())
                .err(),
            "its quantity 0 of state `carried` is F32 [2, 3], but F32 [3, 3] is needed",
        ),
        (
            file.load_state("carried", &mut elman.zero_state(2).unwrap())
                .err(),
            "its state `carried` has 2 quantities, but 1 are needed",
        ),
        (
            file.load_state("other", &mut state).err(),
            "it has no state `other`; it has `carried`",
        ),
        (file.watch("plateau").err(), "it has no watch `plateau`"),
        (file.count("count").err(), "it has no count `count`"),
        (
            file.values::<f32>("losses").err(),
            "it has no values `losses`",
        ),
    ];
    for (error, reason) in refusals {
        let message = error.unwrap().to_string();
        assert!(message.contains(reason), "{message}");
    }
    let without = reopened(Checkpoint::new(&model), "without");
    let message = without.load_optimiser(&mut sgd).err().unwrap().to_string();
    assert!(message.ends_with("it has no optimiser"), "{message}");
    let message = without.load_order(&mut order).err().unwrap().to_string();
    assert!(message.ends_with("it has no order of samples"), "{message}");
}

#[test]
fn a_model_is_not_a_checkpoint_nor_the_reverse() {
    let folder = Folder::new("kinds");
    let (model, checkpoint) = (folder.0.join("model"), folder.0.join("checkpoint"));
    layer(1).save(&model).unwrap();
    Checkpoint::new(&layer(1)).save(&checkpoint).unwrap();
    let message = CheckpointFile::open(&model).unwrap_err().to_string();
    let reason = "its format is `lstm-core 2`, but `lstm-core checkpoint 1` is needed";
    assert!(message.contains(reason), "{message}");
    let message = Layer::load(&checkpoint).err().unwrap().to_string();
    let reason = "its format is `lstm-core checkpoint 1`, but `lstm-core 2` is needed";
    assert!(message.contains(reason), "{message}");
}

#[test]
fn two_of_one_name_are_an_error_and_nothing_is_written() {
    let folder = Folder::new("twice");
    let model = layer(1);
    for checkpoint in [
        Checkpoint::new(&model)
            .with_count("a", 1)
            .with_count("a", 2),
        Checkpoint::new(&model)
            .with_values("a", &[])
            .with_values("a", &[]),
    ] {
        let message = checkpoint
            .save(&folder.0.join("c"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("/a`; give them different names"),
            "{message}"
        );
    }
    assert!(folder.names().is_empty());
}

#[test]
fn a_folder_keeps_the_last_ones() {
    let folder = Folder::new("rotation");
    let checkpoints = Checkpoints::new(folder.0.join("inner"), 2).unwrap();
    assert!(checkpoints.latest().unwrap().is_none());
    let save = |number: u64| {
        let checkpoint = Checkpoint::new(&layer(1)).with_count("step", number);
        checkpoints.save(number, checkpoint)
    };
    for number in [1, 2, 5, 5, 9] {
        save(number).unwrap();
        assert_eq!(checkpoints.latest().unwrap().unwrap().number, number);
    }
    assert_eq!(checkpoints.numbers().unwrap(), [5, 9]);

    // An older number would not be found again.
    let message = save(7).unwrap_err().to_string();
    assert!(
        message.contains("holds checkpoint 9, so 7 would not"),
        "{message}"
    );

    // Damage to the last one leaves the one before it, and the run may pass the damaged one.
    fs::write(checkpoints.path(9), b"damaged").unwrap();
    let latest = checkpoints.latest().unwrap().unwrap();
    assert_eq!((latest.number, latest.refused.len()), (5, 1));
    assert_eq!(latest.file.count("step").unwrap(), 5);
    save(7).unwrap();
    assert_eq!(checkpoints.latest().unwrap().unwrap().number, 7);

    // Where nothing is left to go on from, that is not the start of a run.
    for number in checkpoints.numbers().unwrap() {
        fs::write(checkpoints.path(number), b"damaged").unwrap();
    }
    assert!(matches!(checkpoints.latest(), Err(Error::Damaged { .. })));
    assert!(Checkpoints::new(&folder.0, 0).is_err());
}

#[test]
fn what_a_killed_run_left_is_removed_at_the_start() {
    let folder = Folder::new("left");
    let left = folder
        .0
        .join(".checkpoint-0000000003.safetensors.1a-2b-0.tmp");
    let other = folder.0.join(".notes.1a-2b-0.tmp");
    for path in [&left, &other] {
        fs::write(path, b"part of a").unwrap();
    }
    Checkpoints::new(&folder.0, 1).unwrap();
    assert!(!left.exists() && other.exists());
}
