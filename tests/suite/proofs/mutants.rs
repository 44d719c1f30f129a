//! Every stated signal of every shipped cell, wrong in every small way: none may pass.

use std::collections::BTreeMap;

use lstm_derive_engine::adjoint::Derivation;
use lstm_derive_engine::evaluate::{Trace, random_point};
use lstm_derive_engine::expr::{Function, Node, NodeId, Op, ParamId, QuantityId, Time};
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::prove::prove;

use super::sources::{SHIPPED, TOYS, compiled, fully_stated};

/// All expressions that differ from one in a single place: a kind of mistake and the result.
pub fn mutants(cell: &mut Cell, root: NodeId) -> Vec<(&'static str, NodeId)> {
    let mut result = Vec::new();
    for place in cell.graph.reachable(&[root]) {
        for (kind, other) in alternatives(cell, place) {
            result.push((
                kind,
                cell.graph
                    .rewrite(root, &mut |_, id| (id == place).then_some(other)),
            ));
        }
    }
    for (a, b) in pairs(cell, root) {
        let swapped = cell.graph.rewrite(root, &mut |_, id| match id {
            _ if id == a => Some(b),
            _ if id == b => Some(a),
            _ => None,
        });
        result.push(("two symbols swapped", swapped));
    }
    result.retain(|&(_, mutant)| mutant != root);
    result
}

/// Pairs of symbols of equal shape in an expression.
fn pairs(cell: &Cell, root: NodeId) -> Vec<(NodeId, NodeId)> {
    let mut symbols = cell.graph.reachable(&[root]);
    symbols.retain(|&id| is_symbol(cell.graph.op(id)));
    let all = symbols
        .iter()
        .enumerate()
        .flat_map(|(at, &a)| symbols[at + 1..].iter().map(move |&b| (a, b)));
    all.filter(|&(a, b)| cell.graph.shape(a) == cell.graph.shape(b))
        .collect()
}

fn is_symbol(op: &Op) -> bool {
    matches!(
        op,
        Op::Param(_) | Op::Quantity(..) | Op::Signal(..) | Op::Upstream(..)
    )
}

/// What a careless author might have written in place of one node.
fn alternatives(cell: &mut Cell, place: NodeId) -> Vec<(&'static str, NodeId)> {
    let Node { op, shape } = cell.graph.node(place).clone();
    let mut found = symbols(cell, place);
    let graph = &mut cell.graph;
    found.push(("sign", graph.neg(place)));
    let two = graph.filled(2, &shape);
    found.push(("coefficient 2", graph.mul(two, place)));
    match op {
        Op::Add(a, b) => {
            found.extend([("term dropped", a), ("term dropped", b)]);
            found.push(("sign of one term", graph.sub(a, b)));
            found.push(("sum for product", graph.mul(a, b)));
        }
        Op::Sub(a, b) => {
            let negated = graph.neg(b);
            found.extend([("term dropped", a), ("term dropped", negated)]);
            found.push(("sign of one term", graph.add(a, b)));
        }
        Op::Mul(a, b) => {
            found.extend([("factor dropped", a), ("factor dropped", b)]);
            found.push(("product for sum", graph.add(a, b)));
        }
        Op::Div(a, _) => found.push(("denominator dropped", a)),
        Op::Derivative(function, a) => {
            let others = Function::ALL
                .into_iter()
                .filter(|&(other, _)| other != function);
            found.extend(others.map(|(other, _)| ("other derivative", graph.derivative(other, a))));
            found.push(("derivative dropped", graph.filled(1, &shape)));
            found.push(("derivative of the function's value", {
                let value = graph.apply(function, a);
                graph.derivative(function, value)
            }));
            found.push(("function for derivative", graph.apply(function, a)));
        }
        Op::Apply(function, a) => {
            let others = Function::ALL
                .into_iter()
                .filter(|&(other, _)| other != function);
            found.extend(others.map(|(other, _)| ("other function", graph.apply(other, a))));
            found.push(("function dropped", a));
            found.push(("derivative for function", graph.derivative(function, a)));
        }
        Op::Sum(axis, a) => {
            let size = graph.add_node(Op::Size(axis), vec![]);
            found.push(("mean for sum", graph.div(place, size)));
            if let Op::Mul(p, q) = *graph.op(a) {
                let (left, right) = (graph.sum(axis, p), graph.sum(axis, q));
                found.push(("product of sums", graph.mul(left, right)));
            }
        }
        Op::Product {
            matrix,
            transposed,
            vector,
        } if *graph.shape(vector) == shape => {
            found.push(("product dropped", vector));
            found.push((
                "transposition",
                graph.product(matrix, !transposed, vector, shape.clone()),
            ));
        }
        _ => {}
    }
    if let [first, axis] = shape[..] {
        let sum = graph.sum(axis, place);
        found.push(("sum over the block", graph.broadcast(sum, &shape)));
        let size = graph.add_node(Op::Size(first), vec![]);
        found.push(("a size too much", graph.mul(size, place)));
    }
    found.retain(|&(_, other)| cell.graph.shape(other) == &shape);
    found
}

