//! Quotients. 1 over a single term is a term with negative exponents; 1 over a sum is an atom, and two polynomials in
//! such atoms are compared over a common denominator, which is found again under every linear operation.

use std::collections::BTreeMap;

use num_traits::One;

use crate::expr::Number;

use super::atom::{Atom, Linear};
use super::{AtomId, Monomial, Normaliser, Polynomial};

/// How often clearing denominators may bring up new ones, from under a square root, before a comparison gives up.
const ROUNDS: usize = 4;

/// What divides under each linear operation.
type Under = BTreeMap<Linear, Monomial>;

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
            let inverse = self.inverse_in_one_case(&numerator)?;
            let divided = Polynomial::term(Number::one(), denominators.inverse());
            return Some(self.times(&inverse, &divided));
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
        let inverse = match known {
            Some((atom, turned)) => Polynomial::atom(atom)
                .scaled(&Number::from_integer(if turned { -1 } else { 1 }.into())),
            None => match self.known_divisor(&rest) {
                // 1 / (p q) = (1 / p) (1 / q)
                Some((atom, quotient)) => {
                    let other = self.inverse_in_one_case(&quotient)?;
                    self.times(&Polynomial::atom(atom), &other)
                }
                None => {
                    Polynomial::atom(self.atoms.of_polynomial(Atom::Inverse(rest.clone()), &rest))
                }
            },
        };
        Some(self.times(&outside, &inverse))
    }

    /// A known inverse whose denominator divides p, and what remains of p.
    fn known_divisor(&mut self, p: &Polynomial) -> Option<(AtomId, Polynomial)> {
        let shorter = self.atoms.iter().filter_map(|(id, atom)| match atom {
            Atom::Inverse(known) if known.term_count() < p.term_count() => Some((id, known)),
            _ => None,
        });
        let atoms = p.atoms();
        let divisors: Vec<(AtomId, Polynomial)> = shorter
            .filter(|(_, known)| known.atoms().iter().all(|part| atoms.contains(part)))
            .map(|(id, known)| (id, known.clone()))
            .collect();
        divisors.into_iter().find_map(|(id, known)| {
            self.spend(p.term_count());
            Some((id, self.exact_quotient(p, &known)?))
        })
    }

    /// The numerator of a polynomial, and the inverses it is multiplied by; `None` if nothing divides.
    fn as_fraction(&mut self, p: &Polynomial) -> Option<(Polynomial, Monomial)> {
        let (mut all, mut under) = (Monomial::default(), Under::new());
        self.collect(p, &mut all, &mut under);
        let (denominators, _) = all.partition(|id| matches!(self.atoms.get(id), Atom::Inverse(_)));
        if denominators.is_one() {
            return None;
        }
        Some((self.over(p, &denominators, &Under::new()), denominators))
    }

    /// A polynomial with the denominators that divide its numerator cancelled.
    pub(super) fn cancelled(&mut self, p: &Polynomial) -> Polynomial {
        let Some((mut numerator, denominators)) = self.as_fraction(p) else {
            return p.clone();
        };
        let mut rest = Monomial::default();
        for (id, exponent) in denominators.powers() {
            let Atom::Inverse(denominator) = self.atoms.get(id).clone() else {
                unreachable!("the denominators of a fraction are inverses");
            };
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
        let quotient = self.times(&quotient, &Polynomial::one());
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
            let (mut denominators, mut under) = (Monomial::default(), Under::new());
            self.collect(&p, &mut denominators, &mut under);
            p = self.over(&p, &denominators, &under);
        }
        false
    }

    /// Collects what divides in a polynomial, at its own level and under each linear operation, with the largest exponents:
    /// those of inverses are positive, those of linear operations negative.
    fn collect(&self, p: &Polynomial, own: &mut Monomial, under: &mut Under) {
        for (monomial, _) in p.terms() {
            self.collect_monomial(monomial, own, under);
        }
    }

    fn collect_monomial(&self, monomial: &Monomial, own: &mut Monomial, under: &mut Under) {
        for (id, exponent) in monomial.powers() {
            match self.atoms.get(id) {
                Atom::Inverse(denominator) => {
                    raise(own, id, exponent.max(0));
                    self.collect(denominator, &mut Monomial::default(), under);
                }
                Atom::Linear(linear, inside) => {
                    raise(own, id, exponent.min(0));
                    let mut inner = Monomial::default();
                    self.collect_monomial(inside, &mut inner, under);
                    let known = under.entry(linear.clone()).or_default();
                    for (id, exponent) in inner.powers() {
                        raise(known, id, exponent);
                    }
                }
                _ => {}
            }
        }
    }

    /// A polynomial divided by `denominators`, the same for all its terms, with linear operations written over what divides
    /// under them. Apart from that one factor nothing changes its value.
    fn over(&mut self, p: &Polynomial, denominators: &Monomial, under: &Under) -> Polynomial {
        let cleared = denominators.inverse();
        let mut sum = Polynomial::zero();
        for (monomial, coefficient) in p.terms() {
            self.spend(1);
            if self.exhausted() {
                break;
            }
            let monomial = monomial.times(&cleared);
            let written_out = |id: AtomId| match self.atoms.get(id) {
                Atom::Inverse(_) => monomial.exponent(id) < 0,
                Atom::Linear(..) => monomial.exponent(id) > 0,
                _ => false,
            };
            let (special, plain) = monomial.partition(written_out);
            let mut product = Polynomial::term(coefficient.clone(), plain);
            for (id, exponent) in special.powers() {
                let value = self.written_out(id, under);
                let power = self.power(&value, exponent.unsigned_abs());
                product = self.times(&product, &power);
            }
            sum = sum.plus(&product);
        }
        sum
    }

    /// The denominator of an inverse, or a linear operation over what divides under it.
    fn written_out(&mut self, id: AtomId, under: &Under) -> Polynomial {
        match self.atoms.get(id).clone() {
            Atom::Inverse(denominator) => self.over(&denominator, &Monomial::default(), under),
            Atom::Linear(linear, inside) => {
                // What divides under an operation may hold this very operation: it stays as it is there, or this had no end.
                let mut under = under.clone();
                let denominators = under.remove(&linear).unwrap_or_default();
                let inside = Polynomial::term(Number::one(), inside);
                let numerator = self.over(&inside, &denominators, &under);
                let common = self.common(&denominators);
                let inside = self.times(&numerator, &common);
                self.linear(&linear, &inside)
            }
            _ => Polynomial::atom(id),
        }
    }

    /// Denominators as factors that are not cleared again: those that all terms under a linear operation have in common.
    fn common(&mut self, denominators: &Monomial) -> Polynomial {
        let powers = denominators.powers().map(|(id, exponent)| {
            let axes = self.atoms.axes(id).clone();
            let common = self.atoms.intern(Atom::Common(id), |_| axes);
            Monomial::power(common, exponent)
        });
        let factors = powers.collect::<Vec<_>>();
        let factor = factors
            .iter()
            .fold(Monomial::default(), |all, power| all.times(power));
        Polynomial::term(Number::one(), factor)
    }
}

/// Raises the magnitude of an exponent to at least that of `exponent`, of the same sign.
fn raise(monomial: &mut Monomial, id: AtomId, exponent: i32) {
    let known = monomial.exponent(id);
    if exponent.abs() > known.abs() {
        *monomial = monomial.times(&Monomial::power(id, exponent - known));
    }
}
