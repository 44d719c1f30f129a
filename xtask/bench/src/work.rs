//! The work that is measured, and how much arithmetic it is.

use faer::Mat;
use lstm_core::init::{CellInit, Init};
use lstm_core::params::{Name, Parameters};
use lstm_core::{
    Cell, CellSpec, Element, Kernel, ParamRole, Recurrent, Result, Rng, State, Tape, Workspace,
};

use crate::grid::Point;

/// Sizes for a cell: axes of the input are inputs, axes with a default keep it, all others are units.
pub fn sizes(spec: &CellSpec, point: &Point) -> Vec<usize> {
    let size = |(axis, size): (usize, &lstm_core::SizeSpec)| match size.default {
        _ if spec.input.axes.contains(&axis) => point.inputs,
        Some(default) => default,
        None => point.hidden,
    };
    spec.sizes.iter().enumerate().map(size).collect()
}

/// Operations of a pass, and the weights it cannot avoid to read at every step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Multiplications and additions of the matrix products of inference over the whole point. Training does each
    /// product three times: forward, for the error of the operand, for the gradient of the matrix.
    pub infer_flops: usize,
    /// Numbers in the matrices that multiply what a step before, or an earlier equation of the step, computed.
    pub recurrent_weights: usize,
}

impl Load {
    /// The load of a cell at a point.
    pub fn new(spec: &CellSpec, point: &Point) -> Self {
        let sizes = sizes(spec, point);
        let (mut weights, mut recurrent_weights) = (0, 0);
        for param in spec.params {
            let numbers: usize = param.axes.iter().map(|&axis| sizes[axis]).product();
            match param.role {
                ParamRole::InputMatrix => weights += numbers,
                ParamRole::RecurrentMatrix => {
                    weights += numbers;
                    recurrent_weights += numbers;
                }
                ParamRole::Vector | ParamRole::Scalar => {}
            }
        }
        Self {
            infer_flops: 2 * weights * point.steps * point.batch,
            recurrent_weights,
        }
    }
}

/// A layer with everything that a pass over a point needs, so that a call allocates nothing of its own.
#[derive(Debug)]
pub struct Work<C: Cell, T: Element> {
    layer: Recurrent<C, T>,
    x: Mat<T>,
    y: Mat<T>,
    dy: Mat<T>,
    dx: Mat<T>,
    state: State<T>,
    workspace: Workspace<T>,
    tape: Tape<T>,
    gradient: Vec<T>,
}

impl<C: Cell, T: Element> Work<C, T> {
    /// The work of a kernel at a point, on numbers that are the same in every run.
    pub fn new(kernel: Kernel<C, T>, point: &Point) -> Result<Self> {
        let mut rng = Rng::new(1);
        let mut layer = Recurrent::with_kernel(kernel)?;
        let init = Init::by_units(layer.output_len());
        layer.initialise(&CellInit::all(init), &mut rng)?;
        // What does not fit into memory is refused here, before matrices of as many columns are made.
        let tape = layer.tape(point.steps, point.batch)?;
        let columns = point.steps * point.batch;
        Ok(Self {
            x: Mat::from_fn(layer.input_len(), columns, |_, _| T::from_f64(rng.normal())),
            y: Mat::zeros(layer.output_len(), columns),
            dy: Mat::from_fn(layer.output_len(), columns, |_, _| T::from_f64(1.0)),
            dx: Mat::zeros(layer.input_len(), columns),
            state: layer.zero_state(point.batch)?,
            workspace: layer.workspace(point.batch)?,
            tape,
            gradient: vec![T::default(); layer.params().len()],
            layer,
        })
    }

    /// All outputs from a state of zeros.
    pub fn infer(&mut self) -> Result<()> {
        self.state.set_zero();
        let (x, y) = (self.x.as_ref(), self.y.as_mut());
        self.layer.seq(x, &mut self.state, y, &mut self.workspace)
    }

    /// All outputs, then the gradient of their sum with respect to every parameter and to x.
    pub fn train(&mut self) -> Result<()> {
        self.repack()?;
        self.forward()?;
        self.backward()
    }

    /// All outputs from a state of zeros, on the tape.
    pub fn forward(&mut self) -> Result<()> {
        self.state.set_zero();
        let (x, y) = (self.x.as_ref(), self.y.as_mut());
        self.layer.record(x, &mut self.state, y, &mut self.tape)
    }

    /// The gradient of the sum of the outputs on the tape with respect to every parameter and to x.
    pub fn backward(&mut self) -> Result<()> {
        self.gradient.fill(T::default());
        // From here on the state is the gradient with respect to the final state, which the sum does not see.
        self.state.set_zero();
        let dx = Some(self.dx.as_mut());
        let Self {
            layer,
            x,
            dy,
            state,
            tape,
            gradient,
            ..
        } = self;
        layer.backprop(x.as_ref(), dy.as_ref(), state, tape, gradient, dx)
    }

    /// Packs the parameters as after the step of an optimiser, whose own arithmetic is not measured.
    pub fn repack(&mut self) -> Result<()> {
        self.layer.visit_mut(Name::ROOT, &mut |_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::Width;
    use lstm_core::cells::{GruResetAfter, Lstm, PeepholeLstm, ProjectionLstm};

    use super::*;

    const POINT: Point = Point {
        batch: 3,
        steps: 5,
        inputs: 7,
        hidden: 11,
    };

    #[test]
    fn operations_are_those_of_the_products() {
        // LSTM: 4 gates of 11 rows over 7 inputs and 11 units; 5 steps, 3 samples.
        let lstm = Load::new(&Lstm::SPEC, &POINT);
        assert_eq!(lstm.infer_flops, 2 * 15 * 4 * 11 * (7 + 11));
        assert_eq!(lstm.recurrent_weights, 4 * 11 * 11);
        // Peepholes are element-wise and count nothing; a block has one cell.
        assert_eq!(Load::new(&PeepholeLstm::SPEC, &POINT), lstm);
        // GRU: three gates.
        assert_eq!(
            Load::new(&GruResetAfter::SPEC, &POINT).infer_flops,
            2 * 15 * 3 * 11 * (7 + 11)
        );
        // Projection: the LSTM's products and P, as many projected units as units.
        let projection = Load::new(&ProjectionLstm::SPEC, &POINT);
        assert_eq!(
            projection.infer_flops,
            2 * 15 * (4 * 11 * (7 + 11) + 11 * 11)
        );
        assert_eq!(projection.recurrent_weights, 5 * 11 * 11);
    }

    /// The two kinds of pass run the same equations, and training leaves a gradient.
    #[test]
    fn the_work_is_done() {
        for width in Width::available() {
            let sizes = sizes(&PeepholeLstm::SPEC, &POINT);
            let kernel = Kernel::<PeepholeLstm, f64>::with_width(&sizes, width).unwrap();
            let mut work = Work::new(kernel, &POINT).unwrap();
            work.infer().unwrap();
            let inferred = work.y.clone();
            work.train().unwrap();
            assert_eq!(inferred, work.y);
            assert!(inferred.norm_max() > 0.0);
            assert!(work.dx.norm_max() > 0.0);
            // The gradient with respect to an output bias is a sum of terms of one sign only by accident, so not zero.
            assert!(work.gradient.iter().all(|&value| value != 0.0));
        }
    }
}
