//! A network that learns at every step of a stream, by gradient descent on half the squared error.

use faer::{MatMut, MatRef};
use lstm_core::{Cell, Error, Kernel, Packed, Rng, State, Tape, Workspace};

use super::args::Rule;
use super::design::Design;
use super::output::Output;
use super::traces::Traces;

/// A hidden layer of the cell `C`, output units, and what their training at every step needs.
pub struct Online<C: Cell> {
    kernel: Kernel<C, f64>,
    hidden: Vec<f64>,
    mask: Vec<f64>,
    packed: Packed<f64>,
    output: Output,
    shortcuts: bool,
    state: State<f64>,
    workspace: Workspace<f64>,
    tape: Tape<f64>,
    traces: Traces,
    /// Cell outputs of a step and their errors; cell outputs of steps without learning.
    y: Vec<f64>,
    dy: Vec<f64>,
    ys: Vec<f64>,
    gradient: Vec<f64>,
    /// The last change of each weight, of which the next one keeps a part.
    change: Change,
}

/// Changes of the weights to the hidden layer and to the output units.
struct Change {
    hidden: Vec<f64>,
    output: Vec<f64>,
}

/// How weights follow their gradient.
#[derive(Debug, Clone, Copy)]
pub struct Descent {
    /// The learning rate.
    pub rate: f64,
    /// Which part of a change the next one keeps.
    pub momentum: f64,
}

impl<C: Cell> Online<C> {
    /// A network at its start, whose weights follow the gradient of `rule`, which must be that of the cell.
    ///
    /// # Errors
    /// A topology too large for memory.
    pub fn new(design: &Design, rule: Rule, rng: &mut Rng) -> Result<Self, Error> {
        let kernel = Kernel::<C, f64>::new(&design.topology.sizes())?;
        let hidden = design.start(&kernel, rng);
        let output = design.output(rng);
        Ok(Self {
            mask: design.mask(&kernel),
            packed: kernel.pack(&hidden)?,
            shortcuts: design.shortcuts,
            state: kernel.zero_state(1)?,
            workspace: kernel.workspace(1)?,
            tape: kernel.tape(1, 1)?,
            traces: Traces::new(&kernel, rule)?,
            y: vec![0.0; kernel.output_len()],
            dy: vec![0.0; kernel.output_len()],
            ys: Vec::new(),
            gradient: vec![0.0; hidden.len()],
            change: Change {
                hidden: vec![0.0; hidden.len()],
                output: vec![0.0; output.weights.len()],
            },
            kernel,
            hidden,
            output,
        })
    }

    /// Sets the state to zero, which no weight has had an effect on.
    pub fn reset(&mut self) {
        self.state.set_zero();
        self.traces.clear();
    }

    /// Steps without learning, whose inputs are side by side in `x`; says whether `is_right` holds for all of them, which is
    /// asked with the number of the step and its output units.
    ///
    /// # Errors
    /// Inputs of another length.
    pub fn infer(
        &mut self,
        x: &[f64],
        mut is_right: impl FnMut(usize, &[f64]) -> bool,
    ) -> Result<bool, Error> {
        let (inputs, cells) = (self.kernel.input_len(), self.kernel.output_len());
        let steps = x.len() / inputs;
        self.ys.resize(cells * steps, 0.0);
        let columns = MatRef::from_column_major_slice(x, inputs, steps);
        let y = MatMut::from_column_major_slice_mut(&mut self.ys, cells, steps);
        let (packed, state, workspace) = (&self.packed, &mut self.state, &mut self.workspace);
        (self.kernel).infer(packed, columns, state, y, workspace)?;
        let steps = self.ys.chunks_exact(cells).zip(x.chunks_exact(inputs));
        let (output, shortcuts) = (&mut self.output, self.shortcuts);
        Ok(steps
            .enumerate()
            .all(|(step, (y, x))| is_right(step, output.apply(y, if shortcuts { x } else { &[] }))))
    }

