//! Polynomials with exact coefficients over numbered atoms. Nothing here knows what an atom means.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use num_traits::{One, Signed, Zero};

use crate::expr::Number;

/// Division gives up beyond so many terms.
const LONGEST_QUOTIENT: usize = 500;

/// An atom: whatever a polynomial cannot look into. Numbered in order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AtomId(pub usize);

/// A product of powers of atoms, sorted by atom; exponents are never zero and may be negative.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monomial(Vec<(AtomId, i32)>);

impl Monomial {
    /// A single power.
    pub fn power(atom: AtomId, exponent: i32) -> Self {
        Monomial(if exponent == 0 {
            vec![]
        } else {
            vec![(atom, exponent)]
        })
    }

    /// The powers, sorted by atom.
    pub fn powers(&self) -> impl Iterator<Item = (AtomId, i32)> + '_ {
        self.0.iter().copied()
    }

    /// Whether this is the empty product, 1.
    pub fn is_one(&self) -> bool {
        self.0.is_empty()
    }

    /// The exponent of an atom.
    pub fn exponent(&self, atom: AtomId) -> i32 {
        self.0
            .binary_search_by_key(&atom, |&(id, _)| id)
            .map_or(0, |at| self.0[at].1)
    }

    /// The product, with exponents added.
    pub fn times(&self, other: &Monomial) -> Monomial {
        let mut powers = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) = (
            self.0.iter().copied().peekable(),
            other.0.iter().copied().peekable(),
        );
        while let (Some(&a), Some(&b)) = (left.peek(), right.peek()) {
            if a.0 <= b.0 {
                left.next();
            }
            if b.0 <= a.0 {
                right.next();
            }
            match a.0.cmp(&b.0) {
                Ordering::Less => powers.push(a),
                Ordering::Greater => powers.push(b),
                Ordering::Equal if a.1 + b.1 != 0 => powers.push((a.0, a.1 + b.1)),
                Ordering::Equal => {}
            }
        }
        powers.extend(left.chain(right));
        Monomial(powers)
    }

    /// 1 / this.
    pub fn inverse(&self) -> Monomial {
        Monomial(
            self.0
                .iter()
                .map(|&(atom, exponent)| (atom, -exponent))
                .collect(),
        )
    }

    /// This without the atoms for which `keep` does not hold, and those.
    pub fn partition(&self, mut keep: impl FnMut(AtomId) -> bool) -> (Monomial, Monomial) {
        let (kept, rest) = self.0.iter().partition(|&&(atom, _)| keep(atom));
        (Monomial(kept), Monomial(rest))
    }

    /// The smaller exponent of every atom: the largest common factor where exponents may be negative.
    fn common(&self, other: &Monomial) -> Monomial {
        let mut atoms: Vec<AtomId> = self
            .0
            .iter()
            .chain(&other.0)
            .map(|&(atom, _)| atom)
            .collect();
        atoms.sort_unstable();
        atoms.dedup();
        let powers = atoms
            .into_iter()
            .map(|atom| (atom, self.exponent(atom).min(other.exponent(atom))));
        Monomial(powers.filter(|&(_, exponent)| exponent != 0).collect())
    }

    fn degree(&self) -> i64 {
        self.0
            .iter()
            .map(|&(_, exponent)| i64::from(exponent))
            .sum()
    }

    /// The largest magnitude of an exponent.
    pub fn largest_exponent(&self) -> u32 {
        let magnitudes = self.0.iter().map(|&(_, exponent)| exponent.unsigned_abs());
        magnitudes.max().unwrap_or(0)
    }

    /// Graded lexicographic order, in which dividing by leading monomials comes to an end.
    fn graded(&self, other: &Monomial) -> Ordering {
        self.degree().cmp(&other.degree()).then_with(|| {
            let quotient = self.times(&other.inverse());
            quotient
                .powers()
                .next()
                .map_or(0, |(_, exponent)| exponent)
                .cmp(&0)
        })
    }

    /// self / other, if other is a factor of it: no exponent is smaller.
    pub fn divided_by(&self, other: &Monomial) -> Option<Monomial> {
        let divides = other
            .powers()
            .all(|(atom, exponent)| exponent <= self.exponent(atom));
        divides.then(|| self.times(&other.inverse()))
    }
}

/// A sum of monomials with coefficients; no coefficient is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Polynomial(BTreeMap<Monomial, Number>);

impl Polynomial {
    /// The polynomial 0.
    pub fn zero() -> Self {
        Polynomial::default()
    }

    /// The polynomial 1.
    pub fn one() -> Self {
        Polynomial::constant(Number::one())
    }

    /// A number.
    pub fn constant(value: Number) -> Self {
        Polynomial::term(value, Monomial::default())
    }

    /// An integer.
    pub fn integer(value: i64) -> Self {
        Polynomial::constant(Number::from_integer(value.into()))
    }

    /// A single atom.
    pub fn atom(atom: AtomId) -> Self {
        Polynomial::term(Number::one(), Monomial::power(atom, 1))
    }

    /// A single term.
    pub fn term(coefficient: Number, monomial: Monomial) -> Self {
        let mut result = Polynomial::zero();
        result.add_term(coefficient, monomial);
        result
    }

    /// The terms in a fixed order.
    pub fn terms(&self) -> impl DoubleEndedIterator<Item = (&Monomial, &Number)> + Clone {
        self.0.iter()
    }

    /// How many terms there are.
    pub fn term_count(&self) -> usize {
        self.0.len()
    }

