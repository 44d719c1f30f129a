//! Gers, Schraudolph & Schmidhuber 2002: forget gate and peepholes, g the identity, no h, with the published truncated
//! rule: no error goes from a net input to the outputs of the step before, and none from a gate through its peephole
//! into the carousel. A cell is numbered j = n + N c; its block is n = j mod N.

use super::{Gradients, History, Oracle, Sequence, Shapes, logistics, sum, times};

/// The oracle of the LSTM of 2002, truncated gradient.
pub struct Lstm2002Truncated;

/// Cell outputs and states, then the gates and the cell inputs.
pub struct Trace {
    y_c: History,
    s: History,
    y_in: History,
    y_phi: History,
    y_out: History,
    net_c: History,
}

/// Runs a sequence; what net inputs see of outputs and states comes from `seen`, or from the run itself.
fn run(q: &Sequence, seen: Option<&Trace>) -> Trace {
    let p = &q.params;
    let blocks = q.sizes[1];
    let (mut y_c, mut s) = (vec![q.first["y_c"].clone()], vec![q.first["s"].clone()]);
    let (mut y_in, mut y_phi, mut y_out, mut net_c) = (vec![], vec![], vec![], vec![]);
    for (t, x) in q.x.iter().enumerate() {
        let cells = 0..s[t].len();
        let outputs: &[f64] = seen.map_or(&y_c[t], |seen| &seen.y_c[t]);
        let net = |w, u, beta| sum(&[&times(&p[w], x), &times(&p[u], outputs), &p[beta]]);
        let peep = |mut net: Vec<f64>, peephole: &str, states: &[f64]| {
            cells
                .clone()
                .for_each(|j| net[j % blocks] += p[peephole][j] * states[j]);
            net
        };
        let states: &[f64] = seen.map_or(&s[t], |seen| &seen.s[t]);
        y_in.push(logistics(&peep(
            net("w_in", "u_in", "beta_in"),
            "p_in",
            states,
        )));
        y_phi.push(logistics(&peep(
            net("w_phi", "u_phi", "beta_phi"),
            "p_phi",
            states,
        )));
        net_c.push(net("w_c", "u_c", "beta_c"));
        let state = cells
            .clone()
            .map(|j| y_phi[t][j % blocks] * s[t][j] + y_in[t][j % blocks] * net_c[t][j]);
        let state = state.collect::<Vec<_>>();
        let states: &[f64] = seen.map_or(&state, |seen| &seen.s[t + 1]);
        y_out.push(logistics(&peep(
            net("w_out", "u_out", "beta_out"),
            "p_out",
            states,
        )));
        let output = cells
            .clone()
            .map(|j| y_out[t][j % blocks] * state[j])
            .collect();
        y_c.push(output);
        s.push(state);
    }
    Trace {
        y_c,
        s,
        y_in,
        y_phi,
        y_out,
        net_c,
    }
}

impl Oracle for Lstm2002Truncated {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n, cells) = (sizes[0], sizes[1], sizes[1] * sizes[2]);
        let mut params = Vec::new();
        params.extend(["w_in", "w_phi", "w_out"].map(|w| (w, n, i)));
        params.push(("w_c", cells, i));
        params.extend(["u_in", "u_phi", "u_out"].map(|u| (u, n, cells)));
        params.push(("u_c", cells, cells));
        params.extend(["p_in", "p_phi", "p_out"].map(|p| (p, cells, 1)));
        params.extend(["beta_in", "beta_phi", "beta_out"].map(|beta| (beta, n, 1)));
        params.push(("beta_c", cells, 1));
        Shapes {
            input: i,
            output: cells,
            params,
            carried: vec![("s", cells), ("y_c", cells)],
        }
    }

    fn forward(q: &Sequence) -> Trace {
        run(q, None)
    }

    fn frozen(q: &Sequence, base: &Trace) -> Trace {
        run(q, Some(base))
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("s", &trace.s), ("y_c", &trace.y_c)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.y_c
    }

    fn backward(
        q: &Sequence,
        Trace {
            y_c,
            s,
            y_in,
            y_phi,
            y_out,
            net_c,
        }: &Trace,
    ) -> Gradients {
        let (steps, blocks) = (q.x.len(), q.sizes[1]);
        let cells = 0..y_c[0].len();
        let mut grad = Gradients::zero(q);
        let mut error_of_s = q.dlast["s"].clone();
        for t in (0..steps).rev() {
            let (mut delta_in, mut delta_phi) = (vec![0.0; blocks], vec![0.0; blocks]);
            let (mut delta_out, mut delta_c) = (vec![0.0; blocks], vec![]);
            for j in cells.clone() {
                let n = j % blocks;
                // An output gets no error from the next step; after the last one, what the loss gives it.
                let epsilon_c = q.dy[t][j]
                    + if t + 1 == steps {
                        q.dlast["y_c"][j]
                    } else {
                        0.0
                    };
                let epsilon_s = y_out[t][n] * epsilon_c + error_of_s[j];
                delta_out[n] += y_out[t][n] * (1.0 - y_out[t][n]) * s[t + 1][j] * epsilon_c;
                delta_phi[n] += y_phi[t][n] * (1.0 - y_phi[t][n]) * s[t][j] * epsilon_s;
                delta_in[n] += y_in[t][n] * (1.0 - y_in[t][n]) * net_c[t][j] * epsilon_s;
                delta_c.push(y_in[t][n] * epsilon_s);
                error_of_s[j] = y_phi[t][n] * epsilon_s;
            }
            for (w, u, beta, delta) in [
                ("w_in", "u_in", "beta_in", &delta_in),
                ("w_phi", "u_phi", "beta_phi", &delta_phi),
                ("w_c", "u_c", "beta_c", &delta_c),
                ("w_out", "u_out", "beta_out", &delta_out),
            ] {
                grad.input(q, w, delta, t);
                grad.product(u, delta, &y_c[t]);
                grad.vector(beta, delta);
            }
            let seen = |delta: &[f64], s: &[f64]| {
                cells
                    .clone()
                    .map(|j| delta[j % blocks] * s[j])
                    .collect::<Vec<_>>()
            };
            grad.vector("p_in", &seen(&delta_in, &s[t]));
            grad.vector("p_phi", &seen(&delta_phi, &s[t]));
            grad.vector("p_out", &seen(&delta_out, &s[t + 1]));
        }
        grad.first.insert("y_c", vec![0.0; cells.len()]);
        grad.first.insert("s", error_of_s);
        grad
    }
}
