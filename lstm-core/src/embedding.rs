//! Embedding: a learned vector for every symbol.

use std::ops::Range;

use faer::{MatMut, MatRef};
use lstm_kernels::{Element, Threads};

use crate::columns::{add_column, set_column};
use crate::error::{Error, Result, require_len, require_shape, require_size};
use crate::init::Init;
use crate::jobs::{blocks, share, take_blocks};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut, zeros};
use crate::random::Rng;

/// A table of `count` vectors of `len` numbers; forward gathers, backward scatters.
#[derive(Debug, Clone)]
pub struct Embedding<T> {
    len: usize,
    count: usize,
    /// Vector after vector: a `len x count` matrix, column by column.
    weight: Vec<T>,
    /// A symbol whose vector begins as zero and is given no gradient.
    padding: Option<u32>,
    threads: Option<Threads>,
}

/// Columns that a thread fills at a time.
const COLUMNS: usize = 64;

/// Vectors to which a thread adds at a time.
const VECTORS: usize = 16;

impl<T: Element> Embedding<T> {
    /// A table filled from `init`.
    ///
    /// # Errors
    /// No symbols, or vectors without numbers; a table too large for memory.
    pub fn new(count: usize, len: usize, init: Init, rng: &mut Rng) -> Result<Self> {
        require_size("the count of symbols", count)?;
        require_size("the embedding's length", len)?;
        init.check::<T>()?;
        let mut weight = zeros("the table of the embedding", len, count)?;
        let parameter = ParameterMut {
            rows: len,
            columns: count,
            values: &mut weight,
        };
        init.fill(parameter, rng);
        Ok(Self {
            len,
            count,
            weight,
            padding: None,
            threads: None,
        })
    }

    /// With a symbol that only fills up short sequences: its vector becomes zero, and [`backward`](Self::backward) gives it no
    /// gradient. What else uses the vectors may: a [tied](crate::TiedLinear) head scores this symbol as any other, and so
    /// moves its vector. Parameters that are loaded are taken as they are, that of this symbol, too.
    ///
    /// # Errors
    /// A symbol beyond the table.
    pub fn with_padding(mut self, id: u32) -> Result<Self> {
        self.require_ids(&[id])?;
        self.weight[id as usize * self.len..][..self.len].fill(T::from_f64(0.0));
        self.padding = Some(id);
        Ok(self)
    }

    /// Lets calls share their work among threads; the result is the same to the bit for any number of them.
    pub fn set_threads(&mut self, threads: &Threads) {
        self.threads = Some(threads.clone());
    }

    /// Numbers of one vector.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the vectors hold no numbers: never.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many symbols the table knows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The table as a matrix of `len x count`, a vector to a column.
    pub fn matrix(&self) -> MatRef<'_, T> {
        MatRef::from_column_major_slice(&self.weight, self.len, self.count)
    }

    /// The vectors, one after the other.
    pub(crate) fn vectors(&self) -> &[T] {
        &self.weight
    }

    /// Column j of `y` becomes the vector of symbol `ids[j]`; `y` is `len x ids.len()`.
    ///
    /// # Errors
    /// An id beyond the table, or a `y` of another shape.
    pub fn forward(&self, ids: &[u32], y: MatMut<'_, T>) -> Result<()> {
        require_shape(
            "the output of `Embedding::forward`",
            (self.len, ids.len()),
            y.shape(),
        )?;
        self.require_ids(ids)?;
        share(self.threads.as_ref(), blocks(y, COLUMNS), |(first, y)| {
            for (column, &id) in y.col_iter_mut().zip(&ids[first..]) {
                let vector = &self.weight[id as usize * self.len..][..self.len];
                set_column(column, vector);
            }
        });
        Ok(())
    }

    /// Adds the gradient of the table to `gradient`: column j of `dy` belongs to the vector of symbol `ids[j]`.
    ///
    /// # Errors
    /// An id beyond the table, or another shape.
    pub fn backward(&self, ids: &[u32], dy: MatRef<'_, T>, gradient: &mut [T]) -> Result<()> {
        require_shape(
            "the gradient that reaches `Embedding::backward`",
            (self.len, ids.len()),
            dy.shape(),
        )?;
        require_len(
            "the gradient of the embedding",
            self.weight.len(),
            gradient.len(),
        )?;
        self.require_ids(ids)?;
        let mut columns: Vec<usize> = (0..ids.len()).collect();
        columns.retain(|&column| self.padding != Some(ids[column]));
        // Threads have vectors of their own, whose columns come in their order on any number of threads.
        columns.sort_by_key(|&column| ids[column]);
        let groups = columns.chunk_by(|&a, &b| ids[a] == ids[b]);
        let own = groups.clone().map(|columns| {
            let id = ids[columns[0]] as usize;
            id..id + 1
        });
        let mut vectors: Vec<_> = groups.zip(take_blocks(gradient, self.len, own)).collect();
        let some = vectors.chunks_mut(VECTORS);
        share(self.threads.as_ref(), some, |some| {
            for (columns, vector) in some {
                columns
                    .iter()
                    .for_each(|&column| add_column(dy.col(column), vector));
            }
        });
        Ok(())
    }

    /// The ranges of its gradient to which [`backward`](Self::backward) adds for these symbols; those beyond the table, which
    /// it refuses, have none.
    pub fn touched(&self, ids: &[u32]) -> impl Iterator<Item = Range<usize>> {
        let known = ids.iter().filter(|&&id| (id as usize) < self.count);
        known.map(|&id| id as usize * self.len..(id as usize + 1) * self.len)
    }

    fn require_ids(&self, ids: &[u32]) -> Result<()> {
        require_ids("symbol", ids, self.count)
    }
}

