//! What is refused, and that what is seen depends on nothing else. Values are checked for all cells in the workspace's suite.

use faer::Mat;
use lstm_kernels::cells::{ElmanRnn, PeepholeLstm};

use super::*;
use crate::random::Rng;

fn layer() -> Recurrent<PeepholeLstm, f32> {
    Recurrent::new(&[3, 5, 2], &mut Rng::new(1)).unwrap()
}

fn input(columns: usize) -> Mat<f32> {
    Mat::from_fn(3, columns, |i, j| ((3 * i + 7 * j) as f32).sin())
}

#[test]
fn names_are_symbols_or_ascii_and_unknown_ones_are_listed() {
    let layer = layer();
    let mut state = layer.zero_state(2).unwrap();
    let x = input(8);
    let observed = layer
        .observe(x.as_ref(), &mut state, &["a_ι", "b_phi", "a_iota"])
        .unwrap();
    assert_eq!((observed.steps(), observed.batch()), (4, 2));
    let symbols: Vec<_> = observed
        .iter()
        .map(|(quantity, _)| quantity.symbol)
        .collect();
    assert_eq!(symbols, ["a_ι", "b_φ"], "in the order asked for, each once");
    assert_eq!(observed.get("a_iota").unwrap().shape(), (5, 8));
    assert_eq!(observed.step("b_φ", 3).unwrap().shape(), (5, 2));
    assert!(observed.step("b_φ", 4).is_err());
    let message = observed.get("s").unwrap_err().to_string();
    assert!(
        message.contains("`s`") && message.contains("only a_iota, b_phi"),
        "{message}"
    );

    let before = state.clone();
    for observed in [
        layer.observe(x.as_ref(), &mut state, &["forget"]),
        layer.interpret(x.as_ref(), &mut state, &["forget"]),
    ] {
        let message = observed.unwrap_err().to_string();
        assert!(
            message.contains("no quantity `forget`; it has a_iota, b_iota, a_phi"),
            "{message}"
        );
    }
    assert_eq!(state, before, "a mistake leaves the state as it is");
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let layer = layer();
    let tall = Mat::<f32>::zeros(4, 4);
    let ragged = input(5);
    let other = Recurrent::<ElmanRnn, f32>::new(&[3, 5], &mut Rng::new(1)).unwrap();
    let larger = Recurrent::<PeepholeLstm, f32>::new(&[3, 6, 2], &mut Rng::new(1)).unwrap();
    let fitting = input(4);
    for (x, state) in [
        (&tall, layer.zero_state(2).unwrap()),
        (&ragged, layer.zero_state(2).unwrap()),
        (&fitting, layer.zero_state(0).unwrap()),
        (&fitting, other.zero_state(2).unwrap()),
        (&fitting, larger.zero_state(2).unwrap()),
    ] {
        let mut after = state.clone();
        assert!(
            layer
                .observe(x.as_ref(), &mut after, Quantities::All)
                .is_err()
        );
        assert!(
            layer
                .interpret(x.as_ref(), &mut after, Quantities::All)
                .is_err()
        );
        assert_eq!(after, state);
    }
}

#[test]
fn no_steps_and_no_samples_are_seen_as_nothing() {
    let layer = layer();
    let x = input(0);
    for batch in [0, 2] {
        let mut state = layer.zero_state(batch).unwrap();
        let observed = layer
            .observe(x.as_ref(), &mut state, Quantities::All)
            .unwrap();
        assert_eq!(observed.get("s").unwrap().shape(), (10, 0));
        assert_eq!(observed.steps(), 0);
        assert!(
            layer
                .interpret(x.as_ref(), &mut state, &[])
                .unwrap()
                .iter()
                .next()
                .is_none()
        );
    }
}

#[test]
fn a_sample_is_seen_alike_alone_and_among_others() {
    let layer = layer();
    let (steps, batch) = (4, 3);
    let x = input(steps * batch);
    let together = layer
        .observe(
            x.as_ref(),
            &mut layer.zero_state(batch).unwrap(),
            Quantities::All,
        )
        .unwrap();
    for sample in 0..batch {
        let alone = Mat::from_fn(3, steps, |i, t| x[(i, t * batch + sample)]);
        let alone = layer
            .observe(
                alone.as_ref(),
                &mut layer.zero_state(1).unwrap(),
                Quantities::All,
            )
            .unwrap();
        for (quantity, values) in alone.iter() {
            let all = together.get(quantity.symbol).unwrap();
            for t in 0..steps {
                assert_eq!(
                    values.col(t),
                    all.col(t * batch + sample),
                    "{}",
                    quantity.symbol
                );
            }
        }
    }
}
