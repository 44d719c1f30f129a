//! Probabilities, gradients, and what a target may touch.

mod factors;

use faer::Mat;

use super::*;
use crate::check::{assert_gradient, assert_matrix_gradient};
use crate::checkpoint::{Checkpoint, CheckpointFile};
use crate::io::tests::Folder;
use crate::io::{self, Metadata, ModelFile};
use crate::loss::{cross_entropy, cross_entropy_gradient};
use crate::params::{Name, Visit, VisitMut};

const IGNORED: u32 = 99;

/// Seven words in three classes of two, four and one.
fn head() -> ClassSoftmax<f64> {
    let classes = Classes::new(vec![1, 0, 2, 1, 0, 1, 1]).unwrap();
    let mut head = ClassSoftmax::new(3, classes, Init::Uniform(1.0), &mut Rng::new(9)).unwrap();
    let biases = head.bias.iter_mut().zip(0..);
    biases.for_each(|(bias, place)| *bias = f64::from(place).sin());
    head.with_ignored(IGNORED)
}

fn x(columns: usize) -> Mat<f64> {
    Mat::from_fn(3, columns, |i, j| ((5 * i + 3 * j) as f64).sin())
}

fn logs(head: &ClassSoftmax<f64>, x: &Mat<f64>) -> Mat<f64> {
    let mut logs = Mat::zeros(head.classes().words(), x.ncols());
    head.log_probabilities(x.as_ref(), logs.as_mut(), &mut head.workspace())
        .unwrap();
    logs
}

#[test]
fn probabilities_sum_to_one_and_the_loss_is_their_logarithm() {
    let (head, x) = (head(), x(7));
    let logs = logs(&head, &x);
    let mut workspace = head.workspace();
    for column in 0..7 {
        let sum: f64 = (0..7).map(|word| logs[(word, column)].exp()).sum();
        // Seven exponentials, right to 2e-16 each.
        assert!((sum - 1.0).abs() < 1e-14);
        for word in 0..7 {
            let x = x.as_ref().subcols(column, 1);
            let loss = head.loss(x, &[word], &mut workspace).unwrap();
            assert!((loss + logs[(word as usize, column)]).abs() < 1e-14);
        }
    }
    let targets = [4, IGNORED, 0, 2, 0, IGNORED, 6];
    let loss = head.loss(x.as_ref(), &targets, &mut workspace).unwrap();
    let counted = [(4, 0), (0, 2), (2, 3), (0, 4), (6, 6)];
    let mean = -counted.iter().map(|&at| logs[at]).sum::<f64>() / 5.0;
    assert!((loss - mean).abs() < 1e-14);
    let mut found = [1.0; 7];
    head.log_likelihoods(x.as_ref(), &targets, &mut found, &mut workspace)
        .unwrap();
    let mut expected = [0.0; 7];
    for (word, column) in counted {
        expected[column] = logs[(word, column)];
    }
    let mut pairs = found.iter().zip(&expected);
    assert!(pairs.all(|(found, expected)| (found - expected).abs() < 1e-14));
    assert!(
        head.log_likelihoods(x.as_ref(), &targets, &mut found[1..], &mut workspace)
            .is_err()
    );
}

#[test]
fn probabilities_are_those_computed_by_hand() {
    // Without weights only the biases count: classes are equally likely; words 1 and 4 make up class 0, at odds of 3 : 1.
    let mut head = head();
    let zero = Init::Constant(0.0);
    let classes = head.classes.clone();
    head = ClassSoftmax::new(3, classes, zero, &mut Rng::new(0)).unwrap();
    head.bias[0] = 3f64.ln();
    let logs = logs(&head, &x(1));
    let third = 1.0 / 3.0;
    let expected = [0.25, 0.75, 1.0, 0.25, 0.25, 0.25, 0.25];
    for (word, expected) in expected.into_iter().enumerate() {
        assert!((logs[(word, 0)].exp() - third * expected).abs() < 1e-15);
    }
}

#[test]
fn gradients_are_central_differences() {
    let (mut head, x) = (head(), x(6));
    let targets = [3, 0, IGNORED, 2, 1, 3];
    let mut gradient = vec![0.0; head.params_len()];
    let mut dx = Mat::full(3, 6, 7.0);
    let mut workspace = head.workspace();
    let loss = head
        .gradient(
            x.as_ref(),
            &targets,
            &mut gradient,
            Some(dx.as_mut()),
            &mut workspace,
        )
        .unwrap();
    let at = |head: &ClassSoftmax<f64>, x: MatRef<'_, f64>| {
        head.loss(x, &targets, &mut head.workspace()).unwrap()
    };
    // The losses of the classes are summed in two parts where there are gradients.
    assert!((loss - at(&head, x.as_ref())).abs() < 1e-15);
    assert_matrix_gradient(&x, &dx, |x| at(&head, x));
    assert_gradient(&mut head, &gradient, |head| at(head, x.as_ref()));
    // It is added to what is there, column by column, so that sums round in another order.
    let once = gradient.clone();
    head.gradient(x.as_ref(), &targets, &mut gradient, None, &mut workspace)
        .unwrap();
    for (both, once) in gradient.iter().zip(once) {
        assert!((both - 2.0 * once).abs() < 1e-15);
    }
}