/// Refuses ids that are not below `count`.
pub(crate) fn require_ids(what: &'static str, ids: &[u32], count: usize) -> Result<()> {
    match ids.iter().position(|&id| id as usize >= count) {
        None => Ok(()),
        Some(position) => Err(Error::IdOutOfRange {
            what,
            id: ids[position],
            position,
            count,
        }),
    }
}

impl<T: Element> Parameters<T> for Embedding<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        let parameter = Parameter {
            rows: self.len,
            columns: self.count,
            values: &self.weight,
        };
        visit(name.child("weight"), parameter)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        let parameter = ParameterMut {
            rows: self.len,
            columns: self.count,
            values: &mut self.weight,
        };
        visit(name.child("weight"), parameter)
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;

    fn table() -> Embedding<f64> {
        Embedding::new(4, 2, Init::Uniform(1.0), &mut Rng::new(5)).unwrap()
    }

    #[test]
    fn backward_is_the_transpose_of_forward() {
        // Forward is linear in the table, y = S(table), so <dy, S(e)> = <S^T(dy), e> for every table e.
        let table = table();
        let ids = [2, 0, 2, 3];
        let dy = mat![[1.0, 2.0, 3.0, 4.0], [-1.0, 0.5, 0.25, 2.0]];
        let mut y = Mat::zeros(2, 4);
        table.forward(&ids, y.as_mut()).unwrap();
        let mut gradient = vec![0.0; 8];
        table.backward(&ids, dy.as_ref(), &mut gradient).unwrap();
        let forward: f64 = (0..4)
            .flat_map(|j| (0..2).map(move |i| (i, j)))
            .map(|at| dy[at] * y[at])
            .sum();
        let backward: f64 = gradient.iter().zip(&table.weight).map(|(g, w)| g * w).sum();
        assert!((forward - backward).abs() < 1e-14);
        // Symbol 1 does not occur; symbol 2 occurs twice: 1 + 3 and -1 + 0.25.
        assert_eq!(gradient[2..6], [0.0, 0.0, 4.0, -0.75]);
    }

    #[test]
    fn threads_change_no_bit() {
        let init = Init::Uniform(1.0);
        let alone = Embedding::<f32>::new(30, 7, init, &mut Rng::new(5)).unwrap();
        // More symbols than a thread takes at a time, many of them several times.
        let ids: Vec<u32> = (0..200).map(|at| (at * at + 3 * at) % 30).collect();
        let dy = Mat::from_fn(7, 200, |i, j| ((3 * i + 5 * j) as f32).sin());
        let run = |table: &Embedding<f32>| {
            let (mut y, mut gradient) = (Mat::zeros(7, 200), vec![0.25; 7 * 30]);
            table.forward(&ids, y.as_mut()).unwrap();
            table.backward(&ids, dy.as_ref(), &mut gradient).unwrap();
            (y, gradient)
        };
        let expected = run(&alone);
        for count in 1..=8 {
            let mut table = alone.clone();
            table.set_threads(&Threads::new(count).unwrap());
            assert_eq!(run(&table), expected, "{count} threads");
        }
    }

    #[test]
    fn padding_is_zero_and_stays_so() {
        let table = table().with_padding(2).unwrap();
        let mut y = Mat::full(2, 3, 9.0);
        table.forward(&[2, 0, 2], y.as_mut()).unwrap();
        assert_eq!((y[(0, 0)], y[(1, 2)]), (0.0, 0.0));
        let mut gradient = vec![0.0; 8];
        let dy = Mat::full(2, 3, 1.0);
        table
            .backward(&[2, 0, 2], dy.as_ref(), &mut gradient)
            .unwrap();
        assert_eq!(gradient, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(table.with_padding(4).is_err());
    }

    #[test]
    fn impossible_tables_are_errors() {
        let new = |count, len, init| Embedding::<f64>::new(count, len, init, &mut Rng::new(0));
        let zero = Init::Constant(0.0);
        for (count, len) in [(0, 2), (2, 0), (usize::MAX, 2), (usize::MAX / 16, 1)] {
            assert!(new(count, len, zero).is_err());
        }
        assert!(new(2, 2, Init::Uniform(f64::NAN)).is_err());
    }

    #[test]
    fn an_id_beyond_the_table_is_an_error() {
        let message = table()
            .forward(&[0, 4], Mat::zeros(2, 2).as_mut())
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "symbol 4 at position 1 is out of range: there are 4 (ids start at 0)"
        );
    }
}
