//! Work in pieces, for whichever thread is free.

use std::cmp::Reverse;
use std::iter::from_fn;
use std::mem::take;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::vec;

use faer::MatMut;
use lstm_kernels::Threads;

use crate::error::Result;

/// Does `work` on every job, on threads each of which takes the next job when it is done with one; on the calling thread if
/// there are none.
pub(crate) fn share<J: Send>(
    threads: Option<&Threads>,
    jobs: impl Iterator<Item = J> + Send,
    work: impl Fn(J) + Sync,
) {
    let Some(threads) = threads else {
        return jobs.for_each(work);
    };
    let queue = Mutex::new(jobs);
    threads.each(|_| {
        loop {
            // The lock is held for as long as it takes to name a job, which cannot panic.
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            match job {
                Some(job) => work(job),
                None => return,
            }
        }
    });
}

/// [`share`] of work that may fail: all jobs are done, and an error of one of them is returned.
pub(crate) fn try_share<J: Send>(
    threads: Option<&Threads>,
    jobs: impl Iterator<Item = J> + Send,
    work: impl Fn(J) -> Result<()> + Sync,
) -> Result<()> {
    let outcome = Mutex::new(Ok(()));
    share(threads, jobs, |job| {
        if let Err(error) = work(job) {
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
        }
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Jobs of very different sizes, the largest first, so that no thread begins a large one when the others are at their end.
pub(crate) fn largest_first<J>(
    jobs: impl Iterator<Item = J>,
    size: impl Fn(&J) -> usize,
) -> vec::IntoIter<J> {
    let mut jobs: Vec<J> = jobs.collect();
    jobs.sort_by_key(|job| Reverse(size(job)));
    jobs.into_iter()
}

/// Cuts a matrix into blocks of so many columns at most, all but the last as wide as each other; each with the index of its first
/// one. There is an even number of them where there are many columns, so that two or four threads come to their end together, and
/// one where there are too few to share.
pub(crate) fn even_blocks<'a, T: 'a>(
    matrix: MatMut<'a, T>,
    most: usize,
) -> impl Iterator<Item = (usize, MatMut<'a, T>)> {
    let count = match matrix.ncols() {
        columns if columns <= most / 16 => 1,
        columns => columns.div_ceil(most).next_multiple_of(2),
    };
    let columns = matrix.ncols().div_ceil(count);
    blocks(matrix, columns)
}

/// Cuts a matrix into blocks of so many columns, each with the index of its first one.
pub(crate) fn blocks<'a, T: 'a>(
    matrix: MatMut<'a, T>,
    columns: usize,
) -> impl Iterator<Item = (usize, MatMut<'a, T>)> {
    let (mut rest, mut first) = (Some(matrix), 0);
    from_fn(move || {
        let matrix = rest.take().filter(|matrix| matrix.ncols() > 0)?;
        let count = matrix.ncols().min(columns);
        let (block, later) = matrix.split_at_col_mut(count);
        rest = Some(later);
        first += count;
        Some((first - count, block))
    })
}

/// Cuts out of numbers, of which everything has `each`, what belongs to ascending ranges of things.
pub(crate) fn take_blocks<T>(
    mut rest: &mut [T],
    each: usize,
    ranges: impl Iterator<Item = Range<usize>>,
) -> impl Iterator<Item = &mut [T]> {
    let mut passed = 0;
    ranges.map(move |range| {
        let (_, from) = take(&mut rest).split_at_mut((range.start - passed) * each);
        let (block, later) = from.split_at_mut(range.len() * each);
        (passed, rest) = (range.end, later);
        block
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Error;

    #[test]
    fn the_largest_jobs_come_first() {
        let sorted: Vec<_> = largest_first([3, 9, 1, 4].into_iter(), |&size| size).collect();
        assert_eq!(sorted, [9, 4, 3, 1]);
    }

    #[test]
    fn blocks_are_even_and_cover_a_matrix() {
        for (columns, expected) in [
            (0, vec![]),
            (1, vec![1]),
            (7, vec![4, 3]),
            (20, vec![10, 10]),
            (21, vec![6, 6, 6, 3]),
        ] {
            let mut matrix = faer::Mat::<f32>::zeros(2, columns);
            let cut: Vec<_> = even_blocks(matrix.as_mut(), 10).collect();
            let widths: Vec<_> = cut.iter().map(|(_, block)| block.ncols()).collect();
            assert_eq!(widths, expected);
            let firsts = widths.iter().scan(0, |sum, &width| {
                *sum += width;
                Some(*sum - width)
            });
            assert!(firsts.eq(cut.iter().map(|&(first, _)| first)));
        }
    }

    #[test]
    fn every_job_is_done_once_and_an_error_comes_back() {
        for threads in [None, Some(&Threads::new(3).unwrap())] {
            let mut done = [0; 50];
            share(threads, done.iter_mut(), |job| *job += 1);
            assert_eq!(done, [1; 50]);
            let count = AtomicUsize::new(0);
            let outcome = try_share(threads, 0..50, |job| {
                count.fetch_add(1, Ordering::Relaxed);
                match job {
                    7 => Err(Error::NoForwardPass),
                    _ => Ok(()),
                }
            });
            assert!(outcome.is_err());
            assert_eq!(count.into_inner(), 50);
            assert!(try_share(threads, 0..50, |_| Ok(())).is_ok());
        }
    }
}
