//! Quotients. 1 over a single term is a term with negative exponents; 1 over a sum is an atom, and two polynomials in
//! such atoms are compared over a common denominator, which is found again under every linear operation.

use std::collections::BTreeMap;

use num_traits::One;

use crate::expr::{Number, Shape};

use super::atom::{Atom, Linear};
use super::{AtomId, Monomial, Normaliser, Polynomial, sorted};

/// How often clearing denominators may bring up new ones, from under a square root, before a comparison gives up.
const ROUNDS: usize = 4;

/// Atoms that divide, each with its largest exponent.
type Denominators = BTreeMap<AtomId, u32>;

impl Normaliser<'_> {
    /// a / b
    pub(super) fn quotient(&mut self, a: &Polynomial, b: &Polynomial) -> Polynomial {
        if let Some(exact) = self.exact_quotient(a, b) {
            return exact;
        }
        let inverse = self.inverse(b);
        // 0 / 0 is not 0.
        if b.is_zero() {
            inverse
        } else {
            self.times(a, &inverse)
        }
    }

    /// 1 / p
    pub(super) fn inverse(&mut self, p: &Polynomial) -> Polynomial {
        let inverse = self.by_cases(p, &mut |this, p| this.inverse_in_one_case(p));
        inverse.unwrap_or_else(|| {
            Polynomial::atom(self.atoms.of_polynomial(Atom::Opaque(p.clone()), p))
        })
    }

    /// 1 / p for a p without indicators; `None` where p is 0.
    fn inverse_in_one_case(&mut self, p: &Polynomial) -> Option<Polynomial> {
        let cancels =
            |id: AtomId| !self.is_indicator(id) && !matches!(self.atoms.get(id), Atom::Opaque(_));
        if !p.atoms().into_iter().all(cancels) || self.exhausted() || self.is_zero(p) {
            return None;
        }
        if let Some((numerator, denominators)) = self.as_fraction(p) {
            // 1 / (n / d) = d / n
            let mut product = self.inverse_in_one_case(&numerator)?;
            for (id, exponent) in denominators {
                let denominator = self.denominator(id, &BTreeMap::new());
                let power = self.power(&denominator, exponent);
                product = self.times(&product, &power);
            }
            return Some(product);
        }
        let common = p.common_factor();
        let rest = p.over_monomial(&common);
        let leading = rest.leading_coefficient();
        let outside = Polynomial::term(leading.recip(), common.inverse());
        let rest = rest.scaled(&leading.recip());
        if rest.is_one() {
            return Some(self.times(&Polynomial::one(), &outside));
        }
        let known = self.find_equal(&rest, |atom| match atom {
            Atom::Inverse(known) => Some(known),
            _ => None,
        });
        let atom = match known {
            Some((atom, turned)) => Polynomial::atom(atom)
                .scaled(&Number::from_integer(if turned { -1 } else { 1 }.into())),
            None => Polynomial::atom(self.atoms.of_polynomial(Atom::Inverse(rest.clone()), &rest)),
        };
        Some(self.times(&outside, &atom))
    }

    /// The numerator of a polynomial, and what it is divided by; `None` if nothing divides.
    fn as_fraction(&mut self, p: &Polynomial) -> Option<(Polynomial, Denominators)> {
        let mut denominators = Denominators::new();
        self.collect(p, &mut denominators, &mut BTreeMap::new());
        denominators.retain(|&id, _| matches!(self.atoms.get(id), Atom::Inverse(_)));
        if denominators.is_empty() {
            return None;
        }
        Some((self.over(p, &denominators, &BTreeMap::new()), denominators))
    }

    /// A polynomial with the denominators that divide its numerator cancelled.
    pub(super) fn cancelled(&mut self, p: &Polynomial) -> Polynomial {
        let Some((mut numerator, denominators)) = self.as_fraction(p) else {
            return p.clone();
        };
        let mut rest = Monomial::default();
        for (id, exponent) in denominators {
            let denominator = self.denominator(id, &BTreeMap::new());
            for _ in 0..exponent {
                match self.exact_quotient(&numerator, &denominator) {
                    Some(quotient) => numerator = quotient,
                    None => rest = rest.times(&Monomial::power(id, 1)),
                }
            }
        }
        self.times(&numerator, &Polynomial::term(Number::one(), rest))
    }

    /// a / b for a sum b, if that is a polynomial.
    fn exact_quotient(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Polynomial> {
        if b.term_count() < 2 || b.atoms().into_iter().any(|id| self.is_indicator(id)) {
            return None;
        }
        let quotient = a.divided_by(b)?;
        // Powers of roots and products of exponentials are rewritten, which plain division does not know.
        (self.times(&quotient, b) == *a).then_some(quotient)
    }

    /// An atom whose argument equals p, or -p (then the second value is true), whatever form either has.
    pub(super) fn find_equal(
        &mut self,
        p: &Polynomial,
        argument: impl Fn(&Atom) -> Option<&Polynomial>,
    ) -> Option<(AtomId, bool)> {
        let negated = p.negated();
        let exact = self.atoms.iter().find_map(|(id, atom)| {
            let known = argument(atom)?;
            (known == p)
                .then_some((id, false))
                .or_else(|| (*known == negated).then_some((id, true)))
        });
        if exact.is_some() {
            return exact;
        }
        let fractional = self.is_fractional(p);
        let candidates: Vec<(AtomId, Polynomial)> = self
            .atoms
            .iter()
            .filter_map(|(id, atom)| Some((id, argument(atom)?)))
            .filter(|(_, known)| fractional || self.is_fractional(known))
            .map(|(id, known)| (id, known.clone()))
            .collect();
        candidates.into_iter().find_map(|(id, known)| {
            self.spend(known.term_count() + p.term_count());
            if self.exhausted() {
                return None;
            }
            if self.is_zero(&known.clone().minus(p)) {
                Some((id, false))
            } else {
                self.is_zero(&known.plus(p)).then_some((id, true))
            }
        })
    }

    /// Whether some denominator in a polynomial could be cleared.
    fn is_fractional(&self, p: &Polynomial) -> bool {
        p.atoms().into_iter().any(|id| self.atoms.fractional(id))
    }

    /// Whether a normal form is 0.
    pub fn is_zero(&mut self, p: &Polynomial) -> bool {
        let mut p = p.clone();
        for _ in 0..ROUNDS {
            if p.is_zero() {
                return !self.exhausted();
            }
            if !self.is_fractional(&p) {
                return false;
            }
            let (mut own, mut under) = (Denominators::new(), BTreeMap::new());
            self.collect(&p, &mut own, &mut under);
            p = self.over(&p, &own, &under);
        }
        false
    }

    /// Collects what divides in a polynomial, at its own level and under each linear operation.
    fn collect(
        &self,
        p: &Polynomial,
        own: &mut Denominators,
        under: &mut BTreeMap<Linear, Denominators>,
    ) {
        for (monomial, _) in p.terms() {
            self.collect_monomial(monomial, own, under);
        }
    }

    fn collect_monomial(
        &self,
        monomial: &Monomial,
        own: &mut Denominators,
        under: &mut BTreeMap<Linear, Denominators>,
    ) {
        for (id, exponent) in monomial.powers() {
            match self.atoms.get(id) {
                Atom::Inverse(denominator) => {
                    raise(own, id, exponent.unsigned_abs());
                    self.collect(denominator, &mut Denominators::new(), under);
                }
                Atom::Linear(linear, inside) => {
                    if exponent < 0 {
                        raise(own, id, exponent.unsigned_abs());
                    }
                    let mut denominators = Denominators::new();
                    self.collect_monomial(inside, &mut denominators, under);
                    let known = under.entry(linear.clone()).or_default();
                    for (id, exponent) in denominators {
                        raise(known, id, exponent);
                    }
                }
                _ => {}
            }
        }
    }

    /// A polynomial times all that divides in it, with linear operations over their common denominators.
    fn over(
        &mut self,
        p: &Polynomial,
        own: &Denominators,
        under: &BTreeMap<Linear, Denominators>,
    ) -> Polynomial {
        let mut sum = Polynomial::zero();
        for (monomial, coefficient) in p.terms() {
            self.spend(1);
            if self.exhausted() {
                break;
            }
            let (special, plain) = monomial
                .partition(|id| matches!(self.atoms.get(id), Atom::Inverse(_) | Atom::Linear(..)));
            let mut product = Polynomial::term(coefficient.clone(), plain);
            for (id, exponent) in special.powers() {
                if exponent > 0 && matches!(self.atoms.get(id), Atom::Linear(..)) {
                    let value = self.denominator(id, under);
                    let power = self.power(&value, exponent.unsigned_abs());
                    product = self.times(&product, &power);
                }
            }
            for (&id, &largest) in own {
                let used = match self.atoms.get(id) {
                    Atom::Inverse(_) => special.exponent(id),
                    _ => -special.exponent(id).min(0),
                };
                let value = self.denominator(id, under);
                let power = self.power(&value, largest - used.unsigned_abs());
                product = self.times(&product, &power);
            }
            sum = sum.plus(&product);
        }
        sum
    }

    /// What an atom of [`Denominators`] divides by.
    fn denominator(&mut self, id: AtomId, under: &BTreeMap<Linear, Denominators>) -> Polynomial {
        match self.atoms.get(id).clone() {
            Atom::Inverse(denominator) => self.over(&denominator, &Denominators::new(), under),
            Atom::Linear(linear, inside) => {
                let nothing = Denominators::new();
                let denominators = under.get(&linear).unwrap_or(&nothing);
                let inside = self.over(
                    &Polynomial::term(Number::one(), inside),
                    denominators,
                    under,
                );
                let inside = match self.common(&linear, denominators) {
                    Some(common) => self.times(&inside, &Polynomial::atom(common)),
                    None => inside,
                };
                self.linear(&linear, &inside)
            }
            _ => Polynomial::atom(id),
        }
    }

    /// 1 over the common denominator under a linear operation, as one atom.
    fn common(&mut self, linear: &Linear, denominators: &Denominators) -> Option<AtomId> {
        let axes: Shape = denominators
            .keys()
            .flat_map(|&id| self.atoms.axes(id).clone())
            .collect();
        let axes = sorted(axes);
        (!denominators.is_empty()).then(|| {
            self.atoms
                .intern(Atom::Common(linear.clone(), axes.clone()), |_| axes)
        })
    }
}

fn raise(denominators: &mut Denominators, id: AtomId, exponent: u32) {
    let known = denominators.entry(id).or_default();
    *known = exponent.max(*known);
}
