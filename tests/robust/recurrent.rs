//! The verbs of a recurrent layer.

use faer::Mat;
use lstm_core::cells::{Lstm, PeepholeLstm};
use lstm_core::init::{CellInit, Init};
use lstm_core::layers::Layer;
use lstm_core::{Cell, Linear, Quantities, Recurrent, Rng};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{count, length, matrix, number, size};

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn sizes(sizes in vec(size(), 0..5)) {
        let is_small = sizes.iter().all(|size| (1..5).contains(size));
        let made = Recurrent::<PeepholeLstm, f64>::zeros(&sizes);
        // Inputs, units, and cells to a block, which are 1 if not given.
        prop_assert_eq!(made.is_ok(), is_small && (2..=3).contains(&sizes.len()));
    }

    #[test]
    fn names_and_starts(name in "[a-z_]{0,8}", value in number()) {
        let mut layer = Recurrent::<Lstm, f64>::new(&[2, 3], &mut Rng::new(0)).unwrap();
        let before = layer.params().to_vec();
        let init = CellInit::all(Init::Xavier).with(name.clone(), Init::Uniform(value));
        if layer.initialise(&init, &mut Rng::new(0)).is_err() {
            prop_assert_eq!(layer.params(), before);
        }
        prop_assert_eq!(layer.param(&name).is_ok(), layer.edit_param(&name, |_| {}).is_ok());
    }

    #[test]
    fn verbs(
        x in matrix(3, 4),
        y in matrix(2, 4),
        dx in matrix(3, 4),
        batch in length(2),
        dbatch in length(2),
        taped in (length(2), length(2)),
        len in length(48),
    ) {
        let layer = Recurrent::<Lstm, f64>::new(&[3, 2], &mut Rng::new(0)).unwrap();
        prop_assert_eq!(layer.params().len(), 48);
        let columns = x.ncols();
        let is_whole = match batch {
            0 => columns == 0,
            _ => columns.is_multiple_of(batch),
        };
        let shapes = x.nrows() == 3 && y.shape() == (2, columns) && is_whole;
        let (mut state, mut workspace) = (layer.zero_state(batch).unwrap(), layer.workspace(batch).unwrap());
        let mut written = y.clone();
        let done = layer.seq(x.as_ref(), &mut state, written.as_mut(), &mut workspace);
        prop_assert_eq!(done.is_ok(), shapes);
        let done = layer.step(x.as_ref(), &mut state, written.as_mut(), &mut workspace);
        prop_assert_eq!(done.is_ok(), shapes && columns == batch);
        let mut other = layer.workspace(taped.1).unwrap();
        let done = layer.seq(x.as_ref(), &mut state, written.as_mut(), &mut other);
        prop_assert!(done.is_err() || shapes);

        let mut tape = layer.tape(taped.0, taped.1).unwrap();
        let done = layer.record(x.as_ref(), &mut state, written.as_mut(), &mut tape);
        prop_assert!(done.is_err() || shapes);
        let ran = done.is_ok();
        let mut dstate = layer.zero_state(dbatch).unwrap();
        let (mut gradient, mut dx) = (vec![0.0; len], dx);
        let done = layer.backprop(x.as_ref(), y.as_ref(), &mut dstate, &mut tape, &mut gradient, Some(dx.as_mut()));
        if done.is_ok() {
            prop_assert!(len == 48 && dx.shape() == x.shape() && y.shape() == (2, columns));
        } else {
            prop_assert!(!(ran && dbatch == batch && len == 48 && dx.shape() == x.shape()));
        }
    }

    #[test]
    fn memory(steps in count(), batch in count()) {
        let layer = Recurrent::<Lstm, f64>::new(&[3, 2], &mut Rng::new(0)).unwrap();
        let (few_steps, few) = (steps < 5, batch < 5);
        prop_assert_eq!(layer.zero_state(batch).is_ok(), few);
        prop_assert_eq!(layer.initial_states(batch).is_ok(), few);
        prop_assert_eq!(layer.zero_states(batch).is_ok(), few);
        prop_assert_eq!(layer.workspace(batch).is_ok(), few);
        // Steps of no samples, and no steps of whatever samples, need only the place of the initial state.
        let needs_little = few && (few_steps || batch == 0);
        prop_assert_eq!(layer.tape(steps, batch).is_ok(), needs_little);
        // What could not be given another shape serves no call, until it is given one that can be.
        let kernel = layer.kernel();
        let (mut tape, mut workspace) = (layer.tape(2, 2).unwrap(), layer.workspace(2).unwrap());
        let reshaped = kernel.reshape_tape(&mut tape, steps, batch).is_ok();
        prop_assert_eq!(reshaped, needs_little);
        prop_assert_eq!(kernel.reshape_workspace(&mut workspace, batch).is_ok(), few);
        let (x, mut y) = (Mat::zeros(3, 4), Mat::zeros(2, 4));
        let mut state = layer.zero_state(2).unwrap();
        let done = layer.record(x.as_ref(), &mut state, y.as_mut(), &mut tape);
        prop_assert_eq!(done.is_ok(), reshaped && (steps, batch) == (2, 2));
        let done = layer.seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace);
        prop_assert_eq!(done.is_ok(), batch == 2);
        kernel.reshape_tape(&mut tape, 2, 2).unwrap();
        kernel.reshape_workspace(&mut workspace, 2).unwrap();
        layer.record(x.as_ref(), &mut state, y.as_mut(), &mut tape).unwrap();
        layer.seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace).unwrap();
    }

    #[test]
    fn observed(x in matrix(3, 4), batch in length(2), name in "[a-zι_]{0,3}") {
        let layer = Recurrent::<PeepholeLstm, f64>::new(&[3, 2], &mut Rng::new(0)).unwrap();
        let mut state = layer.zero_state(batch).unwrap();
        let is_whole = match batch {
            0 => x.ncols() == 0,
            _ => x.ncols().is_multiple_of(batch),
        };
        let fits = x.nrows() == 3 && is_whole;
        let known = PeepholeLstm::SPEC.quantities.iter();
        let known = known.clone().any(|known| known.symbol == name || known.name == name);
        let names = [name.as_str()];
        for run in [Recurrent::observe, Recurrent::interpret] {
            prop_assert_eq!(run(&layer, x.as_ref(), &mut state, Quantities::All).is_ok(), fits);
            let one = run(&layer, x.as_ref(), &mut state, Quantities::Named(&names));
            prop_assert_eq!(one.is_ok(), fits && known);
        }
        let other = Recurrent::<Lstm, f64>::new(&[3, 5], &mut Rng::new(0)).unwrap();
        prop_assert!(other.observe(x.as_ref(), &mut state, Quantities::All).is_err());
    }

    #[test]
    fn streams(
        x in vec(number(), 0..8),
        y in length(2),
        outputs in 1..4usize,
        inputs in length(2),
        batch in length(1),
        other in 1..4usize,
    ) {
        let mut rng = Rng::new(0);
        let layer = Recurrent::<Lstm, f64>::new(&[3, 2], &mut rng).unwrap();
        prop_assert!(layer.fixed_stream::<3, 4>().is_err());
        let mut stream = layer.stream().unwrap();
        let mut given = vec![0.0; y];
        prop_assert_eq!(stream.step(&x, &mut given).is_ok(), x.len() == 3 && y == 2);
        prop_assert_eq!(stream.run(&x, &mut given).is_ok(), x.len() % 3 == 0 && x.len() / 3 * 2 == y);
        let state = Recurrent::<Lstm, f64>::new(&[3, other], &mut rng).unwrap().zero_state(batch).unwrap();
        prop_assert_eq!(stream.set_state(&state).is_ok(), other == 2 && batch == 1);
        if let Ok(head) = Linear::new(inputs, outputs, Init::Xavier, &mut rng) {
            let stream = stream.with_head(&head);
            prop_assert_eq!(stream.is_ok(), inputs == 2);
            if let Ok(mut stream) = stream {
                prop_assert_eq!(stream.step(&x, &mut given).is_ok(), x.len() == 3 && y == outputs);
                // Whatever came before, a new sequence begins as the first did.
                stream.reset();
                let (mut again, mut first) = (vec![0.0; outputs], vec![0.0; outputs]);
                stream.step(&[0.5, -0.5, 0.1], &mut again).unwrap();
                let mut fresh = layer.stream().unwrap().with_head(&head).unwrap();
                fresh.step(&[0.5, -0.5, 0.1], &mut first).unwrap();
                prop_assert_eq!(again, first);
            }
        }
    }

    #[test]
    fn states_of_another_cell(x in matrix(3, 4)) {
        let layer = Recurrent::<Lstm, f64>::new(&[3, 2], &mut Rng::new(0)).unwrap();
        let other = Recurrent::<PeepholeLstm, f64>::new(&[3, 5], &mut Rng::new(0)).unwrap();
        let mut y = Mat::zeros(2, x.ncols());
        let (mut state, mut workspace) = (other.zero_state(2).unwrap(), other.workspace(2).unwrap());
        prop_assert!(layer.seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace).is_err());
        let (mut state, mut tape) = (layer.zero_state(2).unwrap(), other.tape(2, 2).unwrap());
        // Memory of another cell may be as long as that of this one; then it serves.
        drop(layer.record(x.as_ref(), &mut state, y.as_mut(), &mut tape));
        let (mut state, mut tape) = (layer.zero_state(2).unwrap(), other.tape(3, 2).unwrap());
        prop_assert!(layer.record(x.as_ref(), &mut state, y.as_mut(), &mut tape).is_err() || x.ncols() == 6);
    }
}
