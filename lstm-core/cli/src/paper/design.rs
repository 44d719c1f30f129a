//! A network that learns at every step of a stream: which weights it has, and which parameters of its cell are none.

use lstm_core::{Cell, Kernel, Rng};

use super::output::{Output, Squash};
use super::topology::Topology;

/// A topology with what only networks for streams have.
#[derive(Debug, Clone)]
pub struct Design {
    /// Blocks, biases, and where weights start.
    pub topology: Topology,
    /// Whether output units see the inputs.
    pub shortcuts: bool,
    /// What output units make of their net inputs.
    pub squash: Squash,
    /// Parameters of the cell that are no weights, because they keep a value.
    pub fixed: Vec<(&'static str, f64)>,
}

impl Design {
    /// For every number among a cell's parameters 1 if it is a weight, else 0.
    pub fn mask<C: Cell>(&self, kernel: &Kernel<C, f64>) -> Vec<f64> {
        let mut mask = self.topology.mask(kernel);
        self.fix(kernel, &mut mask, |_| 0.0);
        mask
    }

    /// The parameters of the cell as they start.
    pub fn start<C: Cell>(&self, kernel: &Kernel<C, f64>, rng: &mut Rng) -> Vec<f64> {
        let mut params = self.topology.start(kernel, rng);
        self.fix(kernel, &mut params, |value| value);
        params
    }

    fn fix<C: Cell>(&self, kernel: &Kernel<C, f64>, of: &mut [f64], to: impl Fn(f64) -> f64) {
        for (index, param) in C::SPEC.params.iter().enumerate() {
            if let Some((_, value)) = self.fixed.iter().find(|(name, _)| *name == param.name) {
                of[kernel.param_range(index)].fill(to(*value));
            }
        }
    }

    /// The output units as they start.
    pub fn output(&self, rng: &mut Rng) -> Output {
        let topology = &self.topology;
        let weights = topology.start_outputs(self.output_sources(), rng);
        Output::new(self.squash, weights, topology.outputs)
    }

    fn output_sources(&self) -> usize {
        let shortcuts = usize::from(self.shortcuts) * self.topology.inputs;
        self.topology.output_sources() + shortcuts
    }

    /// How many weights the network has: what the papers count.
    pub fn weights<C: Cell>(&self, kernel: &Kernel<C, f64>) -> usize {
        (self.topology).count(&self.mask(kernel), self.output_sources())
    }
}
