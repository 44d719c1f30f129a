//! Against the plain product and softmax; gradients against differences; threads against one thread.

use faer::Mat;

use super::*;
use crate::check::{assert_gradient, assert_matrix_gradient};
use crate::init::Init;
use crate::loss::cross_entropy_gradient;
use crate::random::Rng;
use crate::tied::TiedLinear;

/// The length of the vectors where it does not matter.
const LEN: usize = 6;

fn parts<T: Element>(words: usize, len: usize, samples: usize) -> (Embedding<T>, Mat<T>, Vec<u32>) {
    let mut rng = Rng::new(3);
    let embedding = Embedding::new(words, len, Init::Uniform(1.0), &mut rng).unwrap();
    let x = Mat::from_fn(len, samples, |_, _| T::from_f64(rng.symmetric(2.0)));
    let targets = (0..samples).map(|_| rng.below(words as u64) as u32);
    let targets = targets.collect();
    (embedding, x, targets)
}

/// Loss, and the gradients of table, bias and x.
type Found<T> = (f64, Vec<T>, Vec<T>, Mat<T>);

fn found<T: Element>(words: usize, len: usize, samples: usize, threads: usize) -> Found<T> {
    let (embedding, x, targets) = parts::<T>(words, len, samples);
    let mut head = TiedSoftmax::new(&embedding);
    head.set_threads(&Threads::new(threads).unwrap());
    let zero = T::from_f64(0.0);
    let (mut table, mut bias) = (vec![zero; words * len], vec![zero; words]);
    let mut dx = Mat::full(len, samples, T::from_f64(9.0));
    let loss = head
        .gradient(
            &embedding,
            x.as_ref(),
            &targets,
            &mut table,
            &mut bias,
            Some(dx.as_mut()),
            &mut head.workspace(),
        )
        .unwrap();
    (loss, table, bias, dx)
}

#[test]
fn it_is_the_product_followed_by_the_softmax() {
    let shapes = [
        // One block, a block and a word, several units with a last one of one word.
        (1, LEN, 7),
        (5, LEN, 7),
        (256, LEN, 7),
        (257, LEN, 7),
        (1024, LEN, 7),
        (3073, LEN, 7),
        // Several panels of samples, of each height; several panels of rows; products in several pieces.
        (131, 1, 1),
        (131, 30, 9),
        (131, 47, 17),
        (131, 48, 25),
        (131, 65, 33),
        (150, 300, 100),
        (140, 901, 203),
    ];
    for (words, len, samples) in shapes {
        let (embedding, x, targets) = parts::<f64>(words, len, samples);
        let linear = TiedLinear::new(&embedding);
        let mut scores = Mat::zeros(words, samples);
        linear
            .forward(&embedding, x.as_ref(), scores.as_mut())
            .unwrap();
        let loss = cross_entropy_gradient(scores.as_mut(), &targets).unwrap();
        let (mut table, mut bias) = (vec![0.0; words * len], vec![0.0; words]);
        let mut dx = Mat::zeros(len, samples);
        linear
            .backward(
                &embedding,
                x.as_ref(),
                scores.as_ref(),
                &mut table,
                &mut bias,
                Some(dx.as_mut()),
            )
            .unwrap();
        let found = found::<f64>(words, len, samples, 1);
        // Sums of up to 3073 terms in another order, and scores of up to 100 that become exponents: some hundred roundings
        // of 1e-16 of numbers below 100.
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&[found.0], &[loss]), "{words} {len} {samples}");
        assert!(close(&found.1, &table), "{words} {len} {samples}");
        assert!(close(&found.2, &bias), "{words} {len} {samples}");
        assert!((found.3 - dx).norm_l2() < 1e-12, "{words} {len} {samples}");
    }
}

#[test]
fn threads_change_no_bit() {
    let one = found::<f32>(5000, LEN, 33, 1);
    for threads in [2, 3, 9] {
        assert!(found::<f32>(5000, LEN, 33, threads) == one, "{threads}");
    }
}

#[test]
fn gradients_are_central_differences() {
    struct Model {
        embedding: Embedding<f64>,
        head: TiedSoftmax<f64>,
    }
    crate::parameters! {
        impl Parameters<f64> for Model { embedding, head }
    }
    let (embedding, x, targets) = parts::<f64>(11, LEN, 4);
    let mut head = TiedSoftmax::new(&embedding);
    head.bias
        .iter_mut()
        .enumerate()
        .for_each(|(word, bias)| *bias = (word as f64).sin());
    let mut model = Model { embedding, head };
    let loss = |model: &Model, x: MatRef<'_, f64>| {
        let (mut logs, mut workspace) = ([0.0; 4], model.head.workspace());
        let Model { embedding, head } = model;
        head.log_likelihoods(embedding, x, &targets, &mut logs, &mut workspace)
            .unwrap();
        -logs.iter().sum::<f64>() / 4.0
    };
    let (mut gradient, mut dx) = (vec![0.0; 77], Mat::zeros(6, 4));
    let (table, bias) = gradient.split_at_mut(66);
    let Model { embedding, head } = &model;
    let mut workspace = head.workspace();
    head.gradient(
        embedding,
        x.as_ref(),
        &targets,
        table,
        bias,
        Some(dx.as_mut()),
        &mut workspace,
    )
    .unwrap();
    assert_matrix_gradient(&x, &dx, |x| loss(&model, x));
    assert_gradient(&mut model, &gradient, |model| loss(model, x.as_ref()));
}

