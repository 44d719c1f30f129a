//! A model reads a text and says how likely each word was.

use faer::Mat;
use lstm_core::State;
use lstm_core::layers::{Batch, Layer, LayerTape};

use super::head::HeadWorkspace;
use super::model::WordModel;
use super::vocabulary::END_ID;
use crate::failure::Failure;

/// Words that are read at once: enough for large products.
pub const CHUNK: usize = 256;

/// A model in the course of reading. It begins behind the end of a sentence.
pub struct Reader<'m> {
    model: &'m WordModel,
    reset: bool,
    states: Vec<State<f32>>,
    tape: LayerTape,
    workspace: HeadWorkspace,
    last: u32,
}

impl<'m> Reader<'m> {
    /// A reader that carries its state on, or that begins anew with each sentence.
    ///
    /// # Errors
    /// No memory for the states.
    pub fn new(model: &'m WordModel, reset: bool) -> Result<Self, Failure> {
        Ok(Self {
            model,
            reset,
            states: model.layers.initial_states(1)?,
            tape: LayerTape::new(),
            workspace: HeadWorkspace::default(),
            last: END_ID,
        })
    }

    /// The natural logarithm of the probability of each of the next words, which are put behind `logs`.
    ///
    /// # Errors
    /// Words beyond the vocabulary.
    pub fn read(&mut self, words: &[u32], logs: &mut Vec<f64>) -> Result<(), Failure> {
        for targets in words.chunks(CHUNK) {
            let inputs = [&[self.last][..], &targets[..targets.len() - 1]].concat();
            self.last = targets[targets.len() - 1];
            let y = self.run(&inputs)?;
            let start = logs.len();
            logs.resize(start + targets.len(), 0.0);
            let WordModel {
                embedding, head, ..
            } = self.model;
            let (logs, workspace) = (&mut logs[start..], &mut self.workspace);
            head.log_likelihoods(embedding, y.as_ref(), targets, logs, workspace)?;
        }
        Ok(())
    }

    /// Reads `words` and gives ln p of every word that may come next.
    ///
    /// # Errors
    /// Words beyond the vocabulary.
    pub fn next(&mut self, words: &[u32], logs: &mut Vec<f64>) -> Result<(), Failure> {
        let y = self.run(words)?;
        let y = y.as_ref().subcols(words.len().saturating_sub(1), 1);
        let WordModel {
            embedding, head, ..
        } = self.model;
        Ok(head.log_probabilities(embedding, y, logs, &mut self.workspace)?)
    }

    fn run(&mut self, inputs: &[u32]) -> Result<Mat<f32>, Failure> {
        let layers = &self.model.layers;
        let mut batch = Batch::new(inputs.len(), 1);
        if self.reset {
            let ends = inputs
                .iter()
                .enumerate()
                .filter(|&(_, &word)| word == END_ID);
            for (step, _) in ends {
                batch = batch.reset(step, 0)?;
            }
        }
        let mut x = Mat::zeros(layers.input_len(), inputs.len());
        let mut y = Mat::zeros(layers.output_len(), inputs.len());
        self.model.embedding.forward(inputs, x.as_mut())?;
        let (states, tape) = (&mut self.states, &mut self.tape);
        layers.infer(x.as_ref(), &batch, states, y.as_mut(), tape)?;
        Ok(y)
    }
}
