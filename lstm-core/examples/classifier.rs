//! A classifier of sequences of 1 to 12 numbers: was the first number positive?
use faer::Mat;
use lstm_core::layers::{Batch, Pass, Stack};
use lstm_core::optim::{Adam, Optimiser};
use lstm_core::{Linear, Recurrent, Rng, cells::Lstm, init::Init, loss, params::Parameters};

pub(crate) fn main() -> lstm_core::Result<()> {
    let mut rng = Rng::new(1);
    let lstm = Recurrent::<Lstm, f32>::new(&[1, 16], &mut rng)?;
    let head = Linear::new(16, 2, Init::Xavier, &mut rng)?;
    let mut net = Stack::new().with("lstm", lstm)?.with("head", head)?;
    let (mut adam, mut pass, mut nats) = (Adam::new(0.02)?, Pass::new(), 0.0);
    for _ in 0..300 {
        let lengths: Vec<usize> = (0..32).map(|_| 1 + rng.below(12) as usize).collect();
        let batch = Batch::ragged(&lengths);
        let x = Mat::from_fn(1, batch.columns(), |_, _| rng.symmetric(1.0) as f32);
        let classes: Vec<u32> = (0..32).map(|s| u32::from(x[(0, s)] > 0.0)).collect();
        let (mut scores, mut dy) = (Mat::zeros(2, 32), Mat::zeros(2, batch.columns()));
        let y = pass.forward(&net, x.as_ref(), &batch, &mut rng)?;
        batch.gather_last(y, scores.as_mut())?;
        nats = loss::cross_entropy_gradient(scores.as_mut(), &classes)?;
        batch.scatter_last(scores.as_ref(), dy.as_mut())?;
        let mut gradient = vec![0.0; net.params_len()];
        pass.backward(&net, x.as_ref(), dy.as_ref(), &mut gradient, None)?;
        adam.step(&mut net, &gradient)?;
    }
    println!("loss {nats:.3}, by guessing {:.3}", 2f64.ln());
    assert!(nats < 0.2);
    Ok(())
}
