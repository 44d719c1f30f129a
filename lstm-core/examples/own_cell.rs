//! A cell of one's own: from equations to a trained layer.
//!
//! `GatedIntegrator` is no cell of any paper. Its compiler derives the error signals, proves that the ones stated here
//! are the same, and makes the kernels. The task is a latch: keep the number that was last marked.
//!
//! ```text
//! cargo run --release -p lstm-core --features derive --example own_cell
//! ```

use faer::Mat;
use lstm_core::init::Init;
use lstm_core::layers::{Batch, Pass, Stack};
use lstm_core::loss::{mean_squared, mean_squared_gradient};
use lstm_core::optim::{Adam, Optimiser, Schedule, clip_global_norm};
use lstm_core::params::Parameters;
use lstm_core::{Cell, Linear, Recurrent, Result, Rng};

lstm_core::cell! {
    /// A leaky integrator with an input gate: the gate says how much of the new value enters.
    pub cell GatedIntegrator {
        size   I, N;
        input  x: [I];
        param  W_i, W_c: [N, I];
        param  U_i, U_c: [N, N];
        param  b_i, b_c: [N];

        a_i[t] = W_i @ x[t] + U_i @ h[t-1] + b_i;
        i[t]   = sigmoid(a_i[t]);
        a_c[t] = W_c @ x[t] + U_c @ h[t-1] + b_c;
        h[t]   = (1 - i[t]) * h[t-1] + i[t] * tanh(a_c[t]);
        output h;

        errors {
            e_h of h   = upstream(h) + U_i.T @ d_i[t+1] + U_c.T @ d_c[t+1] + (1 - i[t+1]) * e_h[t+1];
            d_i of a_i = dsigmoid(a_i) * (tanh(a_c) - h[t-1]) * e_h;
            d_c of a_c = dtanh(a_c) * i * e_h;
        }
    }
}

const STEPS: usize = 20;

/// Prints the equations, trains, and says how well.
pub fn main() -> Result<()> {
    println!("{}\n", GatedIntegrator::SPEC.equations);
    let [guess, learned] = run(300)?;
    println!("mean squared error of the mean {guess:.4}, of the network {learned:.4}");
    assert!(learned < 0.1 * guess);
    Ok(())
}

/// Trains for so many steps; the error of a constant, and that of the network, both on new sequences.
pub fn run(steps: u64) -> Result<[f64; 2]> {
    let mut rng = Rng::new(1);
    let mut net = Stack::<f32>::new()
        .with(
            "cell",
            Recurrent::<GatedIntegrator, f32>::new(&[2, 16], &mut rng)?,
        )?
        .with("head", Linear::new(16, 1, Init::Xavier, &mut rng)?)?;
    let mut adam = Adam::new(0.02)?;
    let schedule = Schedule::cosine(0.02, steps)?.with_floor(0.002)?;
    let mut pass = Pass::new();
    let mut gradient = vec![0.0; net.params_len()];
    for step in 0..steps {
        let (batch, x, target) = draw(16, &mut rng);
        let mut dy = pass.forward(&net, x.as_ref(), &batch, &mut rng)?.to_owned();
        mean_squared_gradient(dy.as_mut(), target.as_ref())?;
        gradient.fill(0.0);
        pass.backward(&net, x.as_ref(), dy.as_ref(), &mut gradient, None)?;
        clip_global_norm(&net, &mut gradient, 1.0)?;
        adam.set_rate(schedule.rate(step))?;
        adam.step(&mut net, &gradient)?;
    }
    let (batch, x, target) = draw(100, &mut Rng::new(2));
    let y = pass.infer(&net, x.as_ref(), &batch)?;
    let zeros = Mat::zeros(1, batch.columns());
    Ok([
        mean_squared(zeros.as_ref(), target.as_ref())?,
        mean_squared(y, target.as_ref())?,
    ])
}

/// Random numbers of which one in five, and the first, is marked; the target at every step is the last marked one.
fn draw(samples: usize, rng: &mut Rng) -> (Batch, Mat<f32>, Mat<f32>) {
    let batch = Batch::new(STEPS, samples);
    let mut x = Mat::zeros(2, batch.columns());
    let mut target = Mat::zeros(1, batch.columns());
    for sample in 0..samples {
        let mut kept = 0.0;
        for step in 0..STEPS {
            let column = batch.column(step, sample);
            let number = rng.symmetric(1.0) as f32;
            let is_marked = step == 0 || rng.below(5) == 0;
            if is_marked {
                kept = number;
            }
            x[(0, column)] = number;
            x[(1, column)] = f32::from(u8::from(is_marked));
            target[(0, column)] = kept;
        }
    }
    (batch, x, target)
}
