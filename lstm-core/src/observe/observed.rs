//! Chosen quantities, and their values.

use faer::MatRef;
use lstm_kernels::equations::Quantity;
use lstm_kernels::{Cell, Element};

use super::interpreter::Values;
use crate::error::{Error, Result};
use crate::params::zeros;

/// Which quantities of a cell to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantities<'a> {
    /// The left-hand side of every equation.
    All,
    /// Those with these names, each a symbol (`a_ι`) or its spelling in ASCII (`a_iota`).
    Named(&'a [&'a str]),
}

impl<'a> From<&'a [&'a str]> for Quantities<'a> {
    fn from(names: &'a [&'a str]) -> Self {
        Quantities::Named(names)
    }
}

impl<'a, const COUNT: usize> From<&'a [&'a str; COUNT]> for Quantities<'a> {
    fn from(names: &'a [&'a str; COUNT]) -> Self {
        Quantities::Named(names)
    }
}

/// The values of chosen quantities of a cell over a sequence, from
/// [`Recurrent::observe`](crate::Recurrent::observe).
#[derive(Debug, Clone, PartialEq)]
pub struct Observed<T> {
    cell: &'static str,
    steps: usize,
    batch: usize,
    /// The chosen quantities, as indices.
    chosen: Vec<usize>,
    entries: Vec<Entry<T>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry<T> {
    quantity: Quantity,
    /// The length of the quantity; 1 for a scalar.
    rows: usize,
    values: Vec<T>,
}

impl<T: Element> Observed<T> {
    pub(super) fn new<C: Cell>(
        sizes: &[usize],
        quantities: Quantities<'_>,
        steps: usize,
        batch: usize,
    ) -> Result<Self> {
        let all = C::SPEC.quantities;
        let mut chosen: Vec<usize> = Vec::new();
        match quantities {
            Quantities::All => chosen.extend(0..all.len()),
            Quantities::Named(names) => {
                for &name in names {
                    let index = find(all.iter(), name).ok_or_else(|| Error::UnknownQuantity {
                        cell: C::SPEC.name,
                        name: name.to_owned(),
                        known: listed(all.iter()),
                    })?;
                    if !chosen.contains(&index) {
                        chosen.push(index);
                    }
                }
            }
        }
        let entry = |&index: &usize| {
            let quantity = all[index];
            let rows = quantity.axes.iter().map(|&axis| sizes[axis]).product();
            Ok(Entry {
                quantity,
                rows,
                values: zeros("the size of an observed quantity", rows, steps * batch)?,
            })
        };
        let entries = chosen.iter().map(entry).collect::<Result<_>>()?;
        Ok(Observed {
            cell: C::SPEC.name,
            steps,
            batch,
            chosen,
            entries,
        })
    }

    /// The chosen quantities, as indices.
    pub(super) fn quantities(&self) -> &[usize] {
        &self.chosen
    }

    /// Keeps the values of a step.
    pub(super) fn record(&mut self, step: usize, now: &Values) {
        for (&index, entry) in self.chosen.iter().zip(&mut self.entries) {
            let len = entry.rows * self.batch;
            let to = &mut entry.values[step * len..][..len];
            for (to, &value) in to.iter_mut().zip(now[index].iter().flatten()) {
                *to = T::from_f64(value);
            }
        }
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// How many samples there are.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The quantity `name`, a symbol or its spelling in ASCII: one row per element (`n + N * c` for a quantity over
    /// units and cells of a block), one column per step and sample, column `t * batch + b`.
    ///
    /// # Errors
    /// A name that was not asked for.
    pub fn get(&self, name: &str) -> Result<MatRef<'_, T>> {
        let quantities = || self.entries.iter().map(|entry| &entry.quantity);
        match find(quantities(), name) {
            Some(index) => Ok(self.entries[index].matrix()),
            None => Err(Error::NotObserved {
                cell: self.cell,
                name: name.to_owned(),
                known: listed(quantities()),
            }),
        }
    }

    /// The quantity `name` at one step: one column per sample.
    ///
    /// # Errors
    /// A name that was not asked for; a step behind the last.
    pub fn step(&self, name: &str, step: usize) -> Result<MatRef<'_, T>> {
        let matrix = self.get(name)?;
        if step >= self.steps {
            return Err(Error::Option {
                option: "the step of an observed quantity",
                value: step.to_string(),
                expected: "less than the number of steps",
            });
        }
        Ok(matrix.subcols(step * self.batch, self.batch))
    }

    /// All that was asked for, in that order.
    pub fn iter(&self) -> impl Iterator<Item = (&Quantity, MatRef<'_, T>)> {
        let entries = self.entries.iter();
        entries.map(|entry| (&entry.quantity, entry.matrix()))
    }
}

impl<T: Element> Entry<T> {
    fn matrix(&self) -> MatRef<'_, T> {
        let columns = self.values.len() / self.rows;
        MatRef::from_column_major_slice(&self.values, self.rows, columns)
    }
}

/// A quantity by its symbol or, if none has that, by its name in ASCII.
fn find<'q>(quantities: impl Iterator<Item = &'q Quantity> + Clone, name: &str) -> Option<usize> {
    let by_symbol = quantities
        .clone()
        .position(|quantity| quantity.symbol == name);
    by_symbol.or_else(|| {
        quantities
            .clone()
            .position(|quantity| quantity.name == name)
    })
}

fn listed<'q>(quantities: impl Iterator<Item = &'q Quantity>) -> String {
    let names: Vec<_> = quantities.map(|quantity| quantity.name).collect();
    names.join(", ")
}
