//! Sums over an axis and matrix products: distributed over sums, with the factors that take no part pulled out.

use crate::expr::{Function, Shape};

use super::atom::{Atom, Linear};
use super::{Monomial, Normaliser, Polynomial, sorted};

impl Normaliser<'_> {
    /// A linear operation on a polynomial: term by term, with the factors that take no part in it pulled out.
    pub(super) fn linear(&mut self, linear: &Linear, argument: &Polynomial) -> Polynomial {
        let mut result = Polynomial::zero();
        for (monomial, coefficient) in argument.terms() {
            let (inside, outside) = self.split(linear, monomial);
            let id =
                self.atoms.intern(
                    Atom::Linear(linear.clone(), inside.clone()),
                    |atoms| match linear {
                        Linear::Product { to, .. } => sorted(to.clone()),
                        Linear::Sum(axis) => {
                            let axes = inside
                                .powers()
                                .flat_map(|(part, _)| atoms.axes(part).clone());
                            sorted(axes.filter(|other| other != axis).collect())
                        }
                    },
                );
            result.add_term(coefficient.clone(), outside.times(&Monomial::power(id, 1)));
        }
        result
    }

    /// The factors of a monomial that take part in a linear operation, and the others.
    fn split(&mut self, linear: &Linear, monomial: &Monomial) -> (Monomial, Monomial) {
        let takes_part = |axes: &Shape| match linear {
            Linear::Sum(axis) => axes.contains(axis),
            Linear::Product { .. } => !axes.is_empty(),
        };
        let (mut inside, mut outside) = monomial.partition(|id| takes_part(self.atoms.axes(id)));
        // exp(a + b) = exp(a) exp(b): the two may go different ways.
        let exponential = inside
            .powers()
            .find_map(|(id, _)| match self.atoms.get(id) {
                Atom::Apply(Function::Exp, argument) => Some((id, argument.clone())),
                _ => None,
            });
        if let Some((id, argument)) = exponential {
            let (mut stays, mut leaves) = (Polynomial::zero(), Polynomial::zero());
            for (monomial, coefficient) in argument.terms() {
                let part = monomial
                    .powers()
                    .any(|(id, _)| takes_part(self.atoms.axes(id)));
                let side = if part { &mut stays } else { &mut leaves };
                side.add_term(coefficient.clone(), monomial.clone());
            }
            let (stays, leaves) = (
                self.exponential_atom(&stays),
                self.exponential_atom(&leaves),
            );
            let (_, rest) = inside.partition(|other| other == id);
            inside = rest.times(&stays);
            outside = outside.times(&leaves);
        }
        (inside, outside)
    }

    fn exponential_atom(&mut self, argument: &Polynomial) -> Monomial {
        if argument.is_zero() {
            return Monomial::default();
        }
        Monomial::power(
            self.atoms
                .of_polynomial(Atom::Apply(Function::Exp, argument.clone()), argument),
            1,
        )
    }
}
