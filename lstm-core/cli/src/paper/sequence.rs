//! A sequence to learn from. Its memory is used again for the next one.

use faer::MatRef;

/// Inputs of every step, and targets of the last steps: of all, or of the last one only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sequence {
    inputs: usize,
    x: Vec<f64>,
    targets: Vec<f64>,
}

impl Sequence {
    /// Begins anew, with so many inputs.
    pub fn clear(&mut self, inputs: usize) {
        self.inputs = inputs;
        self.x.clear();
        self.targets.clear();
    }

    /// A further step.
    pub fn push(&mut self, x: &[f64]) {
        debug_assert_eq!(x.len(), self.inputs);
        self.x.extend_from_slice(x);
    }

    /// A further step whose input is 1 at `symbol` and 0 elsewhere.
    pub fn push_symbol(&mut self, symbol: usize) {
        let start = self.x.len();
        self.x.resize(start + self.inputs, 0.0);
        self.x[start + symbol] = 1.0;
    }

    /// Targets of a further step.
    pub fn target(&mut self, target: impl IntoIterator<Item = f64>) {
        self.targets.extend(target);
    }

    /// A target that is 1 at `class` and 0 elsewhere.
    pub fn target_class(&mut self, class: usize, classes: usize) {
        self.target((0..classes).map(|index| f64::from(u8::from(index == class))));
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.x.len() / self.inputs.max(1)
    }

    /// The input of a step.
    pub fn input(&self, step: usize) -> &[f64] {
        &self.x[step * self.inputs..][..self.inputs]
    }

    /// The inputs as a matrix, one column a step.
    pub fn x(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.x, self.inputs, self.steps())
    }

    /// The targets, one step after the other.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }
}

#[cfg(test)]
impl Sequence {
    /// Which input is 1 in each step.
    pub fn symbols(&self) -> Vec<usize> {
        let symbol = |step| {
            let input = self.input(step);
            assert_eq!(input.iter().sum::<f64>(), 1.0);
            input.iter().position(|&value| value == 1.0).unwrap()
        };
        (0..self.steps()).map(symbol).collect()
    }
}
