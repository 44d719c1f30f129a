//! Which columns a batch has, and how layers go through them.

use super::*;

fn segments(batch: &Batch, longest: usize) -> Vec<(usize, usize, usize, Vec<usize>)> {
    let schedule = batch.schedule(longest);
    (schedule.segments.into_iter())
        .map(|s| (s.first, s.steps, s.samples, s.fresh))
        .collect()
}

#[test]
fn a_segment_ends_where_a_sample_ends_or_begins_anew() {
    let batch = Batch::ragged(&[2, 5, 0, 5]);
    assert_eq!((batch.steps(), batch.columns()), (5, 20));
    assert_eq!(batch.schedule(9).order, [1, 3, 0, 2]);
    let expected = [(0, 2, 3, vec![]), (2, 3, 2, vec![])];
    assert_eq!(segments(&batch, 9), expected);
    let batch = batch.reset(3, 3).unwrap().reset(3, 0).unwrap();
    // Sample 0 has ended by step 3, so nothing begins anew there.
    let expected = [(0, 2, 3, vec![]), (2, 1, 2, vec![]), (3, 2, 2, vec![1])];
    assert_eq!(segments(&batch, 9), expected);
    let expected = [(0, 2, 3, vec![]), (2, 2, 2, vec![0]), (4, 1, 2, vec![])];
    let reset = Batch::ragged(&[2, 5, 0, 5]).reset(3, 1).unwrap().reversed();
    assert_eq!(segments(&reset, 2), expected);
}

#[test]
fn every_real_column_is_taken_once() {
    for batch in [
        Batch::new(4, 3),
        Batch::new(4, 3).batch_major().reversed(),
        Batch::padded(&[3, 0, 4], 6).unwrap(),
        Batch::ragged(&[1, 4, 2]).batch_major().reversed().fresh(),
    ] {
        let schedule = batch.schedule(2);
        let mut seen = Vec::new();
        for segment in &schedule.segments {
            for turn in segment.first..segment.first + segment.steps {
                let running = &schedule.order[..segment.samples];
                seen.extend(running.iter().map(|&b| batch.column_in_turn(turn, b)));
            }
        }
        batch.for_padding(|column| seen.push(column));
        seen.sort_unstable();
        assert_eq!(seen, (0..batch.columns()).collect::<Vec<_>>());
    }
}

#[test]
fn columns_that_lie_evenly_are_found() {
    for (batch, is_even) in [
        (Batch::new(3, 2), true),
        (Batch::new(3, 2).batch_major(), true),
        (Batch::new(3, 2).reversed(), true),
        (Batch::new(3, 2).batch_major().reversed(), true),
        (Batch::padded(&[3, 3], 5).unwrap().reversed(), true),
        (Batch::ragged(&[3, 2, 0]), true),
        (Batch::ragged(&[2, 3]), false),
        (Batch::ragged(&[3, 2]).reversed(), false),
    ] {
        let schedule = batch.schedule(2);
        for segment in &schedule.segments {
            let Some(columns) = batch.even_columns(&schedule, segment) else {
                assert!(!is_even, "{batch:?}");
                continue;
            };
            for step in 0..segment.steps {
                for (place, &sample) in schedule.order[..segment.samples].iter().enumerate() {
                    let expected = batch.column_in_turn(segment.first + step, sample);
                    assert_eq!(columns.column(step, place), Some(expected), "{batch:?}");
                }
            }
        }
        let all = |segment| batch.even_columns(&schedule, segment).is_some();
        assert_eq!(schedule.segments.iter().all(all), is_even, "{batch:?}");
    }
}

#[test]
fn batches_that_run_alike_are_equal() {
    let reset = |batch: Batch, step, sample| batch.reset(step, sample).unwrap();
    let even = Batch::new(3, 2);
    assert_eq!(Batch::ragged(&[3, 3]), even);
    assert_ne!(Batch::padded(&[3, 3], 4).unwrap(), even);
    assert_ne!(Batch::ragged(&[3, 2]), even);
    assert_ne!(even.clone().batch_major(), even);
    assert_ne!(even.clone().reversed(), even);
    assert_eq!(even.clone().reversed().reversed(), even);
    let each = reset(reset(even.clone(), 0, 0), 0, 1);
    assert_eq!(even.clone().fresh(), each);
    assert_eq!(each.clone().fresh(), each);
    assert_ne!(even.clone().fresh(), reset(even.clone(), 0, 1));
    assert_ne!(even.clone().fresh(), even);
    let short = Batch::ragged(&[1, 3]);
    assert_eq!(reset(short.clone(), 1, 0), short);
    assert_ne!(reset(short.clone(), 1, 1), short);
    // A sample of no steps begins, too.
    assert_ne!(reset(Batch::ragged(&[0, 3]), 0, 0), Batch::ragged(&[0, 3]));
    // However many samples have nothing to do.
    let idle = Batch::new(0, usize::MAX).fresh();
    assert_eq!(idle.clone(), idle);
    assert!(!idle.has_padding());
}

#[test]
fn a_reset_behind_the_end_of_a_sample_stays_behind_it_in_a_part() {
    let batch = Batch::ragged(&[2, 4]).reset(3, 0).unwrap().fresh();
    let ends = batch.part(3..4).unwrap();
    assert_eq!(ends, Batch::ragged(&[0, 1]));
    assert!(ends.schedule(9).idle.is_empty());
    assert_eq!(batch.part(0..1).unwrap(), Batch::new(1, 2).fresh());
}

#[test]
fn places_that_do_not_exist_are_errors() {
    assert!(Batch::new(3, 2).reset(3, 0).is_err());
    assert!(Batch::new(3, 2).reset(0, 2).is_err());
    let message = Batch::padded(&[3, 5], 4).unwrap_err().to_string();
    assert_eq!(
        message,
        "the length 5 of sample 1 must be at most 4, the steps of the batch"
    );
    assert!(segments(&Batch::new(0, 3).fresh(), 1).is_empty());
    assert!(segments(&Batch::ragged(&[]), 1).is_empty());
}
