//! Hochreiter & Schmidhuber 1997, appendix A.1, with the published truncated rule: an error that reaches a net input
//! changes the weights there and stops; ε_s(t) = y_out h'(s) ε_c + ε_s(t+1) alone goes back in time.

use super::lstm_1997::{Trace, WEIGHTS, carried, h, run, shapes};
use super::{Gradients, History, Oracle, Sequence, Shapes};

/// The oracle of the first LSTM, truncated gradient.
pub struct Lstm1997Truncated;

impl Oracle for Lstm1997Truncated {
    type Trace = Trace;

    fn shapes(sizes: &[usize]) -> Shapes {
        shapes(sizes)
    }

    fn forward(q: &Sequence) -> Trace {
        run(q, None)
    }

    fn frozen(q: &Sequence, base: &Trace) -> Trace {
        run(q, Some(base))
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
        let (steps, blocks, cells) = (q.x.len(), q.sizes[1], y_c[0].len());
        let mut grad = Gradients::zero(q);
        let mut epsilon_s = q.dlast["s"].clone();
        for t in (0..steps).rev() {
            // Outputs and gates get no error from the next step; after the last one, only what the loss gives them.
            let last = |name: &str, k: usize| {
                if t + 1 == steps {
                    q.dlast[name][k]
                } else {
                    0.0
                }
            };
            let mut epsilon_in: Vec<f64> = (0..blocks).map(|n| last("y_in", n)).collect();
            let mut epsilon_out: Vec<f64> = (0..blocks).map(|n| last("y_out", n)).collect();
            let mut theta = [vec![], vec![], vec![]];
            for j in 0..cells {
                let n = j % blocks;
                let epsilon_c = q.dy[t][j] + last("y_c", j);
                let squashed = h(s[t + 1][j]);
                epsilon_s[j] += y_out[t + 1][n] * (1.0 - squashed.powi(2)) / 2.0 * epsilon_c;
                epsilon_out[n] += squashed * epsilon_c;
                epsilon_in[n] += g[t][j] * epsilon_s[j];
                theta[2].push(y_in[t + 1][n] * (1.0 - g[t][j].powi(2) / 4.0) * epsilon_s[j]);
            }
            for n in 0..blocks {
                theta[0].push(y_in[t + 1][n] * (1.0 - y_in[t + 1][n]) * epsilon_in[n]);
                theta[1].push(y_out[t + 1][n] * (1.0 - y_out[t + 1][n]) * epsilon_out[n]);
            }
            for ([w, u, v, r, beta], theta) in WEIGHTS.iter().zip(&theta) {
                grad.input(q, w, theta, t);
                grad.product(u, theta, &y_c[t]);
                grad.product(v, theta, &y_in[t]);
                grad.product(r, theta, &y_out[t]);
                grad.vector(beta, theta);
            }
        }
        grad.first.insert("y_c", vec![0.0; cells]);
        grad.first.insert("y_in", vec![0.0; blocks]);
        grad.first.insert("y_out", vec![0.0; blocks]);
        grad.first.insert("s", epsilon_s);
        grad
    }
}
