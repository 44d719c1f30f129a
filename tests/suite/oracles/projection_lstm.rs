//! Sak, Senior & Beaufays 2014 without peepholes: the gates see the projection r = P m of the cell outputs m.

use super::lstm::GATES;
use super::{Gradients, History, Oracle, Sequence, Shapes, logistics, sum, times, transposed};

/// The oracle of the LSTM with recurrent projection.
pub struct ProjectionLstm;

/// Projections and states, then cell outputs, gates and the cell input.
pub struct Trace {
    r: History,
    c: History,
    m: History,
    i: History,
    f: History,
    g: History,
    o: History,
}

impl Oracle for ProjectionLstm {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n, r) = (sizes[0], sizes[1], sizes[2]);
        let mut params = Vec::new();
        params.extend(GATES.map(|(w, _, _)| (w, n, i)));
        params.extend(GATES.map(|(_, u, _)| (u, n, r)));
        params.extend(GATES.map(|(_, _, beta)| (beta, n, 1)));
        params.push(("p", r, n));
        Shapes {
            input: i,
            output: r,
            params,
            carried: vec![("c", n), ("r", r)],
        }
    }

    fn forward(q: &Sequence) -> Trace {
        let p = &q.params;
        let (mut r, mut c) = (vec![q.first["r"].clone()], vec![q.first["c"].clone()]);
        let (mut m, mut i, mut f, mut g, mut o) = (vec![], vec![], vec![], vec![], vec![]);
        for (t, x) in q.x.iter().enumerate() {
            let [a_i, a_f, a_g, a_o] =
                GATES.map(|(w, u, beta)| sum(&[&times(&p[w], x), &times(&p[u], &r[t]), &p[beta]]));
            i.push(logistics(&a_i));
            f.push(logistics(&a_f));
            g.push(a_g.iter().map(|a| a.tanh()).collect::<Vec<_>>());
            o.push(logistics(&a_o));
            let units = 0..c[t].len();
            let state = units
                .clone()
                .map(|j| f[t][j] * c[t][j] + i[t][j] * g[t][j])
                .collect::<Vec<_>>();
            m.push(units.map(|j| o[t][j] * state[j].tanh()).collect::<Vec<_>>());
            c.push(state);
            r.push(times(&p["p"], &m[t]));
        }
        Trace {
            r,
            c,
            m,
            i,
            f,
            g,
            o,
        }
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("c", &trace.c), ("r", &trace.r)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.r
    }

    fn backward(
        q: &Sequence,
        Trace {
            r,
            c,
            m,
            i,
            f,
            g,
            o,
        }: &Trace,
    ) -> Gradients {
        let mut grad = Gradients::zero(q);
        let n = c[0].len();
        let (mut error_of_r, mut error_of_c) = (q.dlast["r"].clone(), q.dlast["c"].clone());
        for t in (0..q.x.len()).rev() {
            let epsilon_r = sum(&[&q.dy[t], &error_of_r]);
            grad.product("p", &epsilon_r, &m[t]);
            let epsilon_m = transposed(&q.params["p"], &epsilon_r);
            let mut delta = [const { Vec::new() }; 4];
            for j in 0..n {
                let squashed = c[t + 1][j].tanh();
                let epsilon_c = o[t][j] * (1.0 - squashed.powi(2)) * epsilon_m[j] + error_of_c[j];
                delta[0].push(i[t][j] * (1.0 - i[t][j]) * g[t][j] * epsilon_c);
                delta[1].push(f[t][j] * (1.0 - f[t][j]) * c[t][j] * epsilon_c);
                delta[2].push((1.0 - g[t][j].powi(2)) * i[t][j] * epsilon_c);
                delta[3].push(o[t][j] * (1.0 - o[t][j]) * squashed * epsilon_m[j]);
                error_of_c[j] = f[t][j] * epsilon_c;
            }
            let mut back = Vec::new();
            for ((w, u, beta), delta) in GATES.iter().zip(&delta) {
                grad.input(q, w, delta, t);
                grad.product(u, delta, &r[t]);
                grad.vector(beta, delta);
                back.push(transposed(&q.params[u], delta));
            }
            error_of_r = sum(&[&back[0], &back[1], &back[2], &back[3]]);
        }
        grad.first.insert("r", error_of_r);
        grad.first.insert("c", error_of_c);
        grad
    }
}
