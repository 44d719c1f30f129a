//! Which weights a network has, and where they start.

use lstm_core::{Cell, Kernel, Rng};

/// Which hidden units have a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// None.
    None,
    /// The gates.
    Gates,
    /// Gates and cell inputs.
    All,
}

/// A network of memory blocks between inputs and outputs, as the papers describe theirs.
#[derive(Debug, Clone)]
pub struct Topology {
    /// Input units.
    pub inputs: usize,
    /// Memory blocks.
    pub blocks: usize,
    /// Cells in each block.
    pub cells: usize,
    /// Output units.
    pub outputs: usize,
    /// Which hidden units have a bias.
    pub bias: Bias,
    /// Whether output units have one.
    pub output_bias: bool,
    /// Weights start uniform over plus and minus this.
    pub range: f64,
    /// Biases that start elsewhere: the parameter, and a value for each block.
    pub start: Vec<(&'static str, Vec<f64>)>,
}

impl Topology {
    /// Sizes of the cell: inputs, blocks, cells a block.
    pub fn sizes(&self) -> [usize; 3] {
        [self.inputs, self.blocks, self.cells]
    }

    /// Cells of all blocks.
    pub fn all_cells(&self) -> usize {
        self.blocks * self.cells
    }

    /// What each output unit sees: the cells, and 1 for its bias.
    pub fn output_sources(&self) -> usize {
        self.all_cells() + usize::from(self.output_bias)
    }

    /// Whether the network has the parameter `name` of its cell.
    fn has(&self, name: &str) -> bool {
        match name {
            "beta_c" => self.bias == Bias::All,
            _ if name.starts_with("beta_") => self.bias != Bias::None,
            _ => true,
        }
    }

    /// For every number among a cell's parameters whether the network has it; those it has not stay 0.
    pub fn mask<C: Cell>(&self, kernel: &Kernel<C, f64>) -> Vec<f64> {
        let mut mask = vec![0.0; kernel.params_len()];
        for (index, param) in C::SPEC.params.iter().enumerate() {
            mask[kernel.param_range(index)].fill(f64::from(u8::from(self.has(param.name))));
        }
        mask
    }

    /// The parameters of the cell as they start.
    pub fn start<C: Cell>(&self, kernel: &Kernel<C, f64>, rng: &mut Rng) -> Vec<f64> {
        let mut params = self.mask(kernel);
        for value in params.iter_mut().filter(|value| **value != 0.0) {
            *value = rng.symmetric(self.range);
        }
        for (name, values) in self.start.iter().filter(|(name, _)| self.has(name)) {
            let found = C::SPEC.params.iter().position(|param| param.name == *name);
            if let Some(index) = found {
                let bias = &mut params[kernel.param_range(index)];
                (bias.iter_mut().zip(values)).for_each(|(bias, value)| *bias = *value);
            }
        }
        params
    }

    /// The weights of all output units as they start, if each sees so many sources.
    pub fn start_outputs(&self, sources: usize, rng: &mut Rng) -> Vec<f64> {
        let weights = 0..self.outputs * sources;
        weights.map(|_| rng.symmetric(self.range)).collect()
    }

    /// How many weights the network has: what the papers count.
    pub fn weights<C: Cell>(&self, kernel: &Kernel<C, f64>) -> usize {
        self.count(&self.mask(kernel), self.output_sources())
    }

    /// How many weights there are with this mask of the hidden ones, and so many sources of each output unit.
    pub fn count(&self, mask: &[f64], sources: usize) -> usize {
        mask.iter().filter(|&&has| has != 0.0).count() + self.outputs * sources
    }
}

/// The values `first`, 2 `first`, 3 `first` ... for so many blocks, as the papers bias their gates.
pub fn descending(first: f64, blocks: usize) -> Vec<f64> {
    (1..=blocks).map(|block| first * block as f64).collect()
}
