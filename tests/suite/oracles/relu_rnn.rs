//! Elman's network with rectified linear units (Le, Jaitly & Hinton 2015): the derivation of the tanh network with
//! f(net) = max(net, 0), so f'(net) is 1 where a unit is active and 0 where it is not.

use super::{Gradients, History, Oracle, Sequence, Shapes, sum, times, transposed};

/// The oracle of the rectified simple recurrent network.
pub struct ReluRnn;

/// Unit activations, and which units were active at each step.
pub struct Trace {
    h: History,
    active: Vec<Vec<bool>>,
}

/// Runs the sequence; `active` says which units are, and if it does not, their net input does.
fn run(q: &Sequence, active: Option<&[Vec<bool>]>) -> Trace {
    let p = &q.params;
    let mut trace = Trace {
        h: vec![q.first["h"].clone()],
        active: Vec::new(),
    };
    for (t, x) in q.x.iter().enumerate() {
        let net = sum(&[&times(&p["w"], x), &times(&p["u"], &trace.h[t]), &p["beta"]]);
        let now = match active {
            Some(active) => active[t].clone(),
            None => net.iter().map(|&a| a > 0.0).collect(),
        };
        let on = |(&a, &active): (&f64, &bool)| if active { a } else { 0.0 };
        trace.h.push(net.iter().zip(&now).map(on).collect());
        trace.active.push(now);
    }
    trace
}

impl Oracle for ReluRnn {
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
        run(q, None)
    }

    /// A unit that a difference moves across the kink would be measured by half a slope; so units stay as they were.
    fn frozen(q: &Sequence, base: &Trace) -> Trace {
        run(q, Some(&base.active))
    }

    fn carried(trace: &Trace) -> Vec<(&'static str, &History)> {
        vec![("h", &trace.h)]
    }

    fn output(trace: &Trace) -> &History {
        &trace.h
    }

    fn backward(q: &Sequence, Trace { h, active }: &Trace) -> Gradients {
        let mut g = Gradients::zero(q);
        let mut error_of_h = q.dlast["h"].clone();
        for t in (0..q.x.len()).rev() {
            let theta: Vec<f64> = (0..error_of_h.len())
                .map(|j| f64::from(u8::from(active[t][j])) * (q.dy[t][j] + error_of_h[j]))
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
