//! The gated recurrent unit of cuDNN and PyTorch: n = tanh(W_n x + β_n + r (U_n h(t-1) + β_u)).

use super::{Gradients, History, Oracle, Sequence, Shapes, logistics, sum, times, transposed};

/// The oracle of the GRU with the reset after the recurrent product.
pub struct GruResetAfter;

/// Unit activations, then the gates, the recurrent part of the candidate, and the candidate.
pub struct Trace {
    h: History,
    r: History,
    z: History,
    inner: History,
    n: History,
}

impl Oracle for GruResetAfter {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n) = (sizes[0], sizes[1]);
        let mut params = Vec::new();
        params.extend(["w_r", "w_z", "w_n"].map(|w| (w, n, i)));
        params.extend(["u_r", "u_z", "u_n"].map(|u| (u, n, n)));
        params.extend(["beta_r", "beta_z", "beta_n", "beta_u"].map(|beta| (beta, n, 1)));
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
        let (mut r, mut z, mut inner, mut n) = (vec![], vec![], vec![], vec![]);
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
            inner.push(sum(&[&times(&p["u_n"], &h[t]), &p["beta_u"]]));
            let outer = sum(&[&times(&p["w_n"], x), &p["beta_n"]]);
            let units = 0..h[t].len();
            n.push(
                units
                    .clone()
                    .map(|j| (outer[j] + r[t][j] * inner[t][j]).tanh())
                    .collect::<Vec<_>>(),
            );
            h.push(
                units
                    .map(|j| (1.0 - z[t][j]) * n[t][j] + z[t][j] * h[t][j])
                    .collect(),
            );
        }
        Trace { h, r, z, inner, n }
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("h", &trace.h)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.h
    }

    fn backward(q: &Sequence, Trace { h, r, z, inner, n }: &Trace) -> Gradients {
        let p = &q.params;
        let mut grad = Gradients::zero(q);
        let mut error_of_h = q.dlast["h"].clone();
        for t in (0..q.x.len()).rev() {
            let (mut delta_r, mut delta_z, mut delta_n) = (vec![], vec![], vec![]);
            let (mut delta_inner, mut kept) = (vec![], vec![]);
            for j in 0..error_of_h.len() {
                let epsilon = q.dy[t][j] + error_of_h[j];
                delta_z.push(z[t][j] * (1.0 - z[t][j]) * (h[t][j] - n[t][j]) * epsilon);
                delta_n.push((1.0 - n[t][j].powi(2)) * (1.0 - z[t][j]) * epsilon);
                delta_inner.push(r[t][j] * delta_n[j]);
                delta_r.push(r[t][j] * (1.0 - r[t][j]) * inner[t][j] * delta_n[j]);
                kept.push(z[t][j] * epsilon);
            }
            grad.input(q, "w_r", &delta_r, t);
            grad.input(q, "w_z", &delta_z, t);
            grad.input(q, "w_n", &delta_n, t);
            grad.product("u_r", &delta_r, &h[t]);
            grad.product("u_z", &delta_z, &h[t]);
            grad.product("u_n", &delta_inner, &h[t]);
            grad.vector("beta_r", &delta_r);
            grad.vector("beta_z", &delta_z);
            grad.vector("beta_n", &delta_n);
            grad.vector("beta_u", &delta_inner);
            error_of_h = sum(&[
                &kept,
                &transposed(&p["u_r"], &delta_r),
                &transposed(&p["u_z"], &delta_z),
                &transposed(&p["u_n"], &delta_inner),
            ]);
        }
        grad.first.insert("h", error_of_h);
        grad
    }
}