    /// Whether this is 0.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is 1.
    pub fn is_one(&self) -> bool {
        self.as_constant().is_some_and(|value| value.is_one())
    }

    /// The value, if this is a number.
    pub fn as_constant(&self) -> Option<Number> {
        match self.as_term() {
            Some((coefficient, monomial)) if monomial.is_one() => Some(coefficient.clone()),
            Some(_) => None,
            None => self.is_zero().then(Number::zero),
        }
    }

    /// By how much this is more than another polynomial, if by the same everywhere. It ends at the first difference.
    pub fn constant_gap(&self, other: &Polynomial) -> Option<Number> {
        let differs = |&(monomial, _): &(&Monomial, &Number)| !monomial.is_one();
        let same = self
            .terms()
            .filter(differs)
            .eq(other.terms().filter(differs));
        let constant = |polynomial: &Polynomial| {
            let constant = polynomial.0.get(&Monomial::default()).cloned();
            constant.unwrap_or_else(Number::zero)
        };
        same.then(|| constant(self) - constant(other))
    }

    /// The only term, if there is exactly one.
    pub fn as_term(&self) -> Option<(&Number, &Monomial)> {
        let (monomial, coefficient) = self.0.first_key_value()?;
        (self.0.len() == 1).then_some((coefficient, monomial))
    }

    /// The atom, if this is a single atom.
    pub fn as_atom(&self) -> Option<AtomId> {
        let (coefficient, monomial) = self.as_term()?;
        match monomial.0[..] {
            [(atom, 1)] if coefficient.is_one() => Some(atom),
            _ => None,
        }
    }

    /// All atoms, sorted.
    pub fn atoms(&self) -> Vec<AtomId> {
        let mut atoms: Vec<AtomId> = self
            .0
            .keys()
            .flat_map(Monomial::powers)
            .map(|(atom, _)| atom)
            .collect();
        atoms.sort_unstable();
        atoms.dedup();
        atoms
    }

    /// Adds a term in place.
    pub fn add_term(&mut self, coefficient: Number, monomial: Monomial) {
        if coefficient.is_zero() {
            return;
        }
        match self.0.entry(monomial) {
            Entry::Vacant(entry) => {
                entry.insert(coefficient);
            }
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += coefficient;
                if entry.get().is_zero() {
                    entry.remove();
                }
            }
        }
    }

    /// Adds a multiple of another polynomial in place.
    pub fn add_scaled(&mut self, other: &Polynomial, factor: &Number) {
        for (monomial, coefficient) in &other.0 {
            self.add_term(coefficient * factor, monomial.clone());
        }
    }

    /// self + other
    pub fn plus(mut self, other: &Polynomial) -> Polynomial {
        self.add_scaled(other, &Number::one());
        self
    }

    /// self - other
    pub fn minus(mut self, other: &Polynomial) -> Polynomial {
        self.add_scaled(other, &-Number::one());
        self
    }

    /// A multiple.
    pub fn scaled(&self, factor: &Number) -> Polynomial {
        if factor.is_zero() {
            return Polynomial::zero();
        }
        Polynomial(
            self.0
                .iter()
                .map(|(monomial, coefficient)| (monomial.clone(), coefficient * factor))
                .collect(),
        )
    }

    /// -self
    pub fn negated(&self) -> Polynomial {
        self.scaled(&-Number::one())
    }

    /// The coefficient that decides the sign of a polynomial: of two opposite ones exactly one has it positive.
    pub fn leading_coefficient(&self) -> Number {
        self.0
            .last_key_value()
            .map_or_else(Number::zero, |(_, coefficient)| coefficient.clone())
    }

    /// Whether of this and its opposite this is the one to be turned around.
    pub fn is_negative(&self) -> bool {
        self.leading_coefficient().is_negative()
    }

    /// The largest monomial that divides every term.
    pub fn common_factor(&self) -> Monomial {
        let mut monomials = self.0.keys();
        let first = monomials.next().cloned().unwrap_or_default();
        monomials.fold(first, |common, monomial| common.common(monomial))
    }

    /// The term that comes first in division.
    pub fn leading_term(&self) -> Option<(&Monomial, &Number)> {
        self.0.iter().max_by(|(a, _), (b, _)| a.graded(b))
    }

    /// Every term divided by a monomial.
    pub fn over_monomial(&self, monomial: &Monomial) -> Polynomial {
        let inverse = monomial.inverse();
        let terms = self
            .0
            .iter()
            .map(|(term, coefficient)| (term.times(&inverse), coefficient.clone()));
        Polynomial(terms.collect())
    }

    /// self / other, if that leaves no remainder. Atoms are taken as independent.
    pub fn divided_by(&self, other: &Polynomial) -> Option<Polynomial> {
        let (common, divided) = (self.common_factor(), other.common_factor());
        let (mut rest, divisor) = (self.over_monomial(&common), other.over_monomial(&divided));
        let (leading, leading_coefficient) = divisor.leading_term()?;
        let mut quotient = Polynomial::zero();
        for _ in 0..LONGEST_QUOTIENT {
            let Some((monomial, coefficient)) = rest.leading_term() else {
                return Some(quotient.over_monomial(&divided.times(&common.inverse())));
            };
            let monomial = monomial.divided_by(leading)?;
            let coefficient = coefficient / leading_coefficient;
            for (term, factor) in divisor.terms() {
                rest.add_term(-(factor * &coefficient), term.times(&monomial));
            }
            quotient.add_term(coefficient, monomial);
        }
        None
    }
}
