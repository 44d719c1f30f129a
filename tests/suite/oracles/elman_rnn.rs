//! Elman 1990 with tanh units; section 1 of the derivation in the notation of Hochreiter & Schmidhuber 1997:
//! net_j(t) = sum_i w_ji y_i(t-1), and the error ϑ_j(t) = f'(net_j(t)) sum_i w_ij ϑ_i(t+1).

use super::{Gradients, History, Oracle, Sequence, Shapes, sum, times, transposed};

/// The oracle of the simple recurrent network.
pub struct ElmanRnn;

/// Unit activations.
pub struct Trace {
    h: History,
}

impl Oracle for ElmanRnn {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        let (i, n) = (sizes[0], sizes[1]);
        Shapes {
            input: i,
            output: n,
            params: vec![("w", n, i), ("u", n, n), ("beta", n, 1)],
            carried: vec![("h", n)],
        }
    }

    fn forward(q: &Sequence) -> Trace {
        let p = &q.params;
        let mut h = vec![q.first["h"].clone()];
        for (t, x) in q.x.iter().enumerate() {
            let net = sum(&[&times(&p["w"], x), &times(&p["u"], &h[t]), &p["beta"]]);
            h.push(net.iter().map(|a| a.tanh()).collect());
        }
        Trace { h }
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("h", &trace.h)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.h
    }

    fn backward(q: &Sequence, Trace { h }: &Trace) -> Gradients {
        let mut g = Gradients::zero(q);
        let mut error_of_h = q.dlast["h"].clone();
        for t in (0..q.x.len()).rev() {
            let theta: Vec<f64> = (0..error_of_h.len())
                .map(|j| (1.0 - h[t + 1][j].powi(2)) * (q.dy[t][j] + error_of_h[j]))
                .collect();
            g.input(q, "w", &theta, t);
            g.product("u", &theta, &h[t]);
            g.vector("beta", &theta);
            error_of_h = transposed(&q.params["u"], &theta);
        }
        g.first.insert("h", error_of_h);
        g
    }
}
