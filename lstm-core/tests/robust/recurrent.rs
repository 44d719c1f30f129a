//! The verbs of a recurrent layer.

use faer::Mat;
use lstm_core::cells::{Lstm, PeepholeLstm};
use lstm_core::init::{CellInit, Init};
use lstm_core::{Recurrent, Rng};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{length, matrix, number, size};

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
        let (mut state, mut workspace) = (layer.zero_state(batch), layer.workspace(batch));
        let mut written = y.clone();
        let done = layer.seq(x.as_ref(), &mut state, written.as_mut(), &mut workspace);
        prop_assert_eq!(done.is_ok(), shapes);
        let done = layer.step(x.as_ref(), &mut state, written.as_mut(), &mut workspace);
        prop_assert_eq!(done.is_ok(), shapes && columns == batch);
        let mut other = layer.workspace(taped.1);
        let done = layer.seq(x.as_ref(), &mut state, written.as_mut(), &mut other);
        prop_assert!(done.is_err() || shapes);

        let mut tape = layer.tape(taped.0, taped.1);
        let done = layer.forward(x.as_ref(), &mut state, written.as_mut(), &mut tape);
        prop_assert!(done.is_err() || shapes);
        let ran = done.is_ok();
        let mut dstate = layer.zero_state(dbatch);
        let (mut gradient, mut dx) = (vec![0.0; len], dx);
        let done = layer.backward(x.as_ref(), y.as_ref(), &mut dstate, &mut tape, &mut gradient, Some(dx.as_mut()));
        if done.is_ok() {
            prop_assert!(len == 48 && dx.shape() == x.shape() && y.shape() == (2, columns));
        } else {
            prop_assert!(!(ran && dbatch == batch && len == 48 && dx.shape() == x.shape()));
        }
    }

    #[test]
    fn states_of_another_cell(x in matrix(3, 4)) {
        let layer = Recurrent::<Lstm, f64>::new(&[3, 2], &mut Rng::new(0)).unwrap();
        let other = Recurrent::<PeepholeLstm, f64>::new(&[3, 5], &mut Rng::new(0)).unwrap();
        let mut y = Mat::zeros(2, x.ncols());
        let (mut state, mut workspace) = (other.zero_state(2), other.workspace(2));
        prop_assert!(layer.seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace).is_err());
        let (mut state, mut tape) = (layer.zero_state(2), other.tape(2, 2));
        // Memory of another cell may be as long as that of this one; then it serves.
        drop(layer.forward(x.as_ref(), &mut state, y.as_mut(), &mut tape));
        let (mut state, mut tape) = (layer.zero_state(2), other.tape(3, 2));
        prop_assert!(layer.forward(x.as_ref(), &mut state, y.as_mut(), &mut tape).is_err() || x.ncols() == 6);
    }
}
