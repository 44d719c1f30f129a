//! Conditions as indicators: `select(c, p, q)` is \[c\] p + (1 - \[c\]) q, where \[c\] is 0 or 1.
//!
//! Every comparison is that of a polynomial with 0. Three indicators tell its sign, of which two are atoms:
//! \[p > 0\], \[p = 0\] and \[p < 0\] = 1 - \[p > 0\] - \[p = 0\].

use num_traits::Signed;

use crate::expr::{Comparison, Function, NodeId};

use super::atom::Atom;
use super::{AtomId, Monomial, Normaliser, Polynomial};

/// Beyond so many indicators in one argument, its cases are not told apart.
const CASES: usize = 5;

impl Normaliser<'_> {
    /// `select(left sign right, then, otherwise)`
    pub(super) fn select(
        &mut self,
        sign: Comparison,
        [left, right, then, otherwise]: [NodeId; 4],
    ) -> Polynomial {
        let difference = self.normal(left).minus(&self.normal(right));
        let holds = match sign {
            Comparison::Greater => self.positive(&difference),
            Comparison::Less => self.positive(&difference.negated()),
            Comparison::GreaterEqual => {
                Polynomial::one().minus(&self.positive(&difference.negated()))
            }
            Comparison::LessEqual => Polynomial::one().minus(&self.positive(&difference)),
        };
        let (then, otherwise) = (self.normal(then), self.normal(otherwise));
        let gap = then.minus(&otherwise);
        self.times(&holds, &gap).plus(&otherwise)
    }

    /// The indicator of p > 0.
    pub(super) fn positive(&mut self, p: &Polynomial) -> Polynomial {
        self.by_cases(p, &mut |this, p| {
            let p = this.cancelled(p);
            if let Some(value) = p.as_constant() {
                return Some(Polynomial::integer(value.is_positive().into()));
            }
            let scaled = p.scaled(&p.leading_coefficient().abs().recip());
            let (positive, vanishes, turned) = this.sign_of(&scaled);
            let (positive, vanishes) = (Polynomial::atom(positive), Polynomial::atom(vanishes));
            Some(if turned {
                Polynomial::one().minus(&positive).minus(&vanishes)
            } else {
                positive
            })
        })
        .unwrap_or_else(|| unreachable!("an indicator exists in every case"))
    }

    /// The indicators of q > 0 and q = 0 for q = p or, if turned, q = -p.
    fn sign_of(&mut self, p: &Polynomial) -> (AtomId, AtomId, bool) {
        let known = self.find_equal(p, |atom| match atom {
            Atom::Positive(known) => Some(known),
            _ => None,
        });
        if let Some((positive, turned)) = known {
            return (positive, AtomId(positive.0 + 1), turned);
        }
        let turned = p.is_negative();
        let p = if turned { p.negated() } else { p.clone() };
        let positive = self.atoms.of_polynomial(Atom::Positive(p.clone()), &p);
        let vanishes = self.atoms.of_polynomial(Atom::Vanishes(p.clone()), &p);
        debug_assert_eq!(
            vanishes.0,
            positive.0 + 1,
            "both indicators are made together"
        );
        (positive, vanishes, turned)
    }

    /// f(\[c\] p + (1 - \[c\]) q) = \[c\] f(p) + (1 - \[c\]) f(q), for every indicator in the argument.
    /// `None` if `f` is undefined in some case.
    pub(super) fn by_cases(
        &mut self,
        p: &Polynomial,
        f: &mut dyn FnMut(&mut Self, &Polynomial) -> Option<Polynomial>,
    ) -> Option<Polynomial> {
        let indicators: Vec<AtomId> = p
            .atoms()
            .into_iter()
            .filter(|&id| self.is_indicator(id))
            .collect();
        let (Some(&first), true) = (indicators.first(), indicators.len() <= CASES) else {
            return f(self, p);
        };
        let other = match self.atoms.get(first) {
            Atom::Positive(_) => AtomId(first.0 + 1),
            _ => AtomId(first.0 - 1),
        };
        let (mut holds, mut fails) = (Polynomial::zero(), Polynomial::zero());
        for (monomial, coefficient) in p.terms() {
            let (_, rest) = monomial.partition(|id| id == first);
            if monomial.exponent(first) == 0 {
                fails.add_term(coefficient.clone(), rest.clone());
            }
            // p > 0 excludes p = 0.
            if monomial.exponent(other) == 0 {
                holds.add_term(coefficient.clone(), rest);
            }
        }
        let (holds, fails) = (self.by_cases(&holds, f)?, self.by_cases(&fails, f)?);
        let gap = holds.minus(&fails);
        Some(self.times(&Polynomial::atom(first), &gap).plus(&fails))
    }

    pub(super) fn is_indicator(&self, id: AtomId) -> bool {
        matches!(self.atoms.get(id), Atom::Positive(_) | Atom::Vanishes(_))
    }

    /// \[c\]² = \[c\]; \[p > 0\] \[p = 0\] = 0; what is known of two thresholds of one value; and p \[p = 0\] = 0, as a
    /// rewrite of the leading monomial of p.
    pub(super) fn indicator_reduction(
        &mut self,
        monomial: &Monomial,
        id: AtomId,
        exponent: i32,
    ) -> Option<(Monomial, Polynomial)> {
        let (_, rest) = monomial.partition(|other| other == id);
        if exponent > 1 {
            return Some((rest, Polynomial::atom(id)));
        }
        if let Some(reduced) = self.thresholds(monomial, id) {
            return Some(reduced);
        }
        let Atom::Vanishes(p) = self.atoms.get(id) else {
            return None;
        };
        if monomial.exponent(AtomId(id.0 - 1)) != 0 {
            return Some((rest, Polynomial::zero()));
        }
        let simple = |id: AtomId| match self.atoms.get(id) {
            Atom::Apply(function, _) => !matches!(function, Function::Exp | Function::Sqrt),
            Atom::Inverse(_) => false,
            _ => true,
        };
        if !p
            .terms()
            .all(|(term, _)| term.powers().all(|(atom, power)| power > 0 && simple(atom)))
        {
            return None;
        }
        let (leading, coefficient) = p.leading_term()?;
        let quotient = monomial.divided_by(leading)?;
        let remainder = p
            .clone()
            .minus(&Polynomial::term(coefficient.clone(), leading.clone()));
        let factor = remainder.scaled(&-coefficient.recip());
        Some((quotient, factor))
    }

    /// \[p > 0\] \[p + c > 0\] = \[p > 0\] and \[p > 0\] \[p + c = 0\] = 0 for every c > 0, and the same with \[p = 0\] in the
    /// place of \[p > 0\].
    fn thresholds(&self, monomial: &Monomial, id: AtomId) -> Option<(Monomial, Polynomial)> {
        let (Atom::Positive(p) | Atom::Vanishes(p)) = self.atoms.get(id) else {
            return None;
        };
        monomial.powers().find_map(|(other, _)| {
            if other == id {
                return None;
            }
            let (Atom::Positive(q) | Atom::Vanishes(q)) = self.atoms.get(other) else {
                return None;
            };
            let gap = q.constant_gap(p)?;
            let factor = match self.atoms.get(other) {
                Atom::Positive(_) => Polynomial::one(),
                _ => Polynomial::zero(),
            };
            let (_, rest) = monomial.partition(|id| id == other);
            gap.is_positive().then_some((rest, factor))
        })
    }
}
