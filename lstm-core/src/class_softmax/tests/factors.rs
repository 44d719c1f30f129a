//! The gradient of the words in factors: its length, the step along it, and the layers that it is not for.

use super::*;

/// The sum of the squares of the words' gradient by its factors, and the layer after a step against it.
fn by_factors(
    head: &ClassSoftmax<f64>,
    x: &Mat<f64>,
    targets: &[u32],
    rate: f64,
) -> (f64, ClassSoftmax<f64>) {
    let mut workspace = head.workspace();
    let mut of_classes = vec![0.0; head.classes_len()];
    let (_, mut slopes) = head
        .gradient_in_factors(x.as_ref(), targets, &mut of_classes, None, &mut workspace)
        .unwrap();
    let (squares, mut moved) = (slopes.squares().unwrap(), head.clone());
    slopes.descend(&mut moved, rate).unwrap();
    (squares, moved)
}

#[test]
fn factors_have_the_length_of_their_product_and_descend_along_it() {
    let head = head();
    // In the second, three columns have a target in the class of two words: fewer words than columns.
    for targets in [
        vec![3, 0, IGNORED, 2, 1, 3],
        vec![4, 1, 4, 6],
        vec![IGNORED; 2],
    ] {
        let x = x(targets.len());
        let mut gradient = vec![0.0; head.params_len()];
        let mut workspace = head.workspace();
        head.gradient(x.as_ref(), &targets, &mut gradient, None, &mut workspace)
            .unwrap();
        let of_words = &gradient[head.classes_len()..];
        let (squares, moved) = by_factors(&head, &x, &targets, 0.5);
        let expected: f64 = of_words.iter().map(|slope| slope * slope).sum();
        // Some twenty sums of products of numbers below 1, rounded to 1e-16 each.
        assert!((squares - expected).abs() < 1e-14, "{squares} {expected}");
        let before = head.weight.iter().chain(&head.bias);
        let after = moved.weight.iter().chain(&moved.bias);
        for ((before, after), slope) in before.zip(after).zip(of_words) {
            assert!((after - (before - 0.5 * slope)).abs() < 1e-15);
        }
    }
}

#[test]
fn factors_are_the_same_to_the_bit_on_threads() {
    let x = x(40);
    let targets: Vec<u32> = (0..40).map(|column| column * 5 % 7).collect();
    let run = |threads: usize| {
        let mut head = head();
        head.set_threads(&Threads::new(threads).unwrap());
        let (squares, moved) = by_factors(&head, &x, &targets, 0.3);
        (squares, moved.weight, moved.bias)
    };
    let alone = run(1);
    for threads in 2..=4 {
        assert_eq!(run(threads), alone);
    }
}

#[test]
fn factors_of_another_layer_and_of_no_numbers_are_errors() {
    let (head, mut x) = (head(), x(2));
    let classes = Classes::new(vec![0, 1]).unwrap();
    let mut other = ClassSoftmax::new(3, classes, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
    let mut workspace = head.workspace();
    let mut of_classes = vec![0.0; head.classes_len()];
    assert!(
        head.gradient_in_factors(x.as_ref(), &[0, 1], &mut [], None, &mut workspace)
            .is_err()
    );
    let mut slopes = |x: &Mat<f64>| {
        let (_, mut slopes) = head
            .gradient_in_factors(x.as_ref(), &[0, 1], &mut of_classes, None, &mut workspace)
            .unwrap();
        assert!(slopes.descend(&mut other, 1.0).is_err());
        slopes.squares().map_err(|error| error.to_string())
    };
    assert!(slopes(&x).is_ok());
    x[(1, 1)] = f64::NAN;
    let error = slopes(&x).unwrap_err();
    assert!(error.contains("the words of the class softmax"), "{error}");
    assert!(
        other
            .weight
            .iter()
            .chain(&other.bias)
            .all(|&value| value == 0.0)
    );
}

#[test]
fn factors_of_another_partition_of_the_same_sizes_are_refused() {
    let head = |classes: &[u32]| {
        let classes = Classes::new(classes.to_vec()).unwrap();
        ClassSoftmax::<f64>::new(3, classes, Init::Uniform(1.0), &mut Rng::new(3)).unwrap()
    };
    let (one, mut other) = (head(&[0, 0, 1, 1]), head(&[0, 1, 0, 1]));
    let (mut workspace, mut of_classes) = (one.workspace(), vec![0.0; one.classes_len()]);
    let (_, slopes) = one
        .gradient_in_factors(
            x(2).as_ref(),
            &[1, 3],
            &mut of_classes,
            None,
            &mut workspace,
        )
        .unwrap();
    let before = (other.weight.clone(), other.bias.clone());
    let message = slopes.descend(&mut other, 1.0).unwrap_err().to_string();
    let words = "the partition of the layer of `WordSlopes::descend` is 2 classes of 4 words, ";
    assert!(message.starts_with(words), "{message}");
    let words = ", but that of the gradient, 2 classes of 4 words, ";
    assert!(message.contains(words), "{message}");
    assert_eq!((&other.weight, &other.bias), (&before.0, &before.1));
    // A layer of the same partition is moved, whichever it is.
    assert!(slopes.descend(&mut head(&[0, 0, 1, 1]), 1.0).is_ok());
}
