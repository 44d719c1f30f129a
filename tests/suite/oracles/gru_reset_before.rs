//! Cho et al. 2014 with biases: n = tanh(W_n x + U_n (r h(t-1)) + β_n), h = (1 - z) n + z h(t-1).

use super::{Gradients, History, Oracle, Sequence, Shapes, logistics, sum, times, transposed};

/// The oracle of the GRU with the reset before the recurrent product.
pub struct GruResetBefore;

/// Unit activations, then the gates, the state after the reset, and the candidate.
pub struct Trace {
    h: History,
    r: History,
    z: History,
    reset: History,
    n: History,
}

impl Oracle for GruResetBefore {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n) = (sizes[0], sizes[1]);
        let mut params = Vec::new();
        params.extend(["w_r", "w_z", "w_n"].map(|w| (w, n, i)));
        params.extend(["u_r", "u_z", "u_n"].map(|u| (u, n, n)));
        params.extend(["beta_r", "beta_z", "beta_n"].map(|beta| (beta, n, 1)));
        Shapes {
            input: i,
            output: n,
            params,
            carried: vec![("h", n)],
        }
    }

    fn forward(q: &Sequence) -> Trace {
        let p = &q.params;
        let mut h = vec![q.first["h"].clone()];
        let (mut r, mut z, mut reset, mut n) = (vec![], vec![], vec![], vec![]);
        for (t, x) in q.x.iter().enumerate() {
            r.push(logistics(&sum(&[
                &times(&p["w_r"], x),
                &times(&p["u_r"], &h[t]),
                &p["beta_r"],
            ])));
            z.push(logistics(&sum(&[
                &times(&p["w_z"], x),
                &times(&p["u_z"], &h[t]),
                &p["beta_z"],
            ])));
            let units = 0..h[t].len();
            reset.push(units.clone().map(|j| r[t][j] * h[t][j]).collect::<Vec<_>>());
            let net = sum(&[
                &times(&p["w_n"], x),
                &times(&p["u_n"], &reset[t]),
                &p["beta_n"],
            ]);
            n.push(net.iter().map(|a| a.tanh()).collect::<Vec<_>>());
            h.push(
                units
                    .map(|j| (1.0 - z[t][j]) * n[t][j] + z[t][j] * h[t][j])
                    .collect(),
            );
        }
        Trace { h, r, z, reset, n }
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("h", &trace.h)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.h
    }

    fn backward(q: &Sequence, Trace { h, r, z, reset, n }: &Trace) -> Gradients {
        let p = &q.params;
        let mut grad = Gradients::zero(q);
        let mut error_of_h = q.dlast["h"].clone();
        for t in (0..q.x.len()).rev() {
            let units = 0..error_of_h.len();
            let epsilon = sum(&[&q.dy[t], &error_of_h]);
            let (mut delta_r, mut delta_z, mut delta_n) = (vec![], vec![], vec![]);
            for j in units.clone() {
                delta_z.push(z[t][j] * (1.0 - z[t][j]) * (h[t][j] - n[t][j]) * epsilon[j]);
                delta_n.push((1.0 - n[t][j].powi(2)) * (1.0 - z[t][j]) * epsilon[j]);
            }
            let error_of_reset = transposed(&p["u_n"], &delta_n);
            for j in units.clone() {
                delta_r.push(r[t][j] * (1.0 - r[t][j]) * h[t][j] * error_of_reset[j]);
            }
            grad.input(q, "w_r", &delta_r, t);
            grad.input(q, "w_z", &delta_z, t);
            grad.input(q, "w_n", &delta_n, t);
            grad.product("u_r", &delta_r, &h[t]);
            grad.product("u_z", &delta_z, &h[t]);
            grad.product("u_n", &delta_n, &reset[t]);
            grad.vector("beta_r", &delta_r);
            grad.vector("beta_z", &delta_z);
            grad.vector("beta_n", &delta_n);
            error_of_h = sum(&[
                &units
                    .map(|j| z[t][j] * epsilon[j] + r[t][j] * error_of_reset[j])
                    .collect::<Vec<_>>(),
                &transposed(&p["u_r"], &delta_r),
                &transposed(&p["u_z"], &delta_z),
            ]);
        }
        grad.first.insert("h", error_of_h);
        grad
    }
}