#[test]
fn only_the_classes_of_targets_are_touched() {
    let (head, x) = (head(), x(2));
    let mut gradient = vec![0.0; head.params_len()];
    head.gradient(
        x.as_ref(),
        &[4, 1],
        &mut gradient,
        None,
        &mut head.workspace(),
    )
    .unwrap();
    let (_, of_words) = gradient.split_at(head.class.params_len());
    let (weight, bias) = of_words.split_at(3 * 7);
    // Class 0 has the first two places.
    assert!(weight[..6].iter().all(|&value| value != 0.0));
    assert!(
        weight[6..]
            .iter()
            .chain(&bias[2..])
            .all(|&value| value == 0.0)
    );
}

#[test]
fn what_is_said_to_be_touched_is_all_that_is() {
    let (head, x) = (head(), x(3));
    // The ignored target and one beyond all words, which `gradient` refuses, touch nothing.
    let targets = [IGNORED, 6, 2];
    let mut gradient = vec![0.0; head.params_len()];
    let mut workspace = head.workspace();
    head.gradient(x.as_ref(), &targets, &mut gradient, None, &mut workspace)
        .unwrap();
    let mut is_touched = vec![false; gradient.len()];
    head.touched(&[IGNORED, 6, 2, 50])
        .for_each(|range| is_touched[range].fill(true));
    // Class 2 has one word, whose probability within its class is 1 whatever the parameters: its gradient is zero.
    let of_one_word = head.class.params_len() + 3 * 6..head.class.params_len() + 3 * 7;
    let last = gradient.len() - 1;
    for (index, (&value, is_touched)) in gradient.iter().zip(is_touched).enumerate() {
        let is_certain = of_one_word.contains(&index) || index == last;
        assert_eq!(value != 0.0, is_touched && !is_certain, "{index}");
    }
}

#[test]
fn threads_change_no_bit() {
    let x = x(40);
    let targets: Vec<u32> = (0..40).map(|column| column * 5 % 7).collect();
    let run = |threads: usize| {
        let mut head = head();
        head.set_threads(&Threads::new(threads).unwrap());
        let mut gradient = vec![0.0; head.params_len()];
        let mut dx = Mat::zeros(3, 40);
        let mut workspace = head.workspace();
        let dx_out = Some(dx.as_mut());
        let loss = head.gradient(x.as_ref(), &targets, &mut gradient, dx_out, &mut workspace);
        let again = head.loss(x.as_ref(), &targets, &mut workspace).unwrap();
        (loss.unwrap(), again, gradient, dx)
    };
    let alone = run(1);
    for threads in 2..=4 {
        assert_eq!(run(threads), alone);
    }
}

#[test]
fn one_class_is_the_plain_softmax() {
    let classes = Classes::new(vec![0; 5]).unwrap();
    let mut head = ClassSoftmax::new(3, classes, Init::Uniform(1.0), &mut Rng::new(2)).unwrap();
    head.bias.copy_from_slice(&[0.1, -0.3, 0.2, 0.0, 0.5]);
    let x = x(4);
    let targets = [4, 0, 0, 2];
    let vectors = MatRef::from_column_major_slice(&head.weight, head.inputs, head.classes.words());
    let mut scores = vectors.transpose() * &x;
    for column in 0..4 {
        (0..5).for_each(|word| scores[(word, column)] += head.bias[word]);
    }
    let mut gradient = vec![0.0; head.params_len()];
    let loss = head
        .gradient(
            x.as_ref(),
            &targets,
            &mut gradient,
            None,
            &mut head.workspace(),
        )
        .unwrap();
    assert!((loss - cross_entropy(scores.as_ref(), &targets).unwrap()).abs() < 1e-14);
    cross_entropy_gradient(scores.as_mut(), &targets).unwrap();
    let expected = &x * scores.transpose();
    let found = MatRef::from_column_major_slice(&gradient[4..][..15], 3, 5);
    assert!((found - expected).norm_l2() < 1e-14);
}

#[test]
fn without_a_counted_target_there_is_nothing_to_learn() {
    let (head, x) = (head(), x(2));
    let mut gradient = vec![0.0; head.params_len()];
    let mut dx = Mat::full(3, 2, 7.0);
    let loss = head
        .gradient(
            x.as_ref(),
            &[IGNORED; 2],
            &mut gradient,
            Some(dx.as_mut()),
            &mut head.workspace(),
        )
        .unwrap();
    assert_eq!((loss, dx), (0.0, Mat::zeros(3, 2)));
    assert!(gradient.iter().all(|&value| value == 0.0));
}