    /// A step to learn from; returns the output units.
    ///
    /// # Errors
    /// An input of another length.
    pub fn forward(&mut self, x: &[f64]) -> Result<&[f64], Error> {
        let x = self.traces.step(x);
        let y = MatMut::from_column_major_slice_mut(&mut self.y, self.dy.len(), 1);
        let column = MatRef::from_column_major_slice(x, x.len(), 1);
        let (packed, state, tape) = (&self.packed, &mut self.state, &mut self.tape);
        (self.kernel).forward(packed, column, state, y, tape)?;
        Ok((self.output).apply(&self.y, if self.shortcuts { x } else { &[] }))
    }

    /// Changes the weights by the gradient of the last step's error, through all steps before. If the step has no
    /// targets, there is no error, and weights change by their momentum only.
    ///
    /// # Errors
    /// Targets of another length.
    pub fn learn(&mut self, targets: &[f64], descent: Descent) -> Result<(), Error> {
        self.gradient.fill(0.0);
        match targets.is_empty() {
            true => {
                self.dy.fill(0.0);
                self.output.gradient.fill(0.0);
            }
            false => self.output.backprop(targets, &mut self.dy),
        }
        let (tape, gradient) = (&mut self.tape, &mut self.gradient);
        (self.traces).backprop(&self.kernel, &self.packed, &self.dy, tape, gradient)?;
        if targets.is_empty() && descent.momentum == 0.0 {
            return Ok(());
        }
        for (gradient, has) in self.gradient.iter_mut().zip(&self.mask) {
            *gradient *= has;
        }
        descend(
            &mut self.hidden,
            &mut self.change.hidden,
            &self.gradient,
            descent,
        );
        let output = &mut self.output;
        descend(
            &mut output.weights,
            &mut self.change.output,
            &output.gradient,
            descent,
        );
        Ok(self.kernel.repack(&self.hidden, &mut self.packed)?)
    }
}

