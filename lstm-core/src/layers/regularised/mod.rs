//! Noise on what a recurrent layer carries from step to step: zoneout and recurrent dropout.
//!
//! Both act between two steps, so a layer with them goes step by step. With s the carried quantity that a step reads,
//! s̃ what the equations make of it, z and m random masks:
//!
//! ```text
//! s̃[t] = cell(x[t], m * s[t-1])                recurrent dropout: m is 0 or 1 / (1 - p), the same for all steps
//! s[t] = z[t] * s[t-1] + (1 - z[t]) * s̃[t]     zoneout: z is 1 with probability p, drawn for every step
//! ```

mod memory;
mod passes;

use faer::MatMut;
use lstm_kernels::equations::Node;
use lstm_kernels::{Cell, Element, State};

use super::gather::Part;
use crate::error::{Error, Result, require_fraction};
use crate::params::{Name, Parameters, Visit, VisitCells, VisitMut};
use crate::recurrent::Recurrent;

/// A recurrent layer with zoneout (Krueger et al. 2017) or variational recurrent dropout (Gal and Ghahramani 2016) on
/// any quantity that its cell carries.
///
/// Zoneout keeps a unit's old value with a given probability; in inference, old and new are mixed in that proportion. If
/// the quantity is the cell's output, the layer puts out the mixed one. Recurrent dropout hides units from the next step,
/// the same ones at all steps of a call; in inference, none.
///
/// ```
/// use lstm_core::cells::Lstm;
/// use lstm_core::layers::Regularised;
/// use lstm_core::{Recurrent, Rng};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let layer = Recurrent::<Lstm, f32>::new(&[8, 16], &mut Rng::new(1))?;
/// let layer = Regularised::new(layer)
///     .with_zoneout("c", 0.5)?
///     .with_zoneout("h", 0.05)?
///     .with_recurrent_dropout("h", 0.25)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Regularised<C: Cell, T: Element> {
    layer: Recurrent<C, T>,
    /// For each carried quantity the probabilities.
    zoneout: Vec<f64>,
    dropout: Vec<f64>,
}

impl<C: Cell, T: Element> Regularised<C, T> {
    /// A layer without noise so far.
    pub fn new(layer: Recurrent<C, T>) -> Self {
        let count = C::SPEC.carried.len();
        Self {
            layer,
            zoneout: vec![0.0; count],
            dropout: vec![0.0; count],
        }
    }

    /// With zoneout of probability `rate` on the carried quantity `name`, spelled as in the equations or in ASCII.
    ///
    /// # Errors
    /// A name that is not carried; a rate outside [0, 1).
    pub fn with_zoneout(mut self, name: &str, rate: f64) -> Result<Self> {
        require_fraction("the rate of zoneout", rate)?;
        self.zoneout[Recurrent::<C, T>::carried(name)?] = rate;
        Ok(self)
    }

    /// With dropout of probability `rate` on what a step reads of the carried quantity `name`.
    ///
    /// # Errors
    /// A name that is not carried; a rate outside [0, 1); a quantity that equations read other than through products with
    /// matrices, as the leak of a GRU does: what is scaled up at each step would grow without bound there. Such a cell can
    /// carry a copy for its products, `r[t] = h[t];`, and drop that.
    pub fn with_recurrent_dropout(mut self, name: &str, rate: f64) -> Result<Self> {
        require_fraction("the rate of recurrent dropout", rate)?;
        let index = Recurrent::<C, T>::carried(name)?;
        if !is_read_by_products_alone::<C>(index) {
            return Err(Error::RecurrentDropout {
                cell: C::SPEC.name,
                name: C::SPEC.carried[index].symbol,
            });
        }
        self.dropout[index] = rate;
        Ok(self)
    }

    /// The layer.
    pub fn layer(&self) -> &Recurrent<C, T> {
        &self.layer
    }

    /// The layer, to be changed.
    pub fn layer_mut(&mut self) -> &mut Recurrent<C, T> {
        &mut self.layer
    }

    /// The carried quantity that is the output, if any has zoneout.
    fn zoned_output(&self) -> Option<usize> {
        let carried = C::SPEC.carried.iter();
        let mut indices = carried.zip(&self.zoneout).enumerate();
        indices
            .find(|(_, (carried, rate))| carried.symbol == C::SPEC.output.symbol && **rate > 0.0)
            .map(|(index, _)| index)
    }

    /// The states of a part before its step, begun anew where that is due: one to change, and one to mix it with.
    fn enter(&self, part: Part<'_>, all: &State<T>) -> Result<(State<T>, State<T>)> {
        let mut own = self.layer.kernel().zero_state(part.samples().len())?;
        part.take_state(all, &mut own);
        self.layer.begin_anew(&part.segment.fresh, &mut own);
        Ok((own.clone(), own))
    }

    /// Puts out the mixed quantity, if the output is one.
    fn put_out(&self, state: &State<T>, mut y: MatMut<'_, T>) {
        if let Some(index) = self.zoned_output() {
            y.copy_from(state.get(index));
        }
    }
}

/// Whether every use of a carried quantity one step later is as the vector of a product.
fn is_read_by_products_alone<C: Cell>(index: usize) -> bool {
    let (spec, symbol) = (&C::SPEC, C::SPEC.carried[index].symbol);
    let is_read = |node: usize| match spec.nodes[node] {
        Node::Previous(quantity) => spec.quantities[quantity].symbol == symbol,
        _ => false,
    };
    let is_left_side = spec
        .quantities
        .iter()
        .any(|quantity| is_read(quantity.node));
    !is_left_side
        && (spec.nodes.iter()).all(|node| match node {
            Node::Product(..) => true,
            other => !other.operands().any(is_read),
        })
}

impl<C: Cell, T: Element> Parameters<T> for Regularised<C, T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        self.layer.visit(name, visit)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        self.layer.visit_mut(name, visit)
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        self.layer.visit_cells(name, visit);
    }
}

#[cfg(test)]
mod tests;
