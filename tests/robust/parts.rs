//! Embedding, linear layers, softmax over classes.

use faer::Mat;
use lstm_core::init::Init;
use lstm_core::params::Parameters;
use lstm_core::{ClassSoftmax, Classes, Embedding, Linear, Rng, TiedLinear};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{length, matrix, number, size};

/// Ids that are mostly below 4.
fn ids() -> impl Strategy<Value = Vec<u32>> {
    let id = prop_oneof![8 => 0u32..4, 1 => any::<u32>(), 1 => Just(4u32)];
    prop_oneof![4 => vec(id.clone(), 3), 1 => vec(id, 0..5)]
}

fn init() -> impl Strategy<Value = Init> {
    prop_oneof![
        number().prop_map(Init::Constant),
        number().prop_map(Init::Uniform),
        number().prop_map(Init::Normal),
        Just(Init::Xavier),
    ]
}

fn embedding() -> Embedding<f64> {
    Embedding::new(4, 2, Init::Uniform(1.0), &mut Rng::new(0)).unwrap()
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn sizes_that_cannot_be_are_refused(a in size(), b in size(), init in init()) {
        let rng = &mut Rng::new(1);
        let is_small = (1..5).contains(&a) && (1..5).contains(&b);
        let made = [
            Embedding::<f64>::new(a, b, init, rng).map(|it| it.params_len()).ok(),
            Linear::<f64>::without_bias(a, b, init, rng).map(|it| it.params_len()).ok(),
            Linear::<f64>::new(a, b, init, rng).map(|it| it.params_len() - b).ok(),
        ];
        for len in made {
            // Whether numbers can be drawn from `init` is told by its own tests.
            prop_assert!(len.is_none_or(|len| is_small && len == a * b));
        }
        let classes = Classes::new(vec![0, 1, 0]).unwrap();
        let softmax = ClassSoftmax::<f64>::new(a, classes, init, rng);
        prop_assert!(softmax.is_err() || (1..5).contains(&a));
    }

    #[test]
    fn embeddings(ids in ids(), y in matrix(2, 3), dy in matrix(2, 3), len in length(8), padding in any::<u32>()) {
        let embedding = embedding();
        let are_known = ids.iter().all(|&id| id < 4);
        let mut written = y.clone();
        let fits = are_known && y.shape() == (2, ids.len());
        prop_assert_eq!(embedding.forward(&ids, written.as_mut()).is_ok(), fits);
        let fits = are_known && dy.shape() == (2, ids.len()) && len == 8;
        let mut gradient = vec![0.0; len];
        prop_assert_eq!(embedding.backward(&ids, dy.as_ref(), &mut gradient).is_ok(), fits);
        prop_assert!(fits || gradient.iter().all(|&value| value == 0.0));
        prop_assert_eq!(embedding.with_padding(padding).is_ok(), padding < 4);
    }

    #[test]
    fn linear_layers(x in matrix(3, 4), y in matrix(2, 4), dx in matrix(3, 4), len in length(8)) {
        let layer = Linear::<f64>::new(3, 2, Init::Xavier, &mut Rng::new(0)).unwrap();
        let fits = x.nrows() == 3 && y.nrows() == 2 && x.ncols() == y.ncols();
        prop_assert_eq!(layer.apply(x.as_ref(), y.clone().as_mut()).is_ok(), fits);
        let fits = fits && len == 8 && dx.shape() == x.shape();
        let (mut gradient, mut dx) = (vec![0.0; len], dx);
        let done = layer.backprop(x.as_ref(), y.as_ref(), &mut gradient, Some(dx.as_mut()));
        prop_assert_eq!(done.is_ok(), fits);
    }

    #[test]
    fn tied_layers(
        x in matrix(2, 3),
        y in matrix(4, 3),
        dx in matrix(2, 3),
        lens in (length(8), length(4)),
        count in length(4),
    ) {
        let layer = TiedLinear::new(&embedding());
        let other = Embedding::<f64>::new(count.max(1), 2, Init::Xavier, &mut Rng::new(0)).unwrap();
        let fits = other.count() == 4 && x.nrows() == 2 && y.nrows() == 4 && x.ncols() == y.ncols();
        prop_assert_eq!(layer.forward(&other, x.as_ref(), y.clone().as_mut()).is_ok(), fits);
        let (mut of_table, mut of_bias, mut dx) = (vec![0.0; lens.0], vec![0.0; lens.1], dx);
        let fits = fits && lens == (8, 4) && dx.shape() == x.shape();
        let done = layer.backward(&other, x.as_ref(), y.as_ref(), &mut of_table, &mut of_bias, Some(dx.as_mut()));
        prop_assert_eq!(done.is_ok(), fits);
    }

    #[test]
    fn classes_of_anything(class_of in vec(prop_oneof![0u32..4, any::<u32>()], 0..8), counts in vec(any::<u64>(), 0..8), classes in size()) {
        let largest = class_of.iter().copied().max();
        let is_partition = largest.is_some_and(|largest| (0..=largest).all(|class| class_of.contains(&class)));
        prop_assert_eq!(Classes::new(class_of).is_ok(), is_partition);
        let made = Classes::by_frequency(&counts, classes);
        prop_assert_eq!(made.is_ok(), (1..=counts.len()).contains(&classes));
        if let Ok(made) = made {
            prop_assert_eq!((made.len(), made.words()), (classes, counts.len()));
        }
    }

    #[test]
    fn softmax_over_classes(x in matrix(2, 3), targets in ids(), dx in matrix(2, 3), len in length(18), row in size()) {
        let classes = Classes::new(vec![0, 1, 1, 0]).unwrap();
        let layer = ClassSoftmax::<f64>::new(2, classes, Init::Xavier, &mut Rng::new(0)).unwrap();
        // Two classes and four words, each with two weights and a bias.
        prop_assert_eq!(layer.params_len(), 18);
        let mut workspace = layer.workspace();
        let fits = x.nrows() == 2 && x.ncols() == targets.len() && x.ncols() > 0 && targets.iter().all(|&id| id < 4);
        let found = layer.loss(x.as_ref(), &targets, &mut workspace);
        prop_assert_eq!(found.is_ok(), fits);
        let (mut gradient, mut dx) = (vec![0.0; len], dx);
        let fits = fits && len == 18 && dx.shape() == x.shape();
        let found = layer.gradient(x.as_ref(), &targets, &mut gradient, Some(dx.as_mut()), &mut workspace);
        prop_assert_eq!(found.is_ok(), fits);
        let rows = row.min(6);
        let mut all = Mat::zeros(rows, x.ncols());
        let found = layer.log_probabilities(x.as_ref(), all.as_mut(), &mut workspace);
        prop_assert_eq!(found.is_ok(), rows == 4 && x.nrows() == 2);
    }
}
