//! Gradients of scalar parameters, followed back to the lanes whose sum they are.

use super::super::dag::{Compute, Dag, ValueId};

/// Whether a value is zero everywhere.
pub(super) fn is_zero(dag: &Dag, id: ValueId) -> bool {
    match dag.compute(id) {
        Compute::Number(number) => num_traits::Zero::is_zero(number),
        Compute::Broadcast(inner) => is_zero(dag, *inner),
        _ => false,
    }
}

/// Writes a scalar that is linear in sums over units as lanes whose sum over units it is.
pub(super) fn distribute(dag: &mut Dag, id: ValueId, lanes: &mut Vec<ValueId>) {
    match dag.compute(id).clone() {
        Compute::Reduce(inner) => lanes.push(inner),
        Compute::Add(a, b) => {
            distribute(dag, a, lanes);
            distribute(dag, b, lanes);
        }
        Compute::Sub(a, b) => {
            distribute(dag, a, lanes);
            distribute_through(dag, b, lanes, |_, inner| Compute::Neg(inner));
        }
        Compute::Neg(a) => distribute_through(dag, a, lanes, |_, inner| Compute::Neg(inner)),
        Compute::Mul(a, b) => {
            let (factor, sum) = if contains_reduce(dag, b) {
                (a, b)
            } else {
                (b, a)
            };
            distribute_through(dag, sum, lanes, |factor_lanes, inner| {
                Compute::Mul(factor_lanes(factor), inner)
            });
        }
        Compute::Div(a, b) => {
            distribute_through(dag, a, lanes, |factor_lanes, inner| {
                Compute::Div(inner, factor_lanes(b))
            });
        }
        Compute::Select(sign, [left, right, then, otherwise]) => {
            for (branch, kept_first) in [(then, true), (otherwise, false)] {
                distribute_through(dag, branch, lanes, |factor_lanes, inner| {
                    let zero = factor_lanes(ValueId(usize::MAX));
                    let (first, second) = if kept_first {
                        (inner, zero)
                    } else {
                        (zero, inner)
                    };
                    Compute::Select(
                        sign,
                        [factor_lanes(left), factor_lanes(right), first, second],
                    )
                });
            }
        }
        _ => {}
    }
}

/// Applies `outer` to each lane vector of a distributed sum. `outer` can ask for a scalar repeated over the lanes
/// (`usize::MAX` asks for zeros).
fn distribute_through(
    dag: &mut Dag,
    sum: ValueId,
    lanes: &mut Vec<ValueId>,
    outer: impl Fn(&mut dyn FnMut(ValueId) -> ValueId, ValueId) -> Compute,
) {
    let mut inner = Vec::new();
    distribute(dag, sum, &mut inner);
    for value in inner {
        let shape = dag.shape(value).clone();
        let mut repeat = |scalar: ValueId| {
            let scalar = if scalar == ValueId(usize::MAX) {
                dag.add(Compute::Number(num_traits::Zero::zero()), vec![])
            } else {
                scalar
            };
            dag.add(Compute::Broadcast(scalar), shape.clone())
        };
        let compute = outer(&mut repeat, value);
        lanes.push(dag.add(compute, shape));
    }
}

fn contains_reduce(dag: &Dag, id: ValueId) -> bool {
    matches!(dag.compute(id), Compute::Reduce(_))
        || dag
            .compute(id)
            .operands()
            .into_iter()
            .any(|operand| contains_reduce(dag, operand))
}
