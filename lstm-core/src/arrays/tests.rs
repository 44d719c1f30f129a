//! Arrays of random shapes and strides: whatever becomes of them has the same numbers in the same places.

use faer::Mat;
use ndarray::{Array, Slice};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// An array of distinct numbers.
fn numbered(shape: [usize; 3]) -> Array3<f64> {
    let mut next = 0.0;
    Array3::from_shape_simple_fn(shape, || {
        next += 1.0;
        next
    })
}

/// A view of an array: a permutation of its axes, then on each axis what is cut off at its start, a step, and a direction.
#[derive(Debug, Clone)]
struct View {
    axes: [usize; 3],
    cuts: [(usize, isize); 3],
}

fn views() -> impl Strategy<Value = View> {
    let axes = Just([0, 1, 2]).prop_shuffle();
    let step = prop_oneof![4 => Just(1isize), 1 => Just(2), 1 => Just(-1), 1 => Just(-2)];
    let cuts = [(); 3].map(|()| (0usize..2, step.clone()));
    (axes, cuts).prop_map(|(axes, cuts)| View { axes, cuts })
}

impl View {
    fn of<S: ndarray::Data>(&self, array: ArrayBase<S, Ix3>) -> ArrayBase<S, Ix3> {
        let mut array = array.permuted_axes(self.axes);
        for (axis, &(cut, step)) in self.cuts.iter().enumerate() {
            let cut = cut.min(array.len_of(Axis(axis))) as isize;
            array.slice_axis_inplace(Axis(axis), Slice::new(cut, None, step));
        }
        array
    }
}

proptest! {
    // The same cases on every run, and nothing written.
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn columns_are_the_places_of_the_array(shape in [0usize..4, 0..4, 0..5], view in views()) {
        let mut array = numbered(shape);
        let (a, b, features) = view.of(array.view()).dim();
        let expected = Mat::from_fn(features, a * b, |i, j| view.of(array.view())[[j / b, j % b, i]]);
        let whole = view.of(array.view());
        let found = columns(whole).unwrap();
        prop_assert_eq!(found.as_ref(), expected.as_ref());
        prop_assert_eq!(found.is_borrowed(), columns_ref(whole).is_ok());

        // What kernels demand of a matrix in place, said once more in terms of the strides.
        let &[of_a, of_b, of_feature] = whole.strides() else { unreachable!() };
        let is_empty = whole.is_empty();
        let side_by_side = features <= 1 || of_feature == 1;
        let within = a <= 1 || b <= 1 || of_a == of_b * b as isize;
        let forward = match b {
            1 => a <= 1 || of_a >= 0,
            _ => of_b >= 0,
        };
        prop_assert_eq!(found.is_borrowed(), is_empty || (side_by_side && within && forward));

        // The places that a matrix to be written reaches are the same ones.
        let before = array.clone();
        let borrowed = found.is_borrowed();
        let mut doubled = view.of(array.view()).to_owned();
        doubled.mapv_inplace(|value| 2.0 * value);
        let cut = ArrayViewMut3::from(&mut array);
        let reached = columns_mut(view_mut(&view, cut)).map(|mut matrix| {
            for column in matrix.as_mut().col_iter_mut() {
                column.iter_mut().for_each(|value| *value *= 2.0);
            }
        });
        prop_assert_eq!(reached.is_ok(), borrowed);
        let expected = if borrowed { doubled } else { view.of(before.view()).to_owned() };
        prop_assert_eq!(view.of(array.view()), expected);
    }

    #[test]
    fn matrices_are_arrays(
        a in 0usize..4,
        b in 0usize..4,
        features in 0usize..5,
        flips in (any::<bool>(), any::<bool>()),
    ) {
        let value = |i: usize, j: usize| (10 * i + j) as f64;
        let mut whole = match flips.0 {
            true => Mat::from_fn(a * b, features, |j, i| value(i, j)),
            false => Mat::from_fn(features, a * b, value),
        };
        let matrix = match flips.0 {
            true => whole.transpose(),
            false => whole.as_ref(),
        };
        let copy = array(matrix, a, b).unwrap();
        let expected = Array3::from_shape_fn((a, b, features), |(i, j, k)| value(k, i * b + j));
        prop_assert_eq!(&copy, &expected);
        prop_assert_eq!(array_ref(matrix, a, b).unwrap(), &expected);
        let flat = Array2::from_shape_fn((features, a * b), |(i, j)| value(i, j));
        prop_assert_eq!(&array2(matrix).unwrap(), &flat);
        prop_assert_eq!(array2_ref(matrix).unwrap(), &flat);
        prop_assert_eq!(matrix_ref(flat.view()), matrix);

        // Backwards there is no view unless the direction cannot be seen, but a copy.
        let backwards = match flips.1 {
            true => matrix.reverse_cols(),
            false => matrix.reverse_rows(),
        };
        let is_seen = match flips.1 {
            true => a * b > 1 && features > 0,
            false => features > 1 && a * b > 0,
        };
        prop_assert_eq!(array_ref(backwards, a, b).is_err(), is_seen);
        prop_assert_eq!(array2_ref(backwards).is_err(), is_seen);
        let copy = array(backwards, a, b).unwrap();
        let there_again = columns(copy.view()).unwrap();
        prop_assert!(there_again.is_borrowed());
        prop_assert_eq!(there_again.as_ref(), backwards);

        let writable = match flips.0 {
            true => whole.as_mut().transpose_mut(),
            false => whole.as_mut(),
        };
        array_mut(writable, a, b).unwrap().mapv_inplace(|value| value + 0.5);
        for i in 0..features {
            for j in 0..a * b {
                let found = if flips.0 { whole[(j, i)] } else { whole[(i, j)] };
                prop_assert_eq!(found, value(i, j) + 0.5);
            }
        }
    }
}

