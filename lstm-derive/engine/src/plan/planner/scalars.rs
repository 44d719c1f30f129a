//! Gradients of scalar parameters, followed back to the lanes whose sum they are.

use std::collections::HashMap;

use super::super::dag::{Compute, Dag, ValueId};

/// Whether a value is zero everywhere.
pub(super) fn is_zero(dag: &Dag, id: ValueId) -> bool {
    match dag.compute(id) {
        Compute::Number(number) => num_traits::Zero::is_zero(number),
        Compute::Broadcast(inner) => is_zero(dag, *inner),
        _ => false,
    }
}

/// Writes scalars that are linear in sums over units as lanes whose sums over units they are.
///
/// What is known of a value is kept, and lanes of one shape are added up before anything else is done with them: along a chain
/// of scalars of which each is used twice, there are twice as many ways to a sum at every step.
pub(super) struct Distribution<'a> {
    dag: &'a mut Dag,
    lanes: HashMap<ValueId, Vec<ValueId>>,
    has_sum: HashMap<ValueId, bool>,
}

impl<'a> Distribution<'a> {
    pub(super) fn new(dag: &'a mut Dag) -> Self {
        Self {
            dag,
            lanes: HashMap::new(),
            has_sum: HashMap::new(),
        }
    }

    /// The lanes of a scalar, at most one vector of a shape; a vector is its own.
    pub(super) fn lanes(&mut self, id: ValueId) -> Vec<ValueId> {
        if let Some(known) = self.lanes.get(&id) {
            return known.clone();
        }
        let lanes = self.distribute(id);
        self.lanes.insert(id, lanes.clone());
        lanes
    }

    fn distribute(&mut self, id: ValueId) -> Vec<ValueId> {
        match self.dag.compute(id).clone() {
            _ if !self.dag.shape(id).is_empty() => vec![id],
            Compute::Reduce(inner) => vec![inner],
            Compute::Add(a, b) => {
                let (a, b) = (self.lanes(a), self.lanes(b));
                self.added(a, b)
            }
            Compute::Sub(a, b) => {
                let (a, b) = (self.lanes(a), self.negative(b));
                self.added(a, b)
            }
            Compute::Neg(a) => self.negative(a),
            Compute::Mul(a, b) => {
                let (factor, sum) = if self.has_sum(b) { (a, b) } else { (b, a) };
                self.each(sum, |this, lanes| {
                    let factor = this.repeated(factor, lanes);
                    this.like(lanes, Compute::Mul(factor, lanes))
                })
            }
            Compute::Div(a, b) => self.each(a, |this, lanes| {
                let divisor = this.repeated(b, lanes);
                this.like(lanes, Compute::Div(lanes, divisor))
            }),
            Compute::Select(sign, [left, right, then, otherwise]) => {
                let select = |this: &mut Self, lanes, is_first| {
                    let zero = this
                        .dag
                        .add(Compute::Number(num_traits::Zero::zero()), vec![]);
                    let zero = this.repeated(zero, lanes);
                    let (left, right) = (this.repeated(left, lanes), this.repeated(right, lanes));
                    let (first, second) = if is_first {
                        (lanes, zero)
                    } else {
                        (zero, lanes)
                    };
                    this.like(lanes, Compute::Select(sign, [left, right, first, second]))
                };
                let then = self.each(then, |this, lanes| select(this, lanes, true));
                let otherwise = self.each(otherwise, |this, lanes| select(this, lanes, false));
                self.added(then, otherwise)
            }
            _ => vec![],
        }
    }

    fn negative(&mut self, id: ValueId) -> Vec<ValueId> {
        self.each(id, |this, lanes| this.like(lanes, Compute::Neg(lanes)))
    }

    /// The lanes of a scalar, each of which was given to a linear function.
    fn each(
        &mut self,
        id: ValueId,
        mut function: impl FnMut(&mut Self, ValueId) -> ValueId,
    ) -> Vec<ValueId> {
        let lanes = self.lanes(id);
        lanes.into_iter().map(|id| function(self, id)).collect()
    }

    /// The lanes of a sum.
    fn added(&mut self, mut sums: Vec<ValueId>, others: Vec<ValueId>) -> Vec<ValueId> {
        for other in others {
            let shape = self.dag.shape(other);
            match sums.iter().position(|&sum| self.dag.shape(sum) == shape) {
                Some(place) => sums[place] = self.like(other, Compute::Add(sums[place], other)),
                None => sums.push(other),
            }
        }
        sums
    }

    /// A value of the shape of these lanes.
    fn like(&mut self, lanes: ValueId, compute: Compute) -> ValueId {
        let shape = self.dag.shape(lanes).clone();
        self.dag.add(compute, shape)
    }

    /// A scalar repeated over the lanes.
    fn repeated(&mut self, scalar: ValueId, lanes: ValueId) -> ValueId {
        self.like(lanes, Compute::Broadcast(scalar))
    }

    fn has_sum(&mut self, id: ValueId) -> bool {
        if let Some(&known) = self.has_sum.get(&id) {
            return known;
        }
        let compute = self.dag.compute(id);
        let is_sum = matches!(compute, Compute::Reduce(_));
        let mut operands = compute.operands().into_iter();
        let result = is_sum || operands.any(|operand| self.has_sum(operand));
        self.has_sum.insert(id, result);
        result
    }
}
