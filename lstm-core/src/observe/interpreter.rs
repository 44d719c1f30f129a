//! The equations of a cell, operation by operation, in f64: plain loops in one order, the same on every machine.

use lstm_kernels::CellSpec;
use lstm_kernels::equations::{Comparison, Function, Node};

/// The values of each quantity at one step, samples side by side; nothing for those that are not known.
pub(super) type Values = Vec<Option<Vec<f64>>>;

/// A cell bound to sizes and parameters, and a choice of quantities to compute.
pub(super) struct Interpreter {
    spec: CellSpec,
    sizes: Vec<usize>,
    /// The parameters that some needed operation reads; the others are empty.
    params: Vec<Vec<f64>>,
    /// The axes of every operation's result.
    axes: Vec<&'static [usize]>,
    /// Which operations are needed.
    nodes: Vec<bool>,
    /// Which quantities are computed here.
    quantities: Vec<bool>,
}

impl Interpreter {
    /// An interpreter that computes the quantities of `wanted`, by index, and what they need. Those of `given` are known
    /// from elsewhere. `param` gives the values of a parameter.
    pub(super) fn new(
        spec: CellSpec,
        sizes: &[usize],
        wanted: &[usize],
        given: &[usize],
        param: impl Fn(usize) -> Vec<f64>,
    ) -> Self {
        let mut nodes = vec![false; spec.nodes.len()];
        let mut quantities = vec![false; spec.quantities.len()];
        let mut open = wanted.to_vec();
        while let Some(quantity) = open.pop() {
            if given.contains(&quantity) || std::mem::replace(&mut quantities[quantity], true) {
                continue;
            }
            let mut stack = vec![spec.quantities[quantity].node];
            while let Some(node) = stack.pop() {
                if !std::mem::replace(&mut nodes[node], true) {
                    match spec.nodes[node] {
                        Node::Quantity(other) => open.push(other),
                        node => stack.extend(node.operands()),
                    }
                }
            }
        }
        let mut params = vec![Vec::new(); spec.params.len()];
        for (node, _) in spec.nodes.iter().zip(&nodes).filter(|(_, needed)| **needed) {
            if let Node::Param(index) | Node::Product(index, _) = *node {
                params[index] = param(index);
            }
        }
        Interpreter {
            axes: axes(&spec),
            sizes: sizes.to_vec(),
            spec,
            params,
            nodes,
            quantities,
        }
    }

    /// Completes the quantities `now` of a step from its input and from those of the step before.
    pub(super) fn step(&self, x: &[f64], batch: usize, before: &Values, now: &mut Values) {
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); self.nodes.len()];
        let mut next = 0;
        for (index, quantity) in self.spec.quantities.iter().enumerate() {
            if !self.quantities[index] {
                continue;
            }
            // Operations stand in the order of the quantities, so everything these need is there.
            for node in next..=quantity.node {
                if self.nodes[node] {
                    values[node] = self.compute(node, &values, x, batch, before, now);
                }
            }
            next = next.max(quantity.node + 1);
            now[index] = Some(values[quantity.node].clone());
        }
    }

    /// How many elements a value has.
    fn len(&self, axes: &[usize]) -> usize {
        axes.iter().map(|&axis| self.sizes[axis]).product()
    }

    fn compute(
        &self,
        node: usize,
        values: &[Vec<f64>],
        x: &[f64],
        batch: usize,
        before: &Values,
        now: &Values,
    ) -> Vec<f64> {
        let len = self.len(self.axes[node]);
        let known = |value: &Option<Vec<f64>>| {
            let missing = || vec![f64::NAN; len * batch];
            value.clone().unwrap_or_else(missing)
        };
        let each = |operand: usize, f: &dyn Fn(f64) -> f64| {
            values[operand].iter().map(|&value| f(value)).collect()
        };
        // The elements of an operand, of which a smaller one is repeated.
        let operand = |operand: usize| {
            let inner = self.len(self.axes[operand]);
            let value = &values[operand];
            move |(sample, row): (usize, usize)| value[sample * inner + row % inner]
        };
        let places = || (0..batch).flat_map(|sample| (0..len).map(move |row| (sample, row)));
        let both = |a: usize, b: usize, f: &dyn Fn(f64, f64) -> f64| {
            let (a, b) = (operand(a), operand(b));
            places().map(|place| f(a(place), b(place))).collect()
        };
        match self.spec.nodes[node] {
            Node::Number(value) => vec![value; batch],
            Node::Size(axis) => vec![self.sizes[axis] as f64; batch],
            Node::Param(index) => self.params[index].repeat(batch),
            Node::Input => x.to_vec(),
            Node::Quantity(index) => known(&now[index]),
            Node::Previous(index) => known(&before[index]),
            Node::Neg(a) => each(a, &|a| -a),
            Node::Apply(function, a) => each(a, &|a| apply(function, a)),
            Node::Add(a, b) => both(a, b, &|a, b| a + b),
            Node::Sub(a, b) => both(a, b, &|a, b| a - b),
            Node::Mul(a, b) => both(a, b, &|a, b| a * b),
            Node::Div(a, b) => both(a, b, &|a, b| a / b),
            Node::Max(a, b) => both(a, b, &|a, b| if a >= b { a } else { b }),
            Node::Min(a, b) => both(a, b, &|a, b| if a <= b { a } else { b }),
            Node::Select(sign, operands) => {
                let [left, right, then, otherwise] = operands.map(operand);
                let choose = |place| match compare(sign, left(place), right(place)) {
                    true => then(place),
                    false => otherwise(place),
                };
                places().map(choose).collect()
            }
            Node::Product(matrix, vector) => {
                product(&self.params[matrix], len, &values[vector], batch)
            }
            Node::Sum(a) => sum(&values[a], len, self.len(self.axes[a]), batch),
            Node::Repeat(a, _) => places().map(operand(a)).collect(),
            Node::Stop(a) => values[a].clone(),
        }
    }
}

