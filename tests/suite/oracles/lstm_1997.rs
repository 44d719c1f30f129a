//! Hochreiter & Schmidhuber 1997 with the whole gradient: blocks of C cells share an input and an output gate, and
//! every net input sees all cells and all gates one step ago. A cell is numbered j = n + N c; its block is j mod N.
//!
//! g(a) = 4 f(a) - 2 has the slope 4 f (1 - f) = 1 - g²/4; h(s) = 2 f(s) - 1 has the slope 2 f (1 - f) = (1 - h²)/2.

use super::{
    Gradients, History, Oracle, Sequence, Shapes, logistic, logistics, sum, times, transposed,
};

/// The oracle of the first LSTM, full gradient.
pub struct Lstm1997;

/// Cell outputs, gates and states, then the squashed cell inputs.
pub struct Trace {
    pub y_c: History,
    pub y_in: History,
    pub y_out: History,
    pub s: History,
    pub g: History,
}

/// Parameter names by target: from the input, the cells, the input gates, the output gates, and the bias.
pub const WEIGHTS: [[&str; 5]; 3] = [
    ["w_in", "u_in", "v_in", "r_in", "beta_in"],
    ["w_out", "u_out", "v_out", "r_out", "beta_out"],
    ["w_c", "u_c", "v_c", "r_c", "beta_c"],
];

/// Runs a sequence; what the net inputs see of the step before comes from `seen`, or from the run itself.
pub fn run(q: &Sequence, seen: Option<&Trace>) -> Trace {
    let p = &q.params;
    let blocks = q.sizes[1];
    let mut trace = Trace {
        y_c: vec![q.first["y_c"].clone()],
        y_in: vec![q.first["y_in"].clone()],
        y_out: vec![q.first["y_out"].clone()],
        s: vec![q.first["s"].clone()],
        g: vec![],
    };
    for (t, x) in q.x.iter().enumerate() {
        let Trace {
            y_c, y_in, y_out, ..
        } = seen.unwrap_or(&trace);
        let [net_in, net_out, net_c] = WEIGHTS.map(|[w, u, v, r, beta]| {
            let from_gates = sum(&[&times(&p[v], &y_in[t]), &times(&p[r], &y_out[t])]);
            sum(&[
                &times(&p[w], x),
                &times(&p[u], &y_c[t]),
                &from_gates,
                &p[beta],
            ])
        });
        let (y_in, y_out) = (logistics(&net_in), logistics(&net_out));
        let g = net_c
            .iter()
            .map(|&a| 4.0 * logistic(a) - 2.0)
            .collect::<Vec<_>>();
        let s = (0..g.len())
            .map(|j| trace.s[t][j] + y_in[j % blocks] * g[j])
            .collect::<Vec<_>>();
        trace
            .y_c
            .push((0..g.len()).map(|j| y_out[j % blocks] * h(s[j])).collect());
        trace.y_in.push(y_in);
        trace.y_out.push(y_out);
        trace.s.push(s);
        trace.g.push(g);
    }
    trace
}

/// Squashes a state to [-1, 1].
pub fn h(s: f64) -> f64 {
    2.0 * logistic(s) - 1.0
}

/// The vectors and matrices of both 1997 cells.
pub fn shapes(sizes: &[usize]) -> Shapes {
    let (i, n, cells) = (sizes[0], sizes[1], sizes[1] * sizes[2]);
    let rows = [n, n, cells];
    let mut params = Vec::new();
    for (source, columns) in [i, cells, n, n, 1].into_iter().enumerate() {
        params.extend((0..3).map(|target| (WEIGHTS[target][source], rows[target], columns)));
    }
    let carried = vec![("y_in", n), ("y_out", n), ("s", cells), ("y_c", cells)];
    Shapes {
        input: i,
        output: cells,
        params,
        carried,
    }
}

/// The carried states of both 1997 cells.
pub fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
    vec![
        ("y_in", &trace.y_in),
        ("y_out", &trace.y_out),
        ("s", &trace.s),
        ("y_c", &trace.y_c),
    ]
}

impl Oracle for Lstm1997 {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        shapes(sizes)
    }

    fn forward(q: &Sequence) -> Trace {
        run(q, None)
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        carried(trace)
    }

    fn output(trace: &Trace) -> &History {
        &trace.y_c
    }

    fn backward(
        q: &Sequence,
        Trace {
            y_c,
            y_in,
            y_out,
            s,
            g,
        }: &Trace,
    ) -> Gradients {
        let blocks = q.sizes[1];
        let cells = 0..y_c[0].len();
        let mut grad = Gradients::zero(q);
        let [
            mut error_of_c,
            mut error_of_in,
            mut error_of_out,
            mut error_of_s,
        ] = ["y_c", "y_in", "y_out", "s"].map(|name| q.dlast[name].clone());
        for t in (0..q.x.len()).rev() {
            // The errors of the gates start with what the next step sends back and collect their block's cells.
            let mut theta_c = vec![];
            for j in cells.clone() {
                let n = j % blocks;
                let epsilon_c = q.dy[t][j] + error_of_c[j];
                let squashed = h(s[t + 1][j]);
                error_of_out[n] += squashed * epsilon_c;
                // The carousel: the error of the state goes on to the step before as it is.
                error_of_s[j] += y_out[t + 1][n] * (1.0 - squashed.powi(2)) / 2.0 * epsilon_c;
                error_of_in[n] += g[t][j] * error_of_s[j];
                theta_c.push(y_in[t + 1][n] * (1.0 - g[t][j].powi(2) / 4.0) * error_of_s[j]);
            }
            let gate = |y: &[f64], error: &[f64]| {
                (0..blocks)
                    .map(|n| y[n] * (1.0 - y[n]) * error[n])
                    .collect()
            };
            let theta: [Vec<f64>; 3] = [
                gate(&y_in[t + 1], &error_of_in),
                gate(&y_out[t + 1], &error_of_out),
                theta_c,
            ];
            for ([w, u, v, r, beta], theta) in WEIGHTS.iter().zip(&theta) {
                grad.input(q, w, theta, t);
                grad.product(u, theta, &y_c[t]);
                grad.product(v, theta, &y_in[t]);
                grad.product(r, theta, &y_out[t]);
                grad.vector(beta, theta);
            }
            let back = |source: usize| {
                let parts = [0, 1, 2]
                    .map(|target| transposed(&q.params[WEIGHTS[target][source]], &theta[target]));
                sum(&[&parts[0], &parts[1], &parts[2]])
            };
            (error_of_c, error_of_in, error_of_out) = (back(1), back(2), back(3));
        }
        grad.first.insert("y_c", error_of_c);
        grad.first.insert("y_in", error_of_in);
        grad.first.insert("y_out", error_of_out);
        grad.first.insert("s", error_of_s);
        grad
    }
}
