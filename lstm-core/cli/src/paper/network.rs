//! A network that learns after each sequence, by plain gradient descent on half the squared error.

use faer::{MatMut, MatRef};
use lstm_core::{Cell, Error, Kernel, Packed, Rng, State, Tape, Workspace};

use super::args::Rule;
use super::output::logistic;
use super::sequence::Sequence;
use super::topology::Topology;
use super::traces::Traces;
use crate::larger::larger;

/// A hidden layer of the cell `C`, output units, and the buffers of their training.
pub struct Network<C: Cell> {
    topology: Topology,
    kernel: Kernel<C, f64>,
    hidden: Vec<f64>,
    mask: Vec<f64>,
    packed: Packed<f64>,
    /// Weights to the output units: one unit's after the other's.
    output: Vec<f64>,
    state: State<f64>,
    workspace: Workspace<f64>,
    tape: Tape<f64>,
    /// Cell outputs and their errors, one step after the other.
    y: Vec<f64>,
    dy: Vec<f64>,
    gradient: Vec<f64>,
    output_gradient: Vec<f64>,
    /// Output units at the steps that have targets.
    outputs: Vec<f64>,
}

/// How far outputs were from their targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// The largest distance.
    pub largest: f64,
    /// The mean distance.
    pub mean: f64,
}

impl<C: Cell> Network<C> {
    /// A network at its start.
    ///
    /// # Errors
    /// A topology too large for memory.
    pub fn new(topology: &Topology, rng: &mut Rng) -> Result<Self, Error> {
        let kernel = Kernel::<C, f64>::new(&topology.sizes())?;
        let hidden = topology.start(&kernel, rng);
        let output = topology.start_outputs(topology.output_sources(), rng);
        Ok(Self {
            mask: topology.mask(&kernel),
            packed: kernel.pack(&hidden)?,
            state: kernel.zero_state(1)?,
            workspace: kernel.workspace(1)?,
            tape: kernel.tape(0, 1)?,
            y: Vec::new(),
            dy: Vec::new(),
            gradient: vec![0.0; hidden.len()],
            output_gradient: vec![0.0; output.len()],
            outputs: Vec::new(),
            topology: topology.clone(),
            kernel,
            hidden,
            output,
        })
    }

    /// The output units at the steps of `sequence` that have targets, one step after the other.
    ///
    /// # Errors
    /// A sequence of other inputs.
    pub fn outputs(&mut self, sequence: &Sequence) -> Result<&[f64], Error> {
        self.begin(sequence.steps(), sequence.targets().len());
        self.state.set_zero();
        let y = MatMut::from_column_major_slice_mut(
            &mut self.y,
            self.topology.all_cells(),
            sequence.steps(),
        );
        let (packed, state, workspace) = (&self.packed, &mut self.state, &mut self.workspace);
        (self.kernel).infer(packed, sequence.x(), state, y, workspace)?;
        self.apply_outputs();
        Ok(&self.outputs)
    }

    /// Learns a sequence and says how far off the outputs were before.
    ///
    /// # Errors
    /// A sequence of other inputs, or too long for memory.
    pub fn learn(&mut self, sequence: &Sequence, rate: f64) -> Result<Deviation, Error> {
        let (cells, steps) = (self.topology.all_cells(), sequence.steps());
        self.begin(sequence.steps(), sequence.targets().len());
        self.state.set_zero();
        self.kernel.reshape_tape(&mut self.tape, steps, 1)?;
        let y = MatMut::from_column_major_slice_mut(&mut self.y, cells, steps);
        let (state, tape) = (&mut self.state, &mut self.tape);
        (self.kernel).forward(&self.packed, sequence.x(), state, y, tape)?;
        self.apply_outputs();

        let deviation = self.backprop_outputs(sequence.targets());
        let dy = MatRef::from_column_major_slice(&self.dy, cells, steps);
        self.state.set_zero();
        self.gradient.fill(0.0);
        let (state, tape, gradient) = (&mut self.state, &mut self.tape, &mut self.gradient);
        (self.kernel).backward(&self.packed, sequence.x(), dy, state, tape, gradient, None)?;
        self.descend(rate)?;
        Ok(deviation)
    }

