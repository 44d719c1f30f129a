//! Gers, Schmidhuber & Cummins 2000 with tanh squashing and one cell per block; the error signals are those of
//! Graves 2012, chapter 4, without the peephole terms.

use super::{Gradients, History, Oracle, Sequence, Shapes, logistics, sum, times, transposed};

/// The oracle of the LSTM with forget gate.
pub struct Lstm;

/// Cell outputs and states, then the gates and the cell input.
pub struct Trace {
    h: History,
    c: History,
    i: History,
    f: History,
    g: History,
    o: History,
}

/// Names of the input matrix, the recurrent matrix and the bias of the gates i, f, g, o.
pub const GATES: [(&str, &str, &str); 4] = [
    ("w_i", "u_i", "beta_i"),
    ("w_f", "u_f", "beta_f"),
    ("w_g", "u_g", "beta_g"),
    ("w_o", "u_o", "beta_o"),
];

impl Oracle for Lstm {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n) = (sizes[0], sizes[1]);
        let mut params = Vec::new();
        params.extend(GATES.map(|(w, _, _)| (w, n, i)));
        params.extend(GATES.map(|(_, u, _)| (u, n, n)));
        params.extend(GATES.map(|(_, _, beta)| (beta, n, 1)));
        Shapes {
            input: i,
            output: n,
            params,
            carried: vec![("c", n), ("h", n)],
        }
    }

    fn forward(q: &Sequence) -> Trace {
        let p = &q.params;
        let (mut h, mut c) = (vec![q.first["h"].clone()], vec![q.first["c"].clone()]);
        let (mut i, mut f, mut g, mut o) = (vec![], vec![], vec![], vec![]);
        for (t, x) in q.x.iter().enumerate() {
            let [a_i, a_f, a_g, a_o] =
                GATES.map(|(w, u, beta)| sum(&[&times(&p[w], x), &times(&p[u], &h[t]), &p[beta]]));
            i.push(logistics(&a_i));
            f.push(logistics(&a_f));
            g.push(a_g.iter().map(|a| a.tanh()).collect::<Vec<_>>());
            o.push(logistics(&a_o));
            let units = 0..h[t].len();
            let state = units
                .clone()
                .map(|j| f[t][j] * c[t][j] + i[t][j] * g[t][j])
                .collect::<Vec<_>>();
            h.push(units.map(|j| o[t][j] * state[j].tanh()).collect());
            c.push(state);
        }
        Trace { h, c, i, f, g, o }
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("c", &trace.c), ("h", &trace.h)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.h
    }

    fn backward(q: &Sequence, Trace { h, c, i, f, g, o }: &Trace) -> Gradients {
        let mut grad = Gradients::zero(q);
        let n = h[0].len();
        let (mut error_of_h, mut error_of_c) = (q.dlast["h"].clone(), q.dlast["c"].clone());
        for t in (0..q.x.len()).rev() {
            let mut delta = [const { Vec::new() }; 4];
            for j in 0..n {
                let epsilon_h = q.dy[t][j] + error_of_h[j];
                let squashed = c[t + 1][j].tanh();
                let epsilon_c = o[t][j] * (1.0 - squashed.powi(2)) * epsilon_h + error_of_c[j];
                delta[0].push(i[t][j] * (1.0 - i[t][j]) * g[t][j] * epsilon_c);
                delta[1].push(f[t][j] * (1.0 - f[t][j]) * c[t][j] * epsilon_c);
                delta[2].push((1.0 - g[t][j].powi(2)) * i[t][j] * epsilon_c);
                delta[3].push(o[t][j] * (1.0 - o[t][j]) * squashed * epsilon_h);
                error_of_c[j] = f[t][j] * epsilon_c;
            }
            let mut back = Vec::new();
            for ((w, u, beta), delta) in GATES.iter().zip(&delta) {
                grad.input(q, w, delta, t);
                grad.product(u, delta, &h[t]);
                grad.vector(beta, delta);
                back.push(transposed(&q.params[u], delta));
            }
            error_of_h = sum(&[&back[0], &back[1], &back[2], &back[3]]);
        }
        grad.first.insert("h", error_of_h);
        grad.first.insert("c", error_of_c);
        grad
    }
}
