//! The derivative of every function, one rule a line.

use crate::expr::{Comparison, Function, Graph, NodeId};

/// f'(a), written with f(a) where that is cheaper than starting from a.
pub fn slope(graph: &mut Graph, function: Function, a: NodeId) -> NodeId {
    let shape = graph.shape(a).clone();
    let zero = graph.filled(0, &shape);
    let one = graph.filled(1, &shape);
    let y = graph.apply(function, a);
    match function {
        // exp' = exp
        Function::Exp => y,
        // log' = 1 / a
        Function::Log => graph.div(one, a),
        // sqrt' = 1 / (2 sqrt)
        Function::Sqrt => {
            let twice = graph.add(y, y);
            graph.div(one, twice)
        }
        // |a|' = sign(a), and 0 at 0
        Function::Abs => {
            let minus_one = graph.neg(one);
            let below = graph.select(Comparison::Less, a, zero, minus_one, zero);
            graph.select(Comparison::Greater, a, zero, one, below)
        }
        // sigmoid' = sigmoid (1 - sigmoid)
        Function::Sigmoid => {
            let rest = graph.sub(one, y);
            graph.mul(y, rest)
        }
        // tanh' = 1 - tanh²
        Function::Tanh => {
            let square = graph.mul(y, y);
            graph.sub(one, square)
        }
        // relu' = 1 above 0, and 0 at and below it
        Function::Relu => graph.select(Comparison::Greater, a, zero, one, zero),
        // logsigmoid' = 1 - sigmoid
        Function::LogSigmoid => {
            let sigmoid = graph.apply(Function::Sigmoid, a);
            graph.sub(one, sigmoid)
        }
        // softplus' = sigmoid
        Function::Softplus => graph.apply(Function::Sigmoid, a),
    }
}