    /// Learns a sequence, changing the weights after each of its steps: by the gradient of that step's error through all
    /// steps before, as it is carried along in `traces`.
    ///
    /// # Errors
    /// A sequence of other inputs.
    pub fn learn_by_step(
        &mut self,
        sequence: &Sequence,
        rate: f64,
        traces: &mut Traces,
    ) -> Result<Deviation, Error> {
        let (cells, units) = (self.topology.all_cells(), self.topology.outputs);
        let with_targets = sequence.targets().len() / units;
        let first = sequence.steps() - with_targets;
        let (mut largest, mut sum) = (0.0_f64, 0.0);
        self.kernel.reshape_tape(&mut self.tape, 1, 1)?;
        self.state.set_zero();
        traces.clear();
        for step in 0..sequence.steps() {
            let targets = match step.checked_sub(first) {
                Some(index) => &sequence.targets()[index * units..][..units],
                None => &[],
            };
            let x = traces.step(sequence.input(step));
            let x = MatRef::from_column_major_slice(x, x.len(), 1);
            self.begin(1, targets.len());
            let y = MatMut::from_column_major_slice_mut(&mut self.y, cells, 1);
            let (state, tape) = (&mut self.state, &mut self.tape);
            (self.kernel).forward(&self.packed, x, state, y, tape)?;
            self.apply_outputs();
            let deviation = self.backprop_outputs(targets);
            largest = larger(largest, deviation.largest);
            sum += deviation.mean;

            self.gradient.fill(0.0);
            let (tape, gradient) = (&mut self.tape, &mut self.gradient);
            traces.backprop(&self.kernel, &self.packed, &self.dy, tape, gradient)?;
            if !targets.is_empty() {
                self.descend(rate)?;
            }
        }
        Ok(Deviation {
            largest,
            mean: sum / with_targets.max(1) as f64,
        })
    }

    /// What [`learn_by_step`](Self::learn_by_step) needs, if weights follow the gradient of `rule`, which must be that of the cell.
    ///
    /// # Errors
    /// No memory.
    pub fn traces(&self, rule: Rule) -> Result<Traces, Error> {
        Traces::new(&self.kernel, rule)
    }

    /// Makes the buffers fit so many steps and targets.
    fn begin(&mut self, steps: usize, targets: usize) {
        let len = self.topology.all_cells() * steps;
        self.y.resize(len, 0.0);
        self.dy.clear();
        self.dy.resize(len, 0.0);
        self.outputs.clear();
        self.outputs.resize(targets, 0.0);
    }

    /// Where the cell outputs of the first step with targets begin.
    fn first_with_targets(&self) -> usize {
        let steps = self.outputs.len() / self.topology.outputs;
        self.y.len() - steps * self.topology.all_cells()
    }

    fn apply_outputs(&mut self) {
        let (cells, sources) = (self.topology.all_cells(), self.topology.output_sources());
        let start = self.first_with_targets();
        let steps = self.y[start..].chunks_exact(cells);
        for (y, outputs) in steps.zip(self.outputs.chunks_exact_mut(self.topology.outputs)) {
            for (output, weights) in outputs.iter_mut().zip(self.output.chunks_exact(sources)) {
                let bias = weights.get(cells).copied().unwrap_or(0.0);
                let net: f64 = y.iter().zip(weights).map(|(y, weight)| y * weight).sum();
                *output = logistic(net + bias);
            }
        }
    }

    /// From the distances to the targets to the gradients of the output weights and the errors of the cell outputs.
    fn backprop_outputs(&mut self, targets: &[f64]) -> Deviation {
        let (cells, sources) = (self.topology.all_cells(), self.topology.output_sources());
        let start = self.first_with_targets();
        self.output_gradient.fill(0.0);
        let mut deviation = Deviation {
            largest: 0.0,
            mean: 0.0,
        };
        let units = self.topology.outputs;
        let steps = self.y[start..].chunks_exact(cells);
        let errors = self.dy[start..].chunks_exact_mut(cells);
        let outputs = self.outputs.chunks_exact(units);
        let all = steps
            .zip(errors)
            .zip(outputs.zip(targets.chunks_exact(units)));
        for ((y, dy), (outputs, targets)) in all {
            for (unit, (&output, &target)) in outputs.iter().zip(targets).enumerate() {
                let distance = output - target;
                deviation.largest = larger(deviation.largest, distance.abs());
                deviation.mean += distance.abs();
                let delta = distance * output * (1.0 - output);
                let weights = &self.output[unit * sources..][..sources];
                let gradient = &mut self.output_gradient[unit * sources..][..sources];
                for cell in 0..cells {
                    dy[cell] += delta * weights[cell];
                    gradient[cell] += delta * y[cell];
                }
                if let Some(bias) = gradient.get_mut(cells) {
                    *bias += delta;
                }
            }
        }
        deviation.mean /= targets.len().max(1) as f64;
        deviation
    }