#[test]
fn inputs_that_are_no_numbers_give_a_loss_that_is_none() {
    let head = head();
    let mut x = x(2);
    x[(1, 1)] = f64::NAN;
    let loss = head.loss(x.as_ref(), &[0, 1], &mut head.workspace());
    assert!(loss.unwrap().is_nan());
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (head, x) = (head(), x(2));
    let mut workspace = head.workspace();
    let mut loss = |x: &Mat<f64>, targets: &[u32]| head.loss(x.as_ref(), targets, &mut workspace);
    assert!(loss(&x, &[0, 6]).is_ok());
    assert!(loss(&x, &[0, 7]).is_err());
    assert!(loss(&x, &[0]).is_err());
    assert!(loss(&Mat::zeros(4, 2), &[0, 0]).is_err());
    assert!(loss(&Mat::zeros(3, 0), &[]).is_err());
    let mut gradient = |len: usize, dx: &mut Mat<f64>| {
        let mut gradient = vec![0.0; len];
        head.gradient(
            x.as_ref(),
            &[0, 1],
            &mut gradient,
            Some(dx.as_mut()),
            &mut workspace,
        )
    };
    let len = head.params_len();
    assert!(gradient(len, &mut Mat::zeros(3, 2)).is_ok());
    assert!(gradient(len - 1, &mut Mat::zeros(3, 2)).is_err());
    assert!(gradient(len, &mut Mat::zeros(3, 1)).is_err());
    let logs = |rows| {
        let mut y = Mat::zeros(rows, 2);
        head.log_probabilities(x.as_ref(), y.as_mut(), &mut head.workspace())
    };
    assert!(logs(7).is_ok() && logs(6).is_err());
    let classes = head.classes.clone();
    let new =
        |inputs, init| ClassSoftmax::<f32>::new(inputs, classes.clone(), init, &mut Rng::new(0));
    assert!(new(0, Init::Xavier).is_err());
    assert!(new(usize::MAX, Init::Xavier).is_err());
    assert!(new(2, Init::Uniform(-1.0)).is_err());
}

#[test]
fn numbers_are_loaded_into_the_same_partition_only() {
    let head = |classes: &[u32]| {
        let classes = Classes::new(classes.to_vec()).unwrap();
        ClassSoftmax::<f64>::new(2, classes, Init::Uniform(1.0), &mut Rng::new(3)).unwrap()
    };
    let folder = Folder::new("partitions");
    let (model, run) = (folder.0.join("model"), folder.0.join("run"));
    let saved = head(&[0, 0, 1, 1]);
    io::save(&model, &saved, Metadata::new()).unwrap();
    Checkpoint::new(&saved).save(&run).unwrap();
    let load = |head: &mut ClassSoftmax<f64>| {
        let loaded = ModelFile::open(&model).unwrap().load_into(head);
        let resumed = CheckpointFile::open(&run)
            .unwrap()
            .load_into(head)
            .map(|_| ());
        assert_eq!(loaded.is_ok(), resumed.is_ok());
        loaded.map_err(|error| error.to_string())
    };
    assert_eq!(load(&mut head(&[0, 0, 1, 1])), Ok(()));
    // As many classes with as many words each, so that all shapes are the same.
    let mut other = head(&[0, 1, 0, 1]);
    let before = other.weight.clone();
    let message = load(&mut other).unwrap_err();
    assert!(
        message.contains("its part was saved with 2 classes of 4 words, ")
            && message.contains(", but the model has 2 classes of 4 words, "),
        "{message}"
    );
    assert_eq!(other.weight, before);
}

/// As one of an earlier version, which says nothing about its words.
struct Silent(ClassSoftmax<f64>);

impl Parameters<f64> for Silent {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, f64>) -> Result<()> {
        self.0.visit(name, visit)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, f64>) -> Result<()> {
        self.0.visit_mut(name, visit)
    }
}

#[test]
fn files_that_say_nothing_about_partitions_are_read() {
    let folder = Folder::new("silent");
    let (model, run) = (folder.0.join("model"), folder.0.join("run"));
    let saved = Silent(head());
    io::save(&model, &saved, Metadata::new()).unwrap();
    Checkpoint::new(&saved).save(&run).unwrap();
    let zeros = || {
        let classes = saved.0.classes().clone();
        ClassSoftmax::<f64>::new(3, classes, Init::Constant(0.0), &mut Rng::new(0)).unwrap()
    };
    let (mut loaded, mut resumed) = (zeros(), zeros());
    let file = ModelFile::open(&model).unwrap();
    assert!(file.metadata("layouts").is_err());
    file.load_into(&mut loaded).unwrap();
    let file = CheckpointFile::open(&run).unwrap();
    file.load_into(&mut resumed).unwrap();
    for found in [loaded, resumed] {
        assert_eq!(
            (found.weight, found.bias),
            (saved.0.weight.clone(), saved.0.bias.clone())
        );
    }
}