/// Other symbols of the same kind and shape, and the same symbol at other times.
fn symbols(cell: &mut Cell, place: NodeId) -> Vec<(&'static str, NodeId)> {
    let Node { op, shape } = cell.graph.node(place).clone();
    let quantities: Vec<QuantityId> = cell
        .quantity_ids()
        .filter(|&id| cell.quantity(id).shape == shape)
        .collect();
    let stated: Vec<QuantityId> = quantities
        .iter()
        .copied()
        .filter(|&id| cell.signal_of(id).is_some())
        .collect();
    let same_shape = |cell: &Cell, of: usize| -> Vec<usize> {
        let all = 0..cell.params.len();
        all.filter(|&at| {
            cell.params[at].shape == cell.params[of].shape
                && cell.params[at].role == cell.params[of].role
        })
        .collect()
    };
    let mut found: Vec<(&'static str, Op)> = Vec::new();
    match op {
        Op::Quantity(id, time) => {
            let times = [-1, 0, 1].into_iter().filter(|&other: &Time| other != time);
            found.extend(times.map(|other| ("time", Op::Quantity(id, other))));
            found.extend(
                quantities
                    .into_iter()
                    .map(|other| ("other quantity", Op::Quantity(other, time))),
            );
        }
        Op::Signal(id, time) => {
            found.push(("time", Op::Signal(id, 1 - time)));
            found.extend(
                stated
                    .into_iter()
                    .map(|other| ("other signal", Op::Signal(other, time))),
            );
        }
        Op::Upstream(id, time) => {
            found.push(("time", Op::Upstream(id, 1 - time)));
            found.push(("error for upstream", Op::Signal(id, time)));
        }
        Op::Param(id) => {
            for other in same_shape(cell, id.0) {
                found.push(("other parameter", Op::Param(ParamId(other))));
            }
        }
        Op::Product {
            matrix,
            transposed,
            vector,
        } => {
            for other in same_shape(cell, matrix.0) {
                let matrix = ParamId(other);
                found.push((
                    "other matrix",
                    Op::Product {
                        matrix,
                        transposed,
                        vector,
                    },
                ));
            }
        }
        _ => {}
    }
    let mut nodes: Vec<_> = found
        .into_iter()
        .map(|(kind, op)| (kind, cell.graph.add_node(op, shape.clone())))
        .collect();
    nodes.retain(|&(_, other)| other != place);
    nodes
}

/// Whether a wrong expression really has another value than the right one at some of some points.
pub fn differ(cell: &Cell, points: &[Trace], right: NodeId, wrong: NodeId) -> bool {
    points.iter().any(|point| {
        let (right, wrong) = (point.value(cell, right, 0), point.value(cell, wrong, 0));
        // Rounding is below 1e-13 here; a mistake that matters less than 1e-9 at all points would be no mistake.
        right.iter().zip(&wrong).any(|(a, b)| {
            a.is_finite() && (!b.is_finite() || (a - b).abs() > 1e-9 * a.abs().max(b.abs()))
        })
    })
}

/// What became of the mutants of one cell.
#[derive(Default)]
struct Count {
    rejected: usize,
    equal: usize,
    kinds: BTreeMap<&'static str, usize>,
    passed: Vec<String>,
}

fn count(cell: &mut Cell, derivation: &Derivation) -> Count {
    let points: Vec<Trace> = (1..=3)
        .map(|seed| random_point(cell, derivation, seed))
        .collect();
    let mut count = Count::default();
    for at in 0..cell.signals.len() {
        let right = cell.signals[at].stated;
        for (kind, wrong) in mutants(cell, right) {
            if !differ(cell, &points, right, wrong) {
                count.equal += 1;
                continue;
            }
            cell.signals[at].stated = wrong;
            match prove(cell, derivation) {
                Err(diagnostics)
                    if diagnostics.0.len() == 1 && diagnostics.0[0].code == "wrong-signal" =>
                {
                    count.rejected += 1;
                    *count.kinds.entry(kind).or_default() += 1;
                }
                outcome => {
                    let stated = lstm_derive_engine::print::expression(cell, wrong);
                    let name = &cell.signals[at].name.symbol;
                    count
                        .passed
                        .push(format!("{name} = {stated} ({kind}): {outcome:?}"));
                }
            }
        }
        cell.signals[at].stated = right;
    }
    count
}

/// Tries all mutants of some cells: none may pass, and there must be enough of them for that to mean something.
fn all_rejected(cells: impl Iterator<Item = (&'static str, Cell, Derivation)>, at_least: usize) {
    let (mut rejected, mut equal) = (0, 0);
    let mut kinds = BTreeMap::new();
    for (name, mut cell, derivation) in cells {
        let count = count(&mut cell, &derivation);
        println!(
            "{name}: {} wrong signals rejected, {} mutants are equal to the original",
            count.rejected, count.equal
        );
        assert!(count.passed.is_empty(), "{name}: {:#?}", count.passed);
        rejected += count.rejected;
        equal += count.equal;
        for (kind, number) in count.kinds {
            *kinds.entry(kind).or_insert(0) += number;
        }
    }
    println!("all cells: {rejected} rejected, {equal} equal; {kinds:#?}");
    assert!(
        rejected >= at_least,
        "only {rejected} mutants: is the generator broken?"
    );
}

#[test]
fn no_wrong_signal_of_a_shipped_cell_passes() {
    let cells = SHIPPED.into_iter().map(|(name, source)| {
        let (cell, derivation) = compiled(source);
        (name, cell, derivation)
    });
    all_rejected(cells, 3000);
}

/// The same for cells with quotients, conditions and normalisation, all of whose signals are stated.
#[test]
fn no_wrong_signal_of_other_cells_passes() {
    let cells = TOYS.into_iter().map(|(name, source)| {
        let (cell, derivation) = compiled(&fully_stated(&compiled(source).0));
        (name, cell, derivation)
    });
    all_rejected(cells, 1000);
}