    fn descend(&mut self, rate: f64) -> Result<(), Error> {
        let hidden = self.hidden.iter_mut().zip(&self.gradient).zip(&self.mask);
        hidden.for_each(|((weight, gradient), has)| *weight -= rate * has * gradient);
        let output = self.output.iter_mut().zip(&self.output_gradient);
        output.for_each(|(weight, gradient)| *weight -= rate * gradient);
        Ok(self.kernel.repack(&self.hidden, &mut self.packed)?)
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::cells::{Lstm1997, Lstm1997Truncated};

    use super::*;
    use crate::paper::topology::Bias;

    fn topology(bias: Bias, output_bias: bool) -> Topology {
        Topology {
            inputs: 2,
            blocks: 2,
            cells: 2,
            outputs: 2,
            bias,
            output_bias,
            range: 0.5,
            start: vec![("beta_in", vec![-1.0, -2.0])],
        }
    }

    fn network(bias: Bias, output_bias: bool) -> Network<Lstm1997> {
        Network::new(&topology(bias, output_bias), &mut Rng::new(1)).unwrap()
    }

    /// Five steps, with targets at the last two.
    fn sequence() -> Sequence {
        let mut sequence = Sequence::default();
        sequence.clear(2);
        (0..5).for_each(|step| sequence.push(&[f64::from(step).sin(), f64::from(step).cos()]));
        sequence.target([0.2, 0.9, 0.7, 0.1]);
        sequence
    }

    fn loss(network: &mut Network<Lstm1997>, sequence: &Sequence) -> f64 {
        network.packed = network.kernel.pack(&network.hidden).unwrap();
        let outputs = network.outputs(sequence).unwrap().iter();
        let squares = outputs
            .zip(sequence.targets())
            .map(|(output, target)| (output - target).powi(2));
        squares.sum::<f64>() / 2.0
    }

    /// What learning subtracts from a weight is the rate times the central difference of the loss.
    #[test]
    fn weights_descend() {
        let (sequence, rate, step) = (sequence(), 0.5, 1e-5);
        for (bias, output_bias) in [(Bias::All, true), (Bias::None, false)] {
            let mut learned = network(bias, output_bias);
            learned.learn(&sequence, rate).unwrap();
            type Weights = fn(&mut Network<Lstm1997>) -> &mut Vec<f64>;
            let kinds: [Weights; 2] =
                [|network| &mut network.hidden, |network| &mut network.output];
            for weights in kinds {
                for index in 0..weights(&mut learned).len() {
                    let mut network = network(bias, output_bias);
                    let before = weights(&mut network)[index];
                    let mut at = |value: f64| {
                        weights(&mut network)[index] = value;
                        loss(&mut network, &sequence)
                    };
                    let difference = (at(before + step) - at(before - step)) / (2.0 * step);
                    let change = (before - weights(&mut learned)[index]) / rate;
                    let is_absent = bias == Bias::None && before == 0.0 && change == 0.0;
                    // Rounding of the loss over the step, 1e-16 / 1e-5, and the square of the step.
                    assert!(
                        is_absent || (change - difference).abs() < 1e-9,
                        "{change} {difference}"
                    );
                }
            }
        }
    }

    /// With a rate so small that the weights stay what they are, the changes after each step add up to the one after the
    /// sequence, which takes its gradient back through time.
    #[test]
    fn changes_by_step_add_up_to_the_change_by_sequence() {
        fn check<C: Cell>(rule: Rule) {
            let rate = 1e-8;
            let start = || Network::<C>::new(&topology(Bias::All, true), &mut Rng::new(1)).unwrap();
            let (before, mut whole, mut stepwise) = (start(), start(), start());
            let mut traces = stepwise.traces(rule).unwrap();
            let of_sequence = whole.learn(&sequence(), rate).unwrap();
            let of_steps = stepwise
                .learn_by_step(&sequence(), rate, &mut traces)
                .unwrap();
            // The outputs move with the weights, by the rate.
            assert!((of_sequence.largest - of_steps.largest).abs() < 10.0 * rate);
            assert!((of_sequence.mean - of_steps.mean).abs() < 10.0 * rate);
            let pairs = |part: fn(&Network<C>) -> &[f64]| {
                let changes = part(&whole).iter().zip(part(&stepwise));
                let changes = changes
                    .zip(part(&before))
                    .map(|((whole, stepwise), before)| {
                        ((before - whole) / rate, (before - stepwise) / rate)
                    });
                changes.collect::<Vec<_>>()
            };
            for (whole, stepwise) in [
                pairs(|network| &network.hidden),
                pairs(|network| &network.output),
            ]
            .concat()
            {
                // Rounding of the weights over the rate, 1e-16 / 1e-8.
                assert!((whole - stepwise).abs() < 1e-7, "{whole} {stepwise}");
            }
        }
        check::<Lstm1997>(Rule::Full);
        check::<Lstm1997Truncated>(Rule::Truncated);
    }

    #[test]
    fn learning_tells_how_far_off_the_outputs_were() {
        let mut network = network(Bias::Gates, true);
        let sequence = sequence();
        let outputs = network.outputs(&sequence).unwrap().to_vec();
        let distances = outputs
            .iter()
            .zip(sequence.targets())
            .map(|(output, target)| (output - target).abs());
        let distances: Vec<f64> = distances.collect();
        let deviation = network.learn(&sequence, 0.1).unwrap();
        assert_eq!(
            deviation.largest,
            distances.iter().copied().fold(0.0, larger)
        );
        assert!((deviation.mean - distances.iter().sum::<f64>() / 4.0).abs() < 1e-15);
    }

    #[test]
    fn outputs_that_are_no_numbers_are_not_near_the_targets() {
        let mut network = network(Bias::Gates, true);
        network.output.fill(f64::NAN);
        let deviation = network.learn(&sequence(), 0.1).unwrap();
        assert!(
            deviation.mean.is_nan() && deviation.largest.is_nan(),
            "{deviation:?}"
        );
    }
}
