//! Every stated signal of every shipped cell in other words: all of them must pass.

use std::collections::BTreeMap;

use lstm_derive_engine::adjoint::Derivation;
use lstm_derive_engine::evaluate::Random;
use lstm_derive_engine::expr::{Comparison, Function, Graph, Node, NodeId, Op, QuantityId};
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::prove::prove;
use lstm_derive_engine::rules::slope;

use super::sources::{SHIPPED, TOYS, compiled, fully_stated};

/// An expression and the rule that gave it.
type Form = (&'static str, NodeId);

/// Equal expressions for one node, each with the rule that gives it.
fn rewrites(cell: &mut Cell, place: NodeId) -> Vec<Form> {
    let Node { op, shape } = cell.graph.node(place).clone();
    let mut found = definitions(cell, place);
    let other = other_expression(cell, place);
    let graph = &mut cell.graph;
    arithmetic(graph, place, other, &mut found);
    match op {
        Op::Add(a, b) => {
            found.push(("terms reordered", graph.add_node(Op::Add(b, a), shape)));
            reassociated(graph, place, &mut found);
            factored(graph, a, b, &mut found);
        }
        Op::Sub(a, b) => {
            let turned = graph.sub(b, a);
            found.push(("terms reordered", graph.neg(turned)));
        }
        Op::Mul(a, b) => {
            found.push(("factors reordered", graph.add_node(Op::Mul(b, a), shape)));
            reassociated(graph, place, &mut found);
            expanded(graph, a, b, &mut found);
            let (sum, difference) = (graph.add(a, b), graph.sub(a, b));
            let (plus, minus) = (graph.mul(sum, sum), graph.mul(difference, difference));
            let (gap, four) = (graph.sub(plus, minus), graph.integer(4));
            found.push(("product as a difference of squares", graph.div(gap, four)));
        }
        Op::Derivative(function, a) => {
            found.push(("derivative written out", slope(graph, function, a)));
        }
        Op::Apply(function, a) => function_rewrites(graph, function, a, place, &mut found),
        Op::Sum(axis, a) => {
            let inner = graph.shape(a).clone();
            let wide = graph.broadcast(other, &inner);
            let sum = graph.add(a, wide);
            let (both, alone) = (graph.sum(axis, sum), graph.sum(axis, wide));
            found.push(("sum over the block split", graph.sub(both, alone)));
            let scaled = graph.mul(a, wide);
            let sum = graph.sum(axis, scaled);
            found.push(("factor taken into the sum", graph.div(sum, other)));
        }
        Op::Product {
            matrix,
            transposed,
            vector,
        } => {
            let (zero, scale) = (graph.sub(vector, vector), graph.integer(3));
            let scaled = graph.mul(scale, vector);
            let parts = graph.sub(scaled, vector);
            let [whole, alone, nothing] = [parts, vector, zero].map(|v| {
                graph.add_node(
                    Op::Product {
                        matrix,
                        transposed,
                        vector: v,
                    },
                    shape.clone(),
                )
            });
            let rest = graph.sub(whole, alone);
            found.push(("matrix product distributed", graph.add(rest, nothing)));
        }
        _ => {}
    }
    found
}

/// Rewrites that fit every expression.
fn arithmetic(graph: &mut Graph, place: NodeId, other: NodeId, found: &mut Vec<Form>) {
    let shape = graph.shape(place).clone();
    let negated = graph.add_node(Op::Neg(place), shape.clone());
    found.push((
        "negated twice",
        graph.add_node(Op::Neg(negated), shape.clone()),
    ));
    // 2 + tanh(q)², which is never 0
    let square = graph.mul(other, other);
    let two = graph.integer(2);
    let factor = graph.add(two, square);
    let multiplied = graph.mul(place, factor);
    found.push(("multiplied and divided", graph.div(multiplied, factor)));
    let divided = graph.div(place, factor);
    let (half, rest) = (graph.mul(divided, two), graph.mul(divided, square));
    found.push(("split over a denominator", graph.add(half, rest)));
    let wide = graph.broadcast(other, &shape);
    let (more, less) = (graph.add(place, wide), graph.sub(place, wide));
    let sum = graph.add(more, less);
    found.push(("mean of two", graph.div(sum, two)));
    let zero = graph.integer(0);
    found.push(("both branches of a condition", {
        let above = graph.select(Comparison::Greater, wide, zero, place, zero);
        let below = graph.select(Comparison::Greater, wide, zero, zero, place);
        graph.add(above, below)
    }));
}

/// (a + b) + c as a + (b + c), and likewise for products.
fn reassociated(graph: &mut Graph, place: NodeId, found: &mut Vec<Form>) {
    let shape = graph.shape(place).clone();
    match *graph.op(place) {
        Op::Add(left, c) => {
            if let Op::Add(a, b) = *graph.op(left) {
                let right = graph.add_node(Op::Add(b, c), shape.clone());
                found.push(("terms regrouped", graph.add_node(Op::Add(a, right), shape)));
            }
        }
        Op::Mul(left, c) => {
            if let Op::Mul(a, b) = *graph.op(left) {
                let right = graph.add_node(Op::Mul(b, c), shape.clone());
                found.push((
                    "factors regrouped",
                    graph.add_node(Op::Mul(a, right), shape),
                ));
            }
        }
        _ => {}
    }
}

/// a + b as a (1 + b / a), unless a is 0 in some case.
fn factored(graph: &mut Graph, a: NodeId, b: NodeId, found: &mut Vec<Form>) {
    let has_cases = |op: &Op| matches!(op, Op::Select { .. } | Op::Apply(Function::Relu, _));
    if graph
        .reachable(&[a])
        .into_iter()
        .any(|id| has_cases(graph.op(id)))
    {
        return;
    }
    let (ratio, one) = (graph.div(b, a), graph.integer(1));
    let sum = graph.add(one, ratio);
    found.push(("first term factored out", graph.mul(a, sum)));
}

/// (x + y) b as x b + y b, for a sum on either side.
fn expanded(graph: &mut Graph, a: NodeId, b: NodeId, found: &mut Vec<Form>) {
    for (sum, factor) in [(a, b), (b, a)] {
        match *graph.op(sum) {
            Op::Add(x, y) => {
                let (left, right) = (graph.mul(x, factor), graph.mul(y, factor));
                found.push(("multiplied out", graph.add(left, right)));
            }
            Op::Sub(x, y) => {
                let (left, right) = (graph.mul(x, factor), graph.mul(y, factor));
                found.push(("multiplied out", graph.sub(left, right)));
            }
            _ => {}
        }
    }
}

/// Functions by other functions.
fn function_rewrites(
    graph: &mut Graph,
    function: Function,
    a: NodeId,
    place: NodeId,
    found: &mut Vec<Form>,
) {
    let (one, two) = (graph.integer(1), graph.integer(2));
    let turned = graph.neg(a);
    match function {
        Function::Sigmoid => {
            let other = graph.apply(function, turned);
            found.push(("sigmoid of the opposite", graph.sub(one, other)));
            let small = graph.apply(Function::Exp, turned);
            let denominator = graph.add(one, small);
            found.push(("sigmoid by exp", graph.div(one, denominator)));
        }
        Function::Tanh => {
            let other = graph.apply(function, turned);
            found.push(("tanh of the opposite", graph.neg(other)));
            let twice = graph.mul(two, a);
            let sigmoid = graph.apply(Function::Sigmoid, twice);
            let scaled = graph.mul(two, sigmoid);
            found.push(("tanh by sigmoid", graph.sub(scaled, one)));
        }
        _ => {}
    }
    let log = graph.apply(Function::Exp, place);
    found.push(("log of exp", graph.apply(Function::Log, log)));
}

/// Quantities and signals by their definitions, and functions by the quantities they define.
fn definitions(cell: &mut Cell, place: NodeId) -> Vec<Form> {
    let Node { op, shape } = cell.graph.node(place).clone();
    let mut found = Vec::new();
    match op {
        Op::Quantity(id, time) if time >= 0 => {
            let definition = cell.quantity(id).definition;
            found.push(("definition written out", cell.graph.shift(definition, time)));
        }
        Op::Signal(of, time) => {
            if let Some(stated) = cell
                .signal_of(of)
                .map(|signal| signal.stated)
                .filter(|_| time == 0)
            {
                found.push(("other signal written out", stated));
            }
        }
        Op::Apply(..) => {
            for id in cell.quantity_ids() {
                for time in [0, 1] {
                    let definition = cell.quantity(id).definition;
                    if cell.graph.shift(definition, time) == place {
                        found.push((
                            "quantity for its definition",
                            cell.graph.add_node(Op::Quantity(id, time), shape.clone()),
                        ));
                    }
                }
            }
        }
        _ => {}
    }
    found
}

/// tanh of some quantity that can stand beside a node: of its shape or a prefix of it.
fn other_expression(cell: &mut Cell, place: NodeId) -> NodeId {
    let shape = match *cell.graph.op(place) {
        Op::Sum(_, a) => cell.graph.shape(a).clone(),
        _ => cell.graph.shape(place).clone(),
    };
    let own = cell.graph.shape(place).clone();
    let fits = |cell: &Cell, id: QuantityId| {
        let other = &cell.quantity(id).shape;
        shape.starts_with(other) && own.starts_with(other)
    };
    let quantity = cell.quantity_ids().find(|&id| fits(cell, id));
    match quantity {
        Some(id) => {
            let shape = cell.quantity(id).shape.clone();
            let leaf = cell.graph.add_node(Op::Quantity(id, 0), shape);
            cell.graph.apply(Function::Tanh, leaf)
        }
        None => cell.graph.integer(7),
    }
}

#[derive(Default)]
struct Count {
    accepted: usize,
    kinds: BTreeMap<&'static str, usize>,
    failed: Vec<String>,
}

impl Count {
    /// Proves a cell with one signal in another form.
    fn add(
        &mut self,
        cell: &mut Cell,
        derivation: &Derivation,
        at: usize,
        kind: &'static str,
        form: NodeId,
    ) {
        let original = std::mem::replace(&mut cell.signals[at].stated, form);
        match prove(cell, derivation) {
            Ok(_) => {
                self.accepted += 1;
                *self.kinds.entry(kind).or_default() += 1;
            }
            Err(diagnostics) => {
                let stated = lstm_derive_engine::print::expression(cell, form);
                let message = &diagnostics.0[0].message;
                self.failed.push(format!(
                    "{} = {stated} ({kind}): {message}",
                    cell.signals[at].name.symbol
                ));
            }
        }
        cell.signals[at].stated = original;
    }
}

/// All expressions with one node replaced by an equal one.
fn applied_everywhere(cell: &mut Cell, root: NodeId) -> Vec<Form> {
    let places = cell.graph.reachable(&[root]);
    let mut forms: Vec<_> = places
        .into_iter()
        .flat_map(|place| applied_at(cell, root, place))
        .collect();
    forms.retain(|&(_, form)| form != root);
    forms
}

/// All expressions with one given node replaced by an equal one.
fn applied_at(cell: &mut Cell, root: NodeId, place: NodeId) -> Vec<Form> {
    let rewrites = rewrites(cell, place);
    let replaced = |(kind, other)| {
        (
            kind,
            cell.graph
                .rewrite(root, &mut |_, id| (id == place).then_some(other)),
        )
    };
    rewrites.into_iter().map(replaced).collect()
}

/// Runs `forms` on every signal of some cells: all forms it gives must be accepted.
fn all_accepted(
    cells: impl Iterator<Item = (&'static str, Cell, Derivation)>,
    at_least: usize,
    forms: &mut dyn FnMut(&mut Cell, NodeId) -> Vec<Form>,
) {
    let mut total = Count::default();
    for (name, mut cell, derivation) in cells {
        let before = total.accepted;
        for at in 0..cell.signals.len() {
            let original = cell.signals[at].stated;
            for (kind, form) in forms(&mut cell, original) {
                total.add(&mut cell, &derivation, at, kind, form);
            }
        }
        println!("{name}: {} forms accepted", total.accepted - before);
        assert!(
            total.failed.is_empty(),
            "{name}: {} failed, such as {}",
            total.failed.len(),
            total.failed[0]
        );
    }
    println!("all cells: {} accepted; {:#?}", total.accepted, total.kinds);
    assert!(
        total.accepted >= at_least,
        "only {} forms: is the generator broken?",
        total.accepted
    );
}

fn shipped() -> impl Iterator<Item = (&'static str, Cell, Derivation)> {
    SHIPPED.into_iter().map(|(name, source)| {
        let (cell, derivation) = compiled(source);
        (name, cell, derivation)
    })
}

#[test]
fn every_equal_form_passes() {
    all_accepted(shipped(), 2000, &mut applied_everywhere);
}

/// The same for cells with quotients, conditions and normalisation, all of whose signals are stated.
#[test]
fn every_equal_form_in_other_cells_passes() {
    let cells = TOYS.into_iter().map(|(name, source)| {
        let (cell, derivation) = compiled(&fully_stated(&compiled(source).0));
        (name, cell, derivation)
    });
    all_accepted(cells, 1000, &mut applied_everywhere);
}

/// Four rewrites on top of each other, drawn at random from a fixed seed.
#[test]
fn forms_of_forms_pass() {
    let mut random = Random::new(3);
    let mut draw = move |len: usize| ((random.draw() + 1.0) / 2.0 * len as f64) as usize % len;
    let mut chain = move |cell: &mut Cell, original: NodeId| {
        let mut last = ("", original);
        for _ in 0..4 {
            let places = cell.graph.reachable(&[last.1]);
            let forms = applied_at(cell, last.1, places[draw(places.len())]);
            last = forms[draw(forms.len())];
        }
        last
    };
    all_accepted(shipped(), 4000, &mut |cell, original| {
        (0..80).map(|_| chain(cell, original)).collect()
    });
}