fn descend(weights: &mut [f64], changes: &mut [f64], gradient: &[f64], descent: Descent) {
    let Descent { rate, momentum } = descent;
    for ((weight, change), gradient) in weights.iter_mut().zip(changes).zip(gradient) {
        *change = momentum * *change - rate * gradient;
        *weight += *change;
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::cells::{Lstm1997Truncated, Lstm2002Truncated};

    use super::*;
    use crate::paper::cells::{Lstm2000, Lstm2000Truncated, Lstm2002};
    use crate::paper::output::Squash;
    use crate::paper::topology::{Bias, Topology};

    /// Two blocks of two cells with shortcuts.
    fn design(squash: Squash) -> Design {
        Design {
            topology: Topology {
                inputs: 3,
                blocks: 2,
                cells: 2,
                outputs: 2,
                bias: Bias::All,
                output_bias: true,
                range: 0.7,
                start: vec![("beta_in", vec![-1.0, -2.0])],
            },
            shortcuts: true,
            squash,
            fixed: Vec::new(),
        }
    }

    /// The input and the targets of a step.
    fn step(step: usize) -> ([f64; 3], [f64; 2]) {
        let at = |scale: f64| (scale * step as f64).sin();
        let targets = [0.5 + 0.4 * at(1.7), 0.5 - 0.4 * at(0.9)];
        ([at(1.0), at(2.0), at(3.0)], targets)
    }

    const STEPS: usize = 6;

    /// Half the squared distance to the targets, over all steps.
    fn loss<C: Cell>(network: &mut Online<C>) -> f64 {
        network.packed = network.kernel.pack(&network.hidden).unwrap();
        network.reset();
        let mut loss = 0.0;
        for (x, targets) in (0..STEPS).map(step) {
            let outputs = network.forward(&x).unwrap().iter();
            loss += (outputs.zip(targets))
                .map(|(output, target)| (output - target).powi(2) / 2.0)
                .sum::<f64>();
        }
        loss
    }

    /// With a rate so small that the weights stay what they are, the changes of all steps add up to the rate times the central difference
    /// of the loss.
    #[test]
    fn with_the_full_rule_changes_add_up_to_the_gradient() {
        fn check<C: Cell>(squash: Squash) {
            let (rate, width) = (1e-8, 1e-5);
            let start = || Online::<C>::new(&design(squash), Rule::Full, &mut Rng::new(1)).unwrap();
            let mut learned = start();
            let descent = Descent {
                rate,
                momentum: 0.0,
            };
            for (x, targets) in (0..STEPS).map(step) {
                learned.forward(&x).unwrap();
                learned.learn(&targets, descent).unwrap();
            }
            type Weights<C> = fn(&mut Online<C>) -> &mut Vec<f64>;
            let kinds: [Weights<C>; 2] = [
                |network| &mut network.hidden,
                |network| &mut network.output.weights,
            ];
            for weights in kinds {
                for index in 0..weights(&mut learned).len() {
                    let mut network = start();
                    let before = weights(&mut network)[index];
                    let mut at = |value: f64| {
                        weights(&mut network)[index] = value;
                        loss(&mut network)
                    };
                    let difference = (at(before + width) - at(before - width)) / (2.0 * width);
                    let change = (before - weights(&mut learned)[index]) / rate;
                    // Rounding of the weights over the rate, 1e-16 / 1e-8, and of the loss over the width, 1e-15 / 1e-5.
                    assert!((change - difference).abs() < 1e-7, "{change} {difference}");
                }
            }
        }
        check::<Lstm2000>(Squash::Logistic);
        check::<Lstm2002>(Squash::None);
    }

    /// With the truncated rule they add up to what back-propagation through time gives for the truncated cell: with
    /// the errors of all outputs at once, instead of step by step.
    #[test]
    fn with_the_truncated_rule_changes_add_up_to_those_through_time() {
        fn check<C: Cell>(squash: Squash) {
            let rate = 1e-8;
            let start =
                || Online::<C>::new(&design(squash), Rule::Truncated, &mut Rng::new(1)).unwrap();
            let (before, mut learned) = (start(), start());
            let descent = Descent {
                rate,
                momentum: 0.0,
            };
            let mut whole = start();
            let (mut xs, mut errors) = (Vec::new(), Vec::new());
            for (x, targets) in (0..STEPS).map(step) {
                learned.forward(&x).unwrap();
                learned.learn(&targets, descent).unwrap();
                whole.forward(&x).unwrap();
                whole.output.backprop(&targets, &mut whole.dy);
                xs.extend(x);
                errors.extend_from_slice(&whole.dy);
            }
            let kernel = &whole.kernel;
            let (x, dy) = (
                MatRef::from_column_major_slice(&xs, 3, STEPS),
                MatRef::from_column_major_slice(&errors, 4, STEPS),
            );
            let mut y = vec![0.0; 4 * STEPS];
            let mut tape = kernel.tape(STEPS, 1).unwrap();
            let mut state = kernel.zero_state(1).unwrap();
            let y = MatMut::from_column_major_slice_mut(&mut y, 4, STEPS);
            let packed = kernel.pack(&before.hidden).unwrap();
            kernel
                .forward(&packed, x, &mut state, y, &mut tape)
                .unwrap();
            let mut gradient = vec![0.0; before.hidden.len()];
            state.set_zero();
            kernel
                .backward(&packed, x, dy, &mut state, &mut tape, &mut gradient, None)
                .unwrap();
            let changes = before.hidden.iter().zip(&learned.hidden);
            for ((before, after), gradient) in changes.zip(&gradient) {
                let change = (before - after) / rate;
                // Rounding of the weights over the rate, 1e-16 / 1e-8.
                assert!((change - gradient).abs() < 1e-7, "{change} {gradient}");
            }
        }
        check::<Lstm2000Truncated>(Squash::Logistic);
        check::<Lstm2002Truncated>(Squash::None);
    }

    #[test]
    fn a_change_keeps_its_momentum_and_what_is_fixed_does_not_change() {
        let mut design = design(Squash::Logistic);
        design.fixed = vec![("w_phi", 0.25), ("beta_phi", 3.0)];
        let mut network =
            Online::<Lstm2000Truncated>::new(&design, Rule::Truncated, &mut Rng::new(2)).unwrap();
        let start = network.hidden.clone();
        let descent = Descent {
            rate: 0.5,
            momentum: 0.75,
        };
        let (x, targets) = step(1);
        network.forward(&x).unwrap();
        network.learn(&targets, descent).unwrap();
        let first = network.hidden.clone();
        assert_ne!(first, start);
        network.forward(&x).unwrap();
        network.learn(&[], descent).unwrap();
        for ((start, first), second) in start.iter().zip(&first).zip(&network.hidden) {
            // Rounding of weights below 4.
            assert!((second - first - 0.75 * (first - start)).abs() < 1e-15);
        }
        for (index, param) in Lstm2000Truncated::SPEC.params.iter().enumerate() {
            let values = &network.hidden[network.kernel.param_range(index)];
            match param.name {
                "w_phi" => assert!(values.iter().all(|&value| value == 0.25)),
                "beta_phi" => assert!(values.iter().all(|&value| value == 3.0)),
                _ => {}
            }
        }
    }

    /// Steps at once give the outputs of steps one by one.
    #[test]
    fn steps_without_learning_are_the_same() {
        let design = design(Squash::Logistic);
        let start = || Online::<Lstm2000>::new(&design, Rule::Full, &mut Rng::new(3)).unwrap();
        let (mut one_by_one, mut at_once) = (start(), start());
        let x: Vec<f64> = (0..STEPS).flat_map(|at| step(at).0).collect();
        let outputs: Vec<Vec<f64>> = (x.chunks(3))
            .map(|x| one_by_one.forward(x).unwrap().to_vec())
            .collect();
        assert!(at_once.infer(&x, |step, y| y == outputs[step]).unwrap());
        at_once.reset();
        assert!(!at_once.infer(&x, |step, _| step < STEPS - 1).unwrap());
    }

    /// With its forget gates fixed at 1 the cell of 2000 is that of 1997 whose gates are no sources of anything.
    #[test]
    fn without_forgetting_the_cell_is_that_of_1997() {
        fn states<C: Cell>(design: &Design, zeros: &[&str]) -> Vec<f64> {
            let mut network = Online::<C>::new(design, Rule::Truncated, &mut Rng::new(4)).unwrap();
            for (index, param) in C::SPEC.params.iter().enumerate() {
                let range = network.kernel.param_range(index);
                // Weights of a name are the same in both, however many there are of other names.
                let mut rng = Rng::new(param.name.bytes().map(u64::from).sum());
                match zeros.contains(&param.name) {
                    true => network.hidden[range].fill(0.0),
                    false if param.name.ends_with("_phi") => {}
                    false => network.hidden[range].fill_with(|| rng.symmetric(2.0)),
                }
            }
            network.packed = network.kernel.pack(&network.hidden).unwrap();
            let outputs = (0..50).flat_map(|at| {
                network.forward(&step(at).0).unwrap();
                network.y.clone()
            });
            outputs.collect()
        }
        let mut design = design(Squash::Logistic);
        let old = states::<Lstm1997Truncated>(
            &design,
            &["v_in", "v_out", "v_c", "r_in", "r_out", "r_c", "beta_c"],
        );
        design.fixed = vec![("w_phi", 0.0), ("u_phi", 0.0), ("beta_phi", 1000.0)];
        let new = states::<Lstm2000Truncated>(&design, &[]);
        for (old, new) in old.iter().zip(&new) {
            // Sums of some 50 terms, in another order.
            assert!((old - new).abs() < 1e-13, "{old} {new}");
        }
    }
}