/// [`View::of`] for a view to be written.
fn view_mut<'a>(view: &View, array: ArrayViewMut3<'a, f64>) -> ArrayViewMut3<'a, f64> {
    let mut array = array.permuted_axes(view.axes);
    for (axis, &(cut, step)) in view.cuts.iter().enumerate() {
        let cut = cut.min(array.len_of(Axis(axis))) as isize;
        array.slice_axis_inplace(Axis(axis), Slice::new(cut, None, step));
    }
    array
}

#[test]
fn what_the_documentation_says_of_copies_holds() {
    let time_major = numbered([4, 3, 2]);
    let is_borrowed = |array: ArrayView3<'_, f64>| columns(array).unwrap().is_borrowed();
    assert!(is_borrowed(time_major.view()));
    assert!(!is_borrowed(time_major.view().permuted_axes([1, 0, 2])));
    let cut = |axis, from| {
        let mut view = time_major.view();
        view.slice_axis_inplace(Axis(axis), Slice::from(from..));
        view
    };
    assert!(is_borrowed(cut(0, 1)) && is_borrowed(cut(2, 1)));
    assert!(!is_borrowed(cut(1, 1)));
    for shape in [[1, 3, 2], [4, 1, 2]] {
        assert!(is_borrowed(numbered(shape).view().permuted_axes([1, 0, 2])));
    }
    // One step of four samples in the customary layout.
    let samples = Array::from_shape_fn((4, 3), |(b, i)| (3 * b + i) as f64);
    let step = columns(samples.view().insert_axis(Axis(0))).unwrap();
    assert!(step.is_borrowed());
    assert_eq!(step.as_ref()[(2, 3)], 11.0);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let matrix = Mat::<f32>::zeros(2, 6);
    for (a, b) in [(2, 2), (0, 6), (usize::MAX, 2), (6, 0)] {
        let message = array_ref(matrix.as_ref(), a, b).unwrap_err().to_string();
        assert!(
            message.contains("columns is needed") || message.contains("memory"),
            "{message}"
        );
        assert!(array(matrix.as_ref(), a, b).is_err());
    }
    // Matrices without a number may be wider than anything that `ndarray` counts.
    let wide = MatRef::<f32>::from_column_major_slice(&[], 0, usize::MAX);
    assert!(array_ref(wide, 1, usize::MAX).is_err());
    assert!(array2_ref(wide).is_err() && array2(wide).is_err());
    let wide = wide.subcols(0, isize::MAX as usize);
    assert_eq!(array2(wide).unwrap().ncols(), isize::MAX as usize);
    // One column that is repeated is no view, as its numbers would be there twice, but a copy.
    let column = faer::Col::<f32>::from_fn(2, |i| i as f32);
    let repeated = MatRef::from_repeated_col(column.as_ref(), 6);
    assert!(array_ref(repeated, 3, 2).is_err() && array2_ref(repeated).is_err());
    assert_eq!(array(repeated, 3, 2).unwrap()[[2, 1, 1]], 1.0);
    // One number that stands for 2^60 of them: features are not side by side, and a copy would not fit anywhere.
    let one = Array3::from_elem((1, 1, 1), 1.0f64);
    let many = one.broadcast((1 << 20, 1 << 20, 1 << 20)).unwrap();
    assert!(columns_ref(many).is_err());
    assert!(columns(many).is_err());
}