/// The axes of every result.
fn axes(spec: &CellSpec) -> Vec<&'static [usize]> {
    let mut axes: Vec<&'static [usize]> = Vec::with_capacity(spec.nodes.len());
    for &node in spec.nodes {
        let result = match node {
            Node::Number(_) | Node::Size(_) => &[],
            Node::Param(index) => spec.params[index].axes,
            Node::Input => spec.input.axes,
            Node::Quantity(index) | Node::Previous(index) => spec.quantities[index].axes,
            Node::Product(matrix, _) => {
                let matrix = &spec.params[matrix];
                &matrix.axes[..matrix.row_axes]
            }
            Node::Sum(a) => axes[a].split_last().map_or(&[][..], |(_, rest)| rest),
            Node::Repeat(_, axes) => axes,
            // The smaller operands of an element-wise operation are repeated.
            other => other
                .operands()
                .map(|operand| axes[operand])
                .max_by_key(|axes| axes.len())
                .unwrap_or(&[]),
        };
        axes.push(result);
    }
    axes
}

/// The product of a matrix, column after column, with the vector of every sample: one chain of additions for each row.
fn product(matrix: &[f64], rows: usize, vectors: &[f64], batch: usize) -> Vec<f64> {
    let mut result = vec![0.0; rows * batch];
    let columns = matrix.len() / rows;
    let samples = result.chunks_exact_mut(rows);
    for (sums, vector) in samples.zip(vectors.chunks_exact(columns)) {
        for (column, &factor) in matrix.chunks_exact(rows).zip(vector) {
            for (sum, &weight) in sums.iter_mut().zip(column) {
                *sum += weight * factor;
            }
        }
    }
    result
}

/// The sums over the last axis: of `len` sums a sample, from `inner` elements.
fn sum(value: &[f64], len: usize, inner: usize, batch: usize) -> Vec<f64> {
    let mut result = vec![0.0; len * batch];
    let samples = result.chunks_exact_mut(len);
    for (sums, value) in samples.zip(value.chunks_exact(inner)) {
        for plane in value.chunks_exact(len) {
            for (sum, &value) in sums.iter_mut().zip(plane) {
                *sum += value;
            }
        }
    }
    result
}

fn compare(sign: Comparison, a: f64, b: f64) -> bool {
    match sign {
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
    }
}

fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::Log => x.ln(),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Function::Tanh => x.tanh(),
        // Written so that a NaN stays one.
        Function::Relu if x < 0.0 => 0.0,
        Function::Relu => x,
        Function::LogSigmoid => -softplus(-x),
        Function::Softplus => softplus(x),
    }
}

/// log(1 + e^x), without overflow; NaN stays NaN.
fn softplus(x: f64) -> f64 {
    let linear = if x < 0.0 { 0.0 } else { x };
    linear + (-x.abs()).exp().ln_1p()
}