#[test]
fn probabilities_sum_to_one_and_are_those_of_the_targets() {
    let (embedding, x, _) = parts::<f64>(700, LEN, 1);
    let head = TiedSoftmax::new(&embedding);
    let (mut logs, mut workspace) = (Vec::new(), head.workspace());
    head.log_probabilities(&embedding, x.as_ref(), &mut logs, &mut workspace)
        .unwrap();
    let sum: f64 = logs.iter().map(|log| log.exp()).sum();
    assert!((sum - 1.0).abs() < 1e-13);
    for word in [0, 255, 256, 699] {
        let mut log = [0.0];
        head.log_likelihoods(&embedding, x.as_ref(), &[word], &mut log, &mut workspace)
            .unwrap();
        assert!((log[0] - logs[word as usize]).abs() < 1e-13);
    }
}

#[test]
fn huge_scores_neither_overflow_nor_vanish() {
    let (embedding, x, targets) = parts::<f32>(600, LEN, 5);
    let head = TiedSoftmax::new(&embedding);
    let x = Mat::from_fn(6, 5, |i, j| x[(i, j)] * 1e4);
    let mut logs = [f64::NAN; 5];
    head.log_likelihoods(
        &embedding,
        x.as_ref(),
        &targets,
        &mut logs,
        &mut head.workspace(),
    )
    .unwrap();
    assert!(
        logs.iter().all(|log| log.is_finite() && *log <= 0.0),
        "{logs:?}"
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (embedding, x, targets) = parts::<f64>(5, LEN, 2);
    let head = TiedSoftmax::new(&embedding);
    let other = parts::<f64>(6, LEN, 2).0;
    let mut workspace = head.workspace();
    let mut run = |embedding: &Embedding<f64>, x: &Mat<f64>, targets: &[u32], logs: usize| {
        let mut logs = vec![0.0; logs];
        head.log_likelihoods(embedding, x.as_ref(), targets, &mut logs, &mut workspace)
    };
    assert!(run(&embedding, &x, &targets, 2).is_ok());
    assert!(run(&other, &x, &targets, 2).is_err());
    assert!(run(&embedding, &Mat::zeros(5, 2), &targets, 2).is_err());
    assert!(run(&embedding, &Mat::zeros(6, 0), &[], 0).is_err());
    assert!(run(&embedding, &x, &targets[..1], 1).is_err());
    assert!(run(&embedding, &x, &[0, 5], 2).is_err());
    assert!(run(&embedding, &x, &targets, 1).is_err());
}

/// Words that are hopeless have logarithms nevertheless, and blocks of words that are ruled out hide no others. The bias of a
/// word is its score, as x is zero.
#[test]
fn logarithms_of_hopeless_words_are_numbers() {
    let (embedding, _, _) = parts::<f32>(300, LEN, 1);
    let x = Mat::zeros(LEN, 1);
    let logs = |bias: &dyn Fn(usize) -> f32| {
        let mut head = TiedSoftmax::new(&embedding);
        let visit = &mut |_: Name<'_>, parameter: ParameterMut<'_, f32>| {
            let words = parameter.values.iter_mut().enumerate();
            words.for_each(|(word, value)| *value = bias(word));
            Ok(())
        };
        head.visit_mut(Name::ROOT, visit).unwrap();
        let mut logs = Vec::new();
        head.log_probabilities(&embedding, x.as_ref(), &mut logs, &mut head.workspace())
            .unwrap();
        logs
    };
    // Three words of 300 are likely; the others have e^-95 and e^-200 of their chance.
    let found = logs(&|word| match word % 100 {
        0 => 0.0,
        1 => -95.0,
        _ => -200.0,
    });
    for (word, log) in found.iter().enumerate() {
        let score = match word % 100 {
            0 => 0.0,
            1 => -95.0,
            _ => -200.0,
        };
        assert!((log - (score - 3f64.ln())).abs() < 1e-6, "{word} {log}");
    }
    // A whole block, and all but two words.
    let found = logs(&|word| match word {
        130 | 299 => 1.0,
        _ => f32::NEG_INFINITY,
    });
    for (word, &log) in found.iter().enumerate() {
        match word {
            130 | 299 => assert!((log - 0.5f64.ln()).abs() < 1e-7, "{word} {log}"),
            _ => assert_eq!(log, f64::NEG_INFINITY),
        }
    }
}
