//! What the normal form knows about functions, one rule a line where it can be.

use num_traits::{One, Signed};

use crate::expr::{Function, Number};

use super::atom::Atom;
use super::{AtomId, Monomial, Normaliser, Polynomial};

/// exp(c log(a)) is multiplied out as a^c up to this c.
const LARGEST_POWER: i32 = 16;

impl Normaliser<'_> {
    /// f(p)
    pub(super) fn apply(&mut self, function: Function, p: &Polynomial) -> Polynomial {
        self.by_cases(p, &mut |this, p| Some(this.apply_in_one_case(function, p)))
            .unwrap_or_default()
    }

    fn apply_in_one_case(&mut self, function: Function, p: &Polynomial) -> Polynomial {
        let p = &self.cancelled(p);
        match function {
            Function::Exp => self.exp(p),
            Function::Log => self.log(p),
            Function::Sqrt => self.sqrt(p),
            // |p| = p ([p > 0] - [p < 0]), and p [p = 0] = 0
            Function::Abs => {
                let sign = self
                    .positive(p)
                    .scaled(&Number::from_integer(2.into()))
                    .minus(&Polynomial::one());
                self.times(p, &sign)
            }
            // relu(p) = p [p > 0]
            Function::Relu => {
                let positive = self.positive(p);
                self.times(p, &positive)
            }
            // logsigmoid(p) = -softplus(-p)
            Function::LogSigmoid => self.softplus(&p.negated()).negated(),
            Function::Softplus => self.softplus(p),
            Function::Sigmoid => self.sigmoid(p),
            Function::Tanh => self.tanh(p),
        }
    }

    fn sigmoid(&mut self, p: &Polynomial) -> Polynomial {
        if p.is_zero() {
            return Polynomial::constant(Number::new(1.into(), 2.into()));
        }
        if self.depth.exponentials {
            // sigmoid(p) = 1 / (1 + exp(-p))
            let denominator = Polynomial::one().plus(&self.exp(&p.negated()));
            return self.inverse(&denominator);
        }
        // sigmoid(-p) = 1 - sigmoid(p)
        let (atom, turned) = self.oriented(Function::Sigmoid, p);
        let value = Polynomial::atom(atom);
        if turned {
            Polynomial::one().minus(&value)
        } else {
            value
        }
    }

    fn tanh(&mut self, p: &Polynomial) -> Polynomial {
        if p.is_zero() {
            return Polynomial::zero();
        }
        if self.depth.exponentials {
            // tanh(p) = (1 - exp(-2p)) / (1 + exp(-2p))
            let small = self.exp(&p.scaled(&Number::from_integer((-2).into())));
            return self.quotient(
                &Polynomial::one().minus(&small),
                &Polynomial::one().plus(&small),
            );
        }
        // tanh(-p) = -tanh(p)
        let (atom, turned) = self.oriented(Function::Tanh, p);
        let value = Polynomial::atom(atom);
        if turned { value.negated() } else { value }
    }

    fn softplus(&mut self, p: &Polynomial) -> Polynomial {
        // softplus(-p) = softplus(p) - p
        let (atom, turned) = self.oriented(Function::Softplus, p);
        let value = Polynomial::atom(atom);
        if turned { value.plus(p) } else { value }
    }

    /// exp(p), with what log and softplus make of it as factors before it.
    fn exp(&mut self, p: &Polynomial) -> Polynomial {
        let (mut rest, mut parts) = (Polynomial::zero(), Vec::new());
        for (monomial, coefficient) in p.terms() {
            let atom = Polynomial::term(Number::one(), monomial.clone()).as_atom();
            match (
                atom.map(|id| self.atoms.get(id)),
                small_integer(coefficient),
            ) {
                (
                    Some(Atom::Apply(function @ (Function::Log | Function::Softplus), a)),
                    Some(power),
                ) => {
                    parts.push((*function, a.clone(), power));
                }
                _ => rest.add_term(coefficient.clone(), monomial.clone()),
            }
        }
        let mut factor = Polynomial::one();
        for (function, a, power) in parts {
            let base = match function {
                // exp(log(a)) = a
                Function::Log => a,
                // exp(softplus(a)) = 1 + exp(a)
                _ if self.depth.exponentials => Polynomial::one().plus(&self.exp(&a)),
                // exp(softplus(a)) = exp(a) / sigmoid(a) = 1 / (1 - sigmoid(a)), whichever leaves less in exp
                _ => {
                    let other = rest
                        .clone()
                        .plus(&a.scaled(&Number::from_integer(power.into())));
                    let inverse = if other.term_count() < rest.term_count() {
                        rest = other;
                        self.sigmoid(&a)
                    } else {
                        Polynomial::one().minus(&self.sigmoid(&a))
                    };
                    self.inverse(&inverse)
                }
            };
            let base = if power < 0 { self.inverse(&base) } else { base };
            let value = self.power(&base, power.unsigned_abs());
            factor = self.times(&factor, &value);
        }
        if rest.is_zero() {
            return factor;
        }
        let (atom, _) = self.function_atom(Function::Exp, &rest, false);
        if factor.is_one() {
            Polynomial::atom(atom)
        } else {
            self.times(&factor, &Polynomial::atom(atom))
        }
    }

    fn log(&mut self, p: &Polynomial) -> Polynomial {
        if p.is_one() {
            return Polynomial::zero();
        }
        // log(exp(a) b) = a + log(b)
        let exponential = p.as_term().and_then(|(coefficient, monomial)| {
            monomial
                .powers()
                .find_map(|(id, exponent)| match self.atoms.get(id) {
                    Atom::Apply(Function::Exp, argument) if exponent == 1 => {
                        let (_, rest) = monomial.partition(|other| other == id);
                        Some((
                            argument.clone(),
                            Polynomial::term(coefficient.clone(), rest),
                        ))
                    }
                    _ => None,
                })
        });
        if let Some((argument, rest)) = exponential {
            return argument.plus(&self.log(&rest));
        }
        // log(1 + exp(a)) = softplus(a)
        let exponential = p.clone().minus(&Polynomial::one()).as_atom();
        if let Some(Atom::Apply(Function::Exp, a)) =
            exponential.map(|id| self.atoms.get(id).clone())
        {
            return self.softplus(&a);
        }
        // log(sigmoid(a)) = -softplus(-a), log(1 - sigmoid(a)) = -softplus(a)
        for (value, sign) in [(p.clone(), -1), (Polynomial::one().minus(p), 1)] {
            if let Some(Atom::Apply(Function::Sigmoid, a)) =
                value.as_atom().map(|id| self.atoms.get(id).clone())
            {
                return self
                    .softplus(&a.scaled(&Number::from_integer(sign.into())))
                    .negated();
            }
        }
        Polynomial::atom(self.function_atom(Function::Log, p, false).0)
    }

    fn sqrt(&mut self, p: &Polynomial) -> Polynomial {
        if let Some(root) = p.as_constant().and_then(|value| exact_root(&value)) {
            return Polynomial::constant(root);
        }
        // sqrt(c² m²) = |c m|
        if let Some((coefficient, monomial)) = p.as_term()
            && let Some(root) = exact_root(coefficient)
            && monomial.powers().all(|(_, exponent)| exponent % 2 == 0)
        {
            let half = monomial
                .powers()
                .map(|(id, exponent)| Monomial::power(id, exponent / 2));
            let half = half.fold(Monomial::default(), |product, power| product.times(&power));
            return self.apply(Function::Abs, &Polynomial::term(root, half));
        }
        // sqrt(c² a) = |c| sqrt(a)
        let coefficient = p.leading_coefficient().abs();
        let root = exact_root(&coefficient).unwrap_or_else(Number::one);
        let inner = p.scaled(&(&root * &root).recip());
        let (atom, _) = self.function_atom(Function::Sqrt, &inner, false);
        Polynomial::atom(atom).scaled(&root)
    }

    /// The atom f(p) or f(-p), whichever is used for both, and whether it is f(-p).
    fn oriented(&mut self, function: Function, p: &Polynomial) -> (AtomId, bool) {
        self.function_atom(function, p, true)
    }

    /// The atom f(p), or one whose argument equals p in another form; with `symmetric`, also f(-p).
    fn function_atom(
        &mut self,
        function: Function,
        p: &Polynomial,
        symmetric: bool,
    ) -> (AtomId, bool) {
        let known = self.find_equal(p, |atom| match atom {
            Atom::Apply(other, argument) if *other == function => Some(argument),
            _ => None,
        });
        if let Some((atom, turned)) = known
            && (symmetric || !turned)
        {
            return (atom, turned);
        }
        let turned = symmetric && p.is_negative();
        let argument = if turned { p.negated() } else { p.clone() };
        (
            self.atoms
                .of_polynomial(Atom::Apply(function, argument.clone()), &argument),
            turned,
        )
    }
}

/// The value of an integer of at most [`LARGEST_POWER`].
fn small_integer(value: &Number) -> Option<i32> {
    let integer = i32::try_from(value.to_integer()).ok()?;
    (value.is_integer() && integer.abs() <= LARGEST_POWER).then_some(integer)
}

/// The square root of the square of a number.
fn exact_root(value: &Number) -> Option<Number> {
    if value.is_negative() {
        return None;
    }
    let root = Number::new(value.numer().sqrt(), value.denom().sqrt());
    (&root * &root == *value).then_some(root)
}
