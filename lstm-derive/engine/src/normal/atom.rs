//! Atoms: what a polynomial is made of, and the table that numbers them.

use std::collections::HashMap;

use crate::expr::{AxisId, Function, NodeId, ParamId, Shape};

use super::polynomial::{AtomId, Monomial, Polynomial};

/// A linear operation on vectors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Linear {
    /// The sum over an axis.
    Sum(AxisId),
    /// The product with a matrix or its transpose; the axes of the vector and of the result.
    Product {
        /// The matrix.
        matrix: ParamId,
        /// Whether it is transposed.
        transposed: bool,
        /// The axes of the vector.
        from: Shape,
        /// The axes of the result.
        to: Shape,
    },
}

/// What an atom stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Atom {
    /// A quantity, signal, input or parameter: a node of the graph without operands.
    Leaf(NodeId),
    /// A function of a polynomial: exp, log, sqrt, sigmoid, tanh or softplus; the others are rewritten.
    Apply(Function, Polynomial),
    /// The derivative of a function at a polynomial, where derivatives are not written out.
    Slope(Function, Polynomial),
    /// 1 over a polynomial of several terms.
    Inverse(Polynomial),
    /// A linear operation on a single monomial all of whose factors take part in it.
    Linear(Linear, Monomial),
    /// 1 where the polynomial is positive, 0 elsewhere. The atom that follows is the matching [`Atom::Vanishes`].
    Positive(Polynomial),
    /// 1 where the polynomial is 0, 0 elsewhere.
    Vanishes(Polynomial),
    /// 1 over a polynomial that is 0 somewhere by construction: it cancels with nothing.
    Opaque(Polynomial),
    /// The value of another atom, an inverse or a linear operation: in this form it stands for what all terms under a
    /// linear operation are divided by, and is left alone while two expressions are compared.
    Common(AtomId),
}

/// An atom and what is known about it.
#[derive(Debug, Clone)]
struct Entry {
    atom: Atom,
    axes: Shape,
    fractional: bool,
}

/// All atoms met so far.
#[derive(Debug, Default)]
pub struct Atoms {
    entries: Vec<Entry>,
    known: HashMap<Atom, AtomId>,
}

impl Atoms {
    /// The number of an atom, new or known. `axes` are those of a leaf; other atoms have those of their parts.
    pub fn intern(&mut self, atom: Atom, axes: impl FnOnce(&Atoms) -> Shape) -> AtomId {
        if let Some(&id) = self.known.get(&atom) {
            return id;
        }
        let axes = axes(self);
        let fractional = match &atom {
            Atom::Inverse(_) => true,
            Atom::Linear(_, monomial) => monomial.powers().any(|(part, _)| self.fractional(part)),
            _ => false,
        };
        let id = AtomId(self.entries.len());
        self.known.insert(atom.clone(), id);
        self.entries.push(Entry {
            atom,
            axes,
            fractional,
        });
        id
    }

    /// The number of an atom that varies over the axes of a polynomial.
    pub fn of_polynomial(&mut self, atom: Atom, polynomial: &Polynomial) -> AtomId {
        self.intern(atom, |atoms| {
            let mut axes = Shape::new();
            for part in polynomial.atoms() {
                axes.extend(atoms.axes(part));
            }
            axes.sort_unstable();
            axes.dedup();
            axes
        })
    }

    /// What an atom stands for.
    pub fn get(&self, id: AtomId) -> &Atom {
        &self.entries[id.0].atom
    }

    /// The axes an atom varies over, sorted.
    pub fn axes(&self, id: AtomId) -> &Shape {
        &self.entries[id.0].axes
    }

    /// Whether an atom has an inverse in it that a common denominator would remove.
    pub fn fractional(&self, id: AtomId) -> bool {
        self.entries[id.0].fractional
    }

    /// All atoms in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (AtomId, &Atom)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(at, entry)| (AtomId(at), &entry.atom))
    }
}
