//! The output units of a network that learns at every step.

/// What an output unit makes of its net input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squash {
    /// A number from 0 to 1.
    Logistic,
    /// What comes in.
    None,
}

impl Squash {
    fn of(self, net: f64) -> f64 {
        match self {
            Self::Logistic => logistic(net),
            Self::None => net,
        }
    }

    /// The derivative where the output is `y`.
    fn derivative(self, y: f64) -> f64 {
        match self {
            Self::Logistic => y * (1.0 - y),
            Self::None => 1.0,
        }
    }
}

/// A number from 0 to 1.
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Output units with their weights. Each sees the cells, then the inputs if there are shortcuts, then 1 for its bias.
pub struct Output {
    pub squash: Squash,
    /// One source's weights to all units after the other's.
    pub weights: Vec<f64>,
    pub gradient: Vec<f64>,
    sources: Vec<f64>,
    units: Vec<f64>,
    deltas: Vec<f64>,
}

impl Output {
    /// Units with such weights, so many for each of their sources.
    pub fn new(squash: Squash, weights: Vec<f64>, units: usize) -> Self {
        Self {
            squash,
            gradient: vec![0.0; weights.len()],
            sources: vec![1.0; weights.len() / units.max(1)],
            units: vec![0.0; units],
            deltas: vec![0.0; units],
            weights,
        }
    }

    /// The units for the cells `y` and the inputs `x`; if there are no shortcuts, the latter are empty.
    pub fn apply(&mut self, y: &[f64], x: &[f64]) -> &[f64] {
        let (cells, rest) = self.sources.split_at_mut(y.len());
        cells.copy_from_slice(y);
        rest[..x.len()].copy_from_slice(x);
        self.units.fill(0.0);
        let weights = self.weights.chunks_exact(self.units.len());
        for (&source, weights) in self.sources.iter().zip(weights) {
            (self.units.iter_mut().zip(weights)).for_each(|(net, weight)| *net += source * weight);
        }
        for unit in &mut self.units {
            *unit = self.squash.of(*unit);
        }
        &self.units
    }

    /// From half the squared distance of the units to `targets` to the gradient of the weights and the errors of the cells.
    pub fn backprop(&mut self, targets: &[f64], dy: &mut [f64]) {
        for ((delta, &unit), target) in self.deltas.iter_mut().zip(&self.units).zip(targets) {
            *delta = (unit - target) * self.squash.derivative(unit);
        }
        let count = self.units.len();
        let gradients = self.gradient.chunks_exact_mut(count);
        for (gradient, &source) in gradients.zip(&self.sources) {
            for (gradient, delta) in gradient.iter_mut().zip(&self.deltas) {
                *gradient = source * delta;
            }
        }
        for (dy, weights) in dy.iter_mut().zip(self.weights.chunks_exact(count)) {
            let products = self.deltas.iter().zip(weights);
            *dy = products.map(|(delta, weight)| delta * weight).sum();
        }
    }
}
