//! Graves 2012, chapter 4, forward and backward pass, with blocks of C cells that share their gates. A cell is numbered
//! j = n + N c; its block is n = j mod N.

use super::{Gradients, History, Oracle, Sequence, Shapes, logistics, sum, times, transposed};

/// The oracle of the peephole LSTM.
pub struct PeepholeLstm;

/// Cell outputs and states, then the gates and the squashed cell inputs.
pub struct Trace {
    b: History,
    s: History,
    iota: History,
    phi: History,
    omega: History,
    g: History,
}

impl Oracle for PeepholeLstm {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n, cells) = (sizes[0], sizes[1], sizes[1] * sizes[2]);
        let mut params = Vec::new();
        params.extend(["w_iota", "w_phi", "w_omega"].map(|w| (w, n, i)));
        params.push(("w_c", cells, i));
        params.extend(["u_iota", "u_phi", "u_omega"].map(|u| (u, n, cells)));
        params.push(("u_c", cells, cells));
        params.extend(["p_iota", "p_phi", "p_omega"].map(|p| (p, cells, 1)));
        params.extend(["beta_iota", "beta_phi", "beta_omega"].map(|beta| (beta, n, 1)));
        params.push(("beta_c", cells, 1));
        Shapes {
            input: i,
            output: cells,
            params,
            carried: vec![("s", cells), ("b", cells)],
        }
    }

    fn forward(q: &Sequence) -> Trace {
        let p = &q.params;
        let blocks = q.sizes[1];
        let (mut b, mut s) = (vec![q.first["b"].clone()], vec![q.first["s"].clone()]);
        let (mut iota, mut phi, mut omega, mut g) = (vec![], vec![], vec![], vec![]);
        for (t, x) in q.x.iter().enumerate() {
            let cells = 0..b[t].len();
            let net = |w, u, beta| sum(&[&times(&p[w], x), &times(&p[u], &b[t]), &p[beta]]);
            let (mut a_iota, mut a_phi) = (
                net("w_iota", "u_iota", "beta_iota"),
                net("w_phi", "u_phi", "beta_phi"),
            );
            for j in cells.clone() {
                a_iota[j % blocks] += p["p_iota"][j] * s[t][j];
                a_phi[j % blocks] += p["p_phi"][j] * s[t][j];
            }
            iota.push(logistics(&a_iota));
            phi.push(logistics(&a_phi));
            g.push(
                net("w_c", "u_c", "beta_c")
                    .iter()
                    .map(|a| a.tanh())
                    .collect::<Vec<_>>(),
            );
            let state = cells
                .clone()
                .map(|j| phi[t][j % blocks] * s[t][j] + iota[t][j % blocks] * g[t][j]);
            let state = state.collect::<Vec<_>>();
            let mut a_omega = net("w_omega", "u_omega", "beta_omega");
            for j in cells.clone() {
                a_omega[j % blocks] += p["p_omega"][j] * state[j];
            }
            omega.push(logistics(&a_omega));
            b.push(
                cells
                    .map(|j| omega[t][j % blocks] * state[j].tanh())
                    .collect(),
            );
            s.push(state);
        }
        Trace {
            b,
            s,
            iota,
            phi,
            omega,
            g,
        }
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("s", &trace.s), ("b", &trace.b)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.b
    }

    fn backward(
        q: &Sequence,
        Trace {
            b,
            s,
            iota,
            phi,
            omega,
            g,
        }: &Trace,
    ) -> Gradients {
        let p = &q.params;
        let blocks = q.sizes[1];
        let cells = 0..b[0].len();
        let mut grad = Gradients::zero(q);
        let (mut error_of_b, mut error_of_s) = (q.dlast["b"].clone(), q.dlast["s"].clone());
        for t in (0..q.x.len()).rev() {
            let epsilon_c = sum(&[&q.dy[t], &error_of_b]);
            let (mut delta_iota, mut delta_phi) = (vec![0.0; blocks], vec![0.0; blocks]);
            let (mut delta_omega, mut delta_c, mut epsilon_s) = (vec![0.0; blocks], vec![], vec![]);
            for j in cells.clone() {
                let f = omega[t][j % blocks];
                delta_omega[j % blocks] += f * (1.0 - f) * s[t + 1][j].tanh() * epsilon_c[j];
            }
            for j in cells.clone() {
                let n = j % blocks;
                let slope = 1.0 - s[t + 1][j].tanh().powi(2);
                epsilon_s.push(
                    omega[t][n] * slope * epsilon_c[j]
                        + error_of_s[j]
                        + p["p_omega"][j] * delta_omega[n],
                );
                delta_c.push(iota[t][n] * (1.0 - g[t][j].powi(2)) * epsilon_s[j]);
                delta_phi[n] += phi[t][n] * (1.0 - phi[t][n]) * s[t][j] * epsilon_s[j];
                delta_iota[n] += iota[t][n] * (1.0 - iota[t][n]) * g[t][j] * epsilon_s[j];
            }
            for (w, u, beta, delta) in [
                ("w_iota", "u_iota", "beta_iota", &delta_iota),
                ("w_phi", "u_phi", "beta_phi", &delta_phi),
                ("w_c", "u_c", "beta_c", &delta_c),
                ("w_omega", "u_omega", "beta_omega", &delta_omega),
            ] {
                grad.input(q, w, delta, t);
                grad.product(u, delta, &b[t]);
                grad.vector(beta, delta);
            }
            let seen = |delta: &[f64], s: &[f64]| {
                cells
                    .clone()
                    .map(|j| delta[j % blocks] * s[j])
                    .collect::<Vec<_>>()
            };
            grad.vector("p_iota", &seen(&delta_iota, &s[t]));
            grad.vector("p_phi", &seen(&delta_phi, &s[t]));
            grad.vector("p_omega", &seen(&delta_omega, &s[t + 1]));
            error_of_b = sum(&[
                &transposed(&p["u_iota"], &delta_iota),
                &transposed(&p["u_phi"], &delta_phi),
                &transposed(&p["u_c"], &delta_c),
                &transposed(&p["u_omega"], &delta_omega),
            ]);
            for j in cells.clone() {
                let n = j % blocks;
                error_of_s[j] = phi[t][n] * epsilon_s[j]
                    + p["p_iota"][j] * delta_iota[n]
                    + p["p_phi"][j] * delta_phi[n];
            }
        }
        grad.first.insert("b", error_of_b);
        grad.first.insert("s", error_of_s);
        grad
    }
}
