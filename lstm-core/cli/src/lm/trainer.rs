//! Forward and back through windows of text, with the state carried from one to the next.

use faer::Mat;
use lstm_core::layers::{Batch, Layer, LayerTape};
use lstm_core::optim::{Optimiser, Touched, global_norm_at};
use lstm_core::params::{Parameters, split_gradient, zero_gradient};
use lstm_core::text::Window;
use lstm_core::{FlushDenormals, Result, Rng, State};

use super::head::HeadWorkspace;
use super::model::WordModel;

/// The memory of training.
pub struct Trainer {
    batch: Batch,
    /// What the layers carry on.
    pub states: Vec<State<f32>>,
    /// The source of dropout.
    pub rng: Rng,
    tape: LayerTape,
    workspace: HeadWorkspace,
    x: Mat<f32>,
    y: Mat<f32>,
    dy: Mat<f32>,
    dx: Mat<f32>,
    gradient: Vec<f32>,
    /// Where the gradient of the last window is not zero; between steps it is zero everywhere.
    touched: Touched,
}

impl Trainer {
    /// Memory for windows of `steps` steps of `samples` streams.
    ///
    /// # Errors
    /// No memory for so many.
    pub fn new(model: &WordModel, steps: usize, samples: usize, rng: Rng) -> Result<Self> {
        let batch = Batch::new(steps, samples);
        let (inputs, outputs) = (model.layers.input_len(), model.layers.output_len());
        let columns = batch.columns();
        let gradient = zero_gradient(model)?;
        let mut touched = Touched::new();
        touched.set(gradient.len(), [])?;
        if let Some(threads) = model.threads() {
            touched.set_threads(threads);
        }
        Ok(Self {
            states: model.layers.initial_states(samples)?,
            rng,
            tape: LayerTape::new(),
            workspace: HeadWorkspace::default(),
            x: Mat::zeros(inputs, columns),
            y: Mat::zeros(outputs, columns),
            dy: Mat::zeros(outputs, columns),
            dx: Mat::zeros(inputs, columns),
            gradient,
            touched,
            batch,
        })
    }

    /// Takes a step of training by a window, along its gradient or, where that is longer than `clip`, as far as that. The state
    /// moves on; it begins anew where the streams do.
    ///
    /// Returns the mean loss of the window before the step, in nats.
    ///
    /// # Errors
    /// A window of another size, words beyond the vocabulary, a gradient that is not finite; no step is taken then.
    pub fn step(
        &mut self,
        model: &mut WordModel,
        window: &Window,
        optimiser: &mut dyn Optimiser<f32>,
        clip: f64,
    ) -> Result<f64> {
        let _mode = FlushDenormals::new();
        let samples = self.batch.samples();
        if window.is_first {
            self.states = model.layers.initial_states(samples)?;
        }
        model.embedding.forward(&window.inputs, self.x.as_mut())?;
        model.layers.forward(
            self.x.as_ref(),
            &self.batch,
            &mut self.states,
            self.y.as_mut(),
            &mut self.tape,
            &mut self.rng,
        )?;

        let plain_rate = optimiser.plain_rate();
        self.touch(model, window, plain_rate.is_some())?;
        let parts: [&dyn Parameters<f32>; 3] = [&model.embedding, &model.layers, &model.head];
        let [of_embedding, of_layers, of_head] = split_gradient(&mut self.gradient, parts)?;
        let (loss, mut slopes) = model.head.gradient(
            &model.embedding,
            self.y.as_ref(),
            &window.targets,
            plain_rate.is_some(),
            of_embedding,
            of_head,
            self.dy.as_mut(),
            &mut self.workspace,
        )?;
        // Truncation: nothing comes back from the windows that follow.
        let mut dstate = model.layers.zero_states(samples)?;
        model.layers.backward(
            self.x.as_ref(),
            &self.batch,
            self.dy.as_ref(),
            &mut dstate,
            &mut self.tape,
            of_layers,
            Some(self.dx.as_mut()),
        )?;
        model
            .embedding
            .backward(&window.inputs, self.dx.as_ref(), of_embedding)?;

        let mut norm = global_norm_at(model, &self.gradient, &self.touched)?;
        if let Some(slopes) = &mut slopes {
            norm = norm.hypot(slopes.squares()?.sqrt());
        }
        let scale = (clip / norm).min(1.0);
        if let (Some(rate), Some(slopes)) = (plain_rate, slopes) {
            model.head.descend(&slopes, rate * scale)?;
        }
        optimiser.spend_at(model, &mut self.gradient, &self.touched, scale)?;
        Ok(loss)
    }

    /// Says what of the gradient a window will touch.
    fn touch(&mut self, model: &WordModel, window: &Window, in_factors: bool) -> Result<()> {
        let (embedding, layers, head) = (&model.embedding, &model.layers, &model.head);
        let (of_embedding, of_head) = head.touched(embedding, &window.targets, in_factors);
        let layers = embedding.params_len()..embedding.params_len() + layers.params_len();
        let start = layers.end;
        let of_head = (of_head.into_iter()).map(|range| start + range.start..start + range.end);
        let ranges = (of_embedding.into_iter())
            .chain(embedding.touched(&window.inputs))
            .chain([layers])
            .chain(of_head);
        self.touched.set(self.gradient.len(), ranges)
    }
}
