//! The tables that tell the run-time library what to multiply, where values are kept and which gradients to form.

use proc_macro2::TokenStream;
use quote::quote;

use super::option;
use crate::model::Cell;
use crate::plan::layout::{Place, Record, Slot};
use crate::plan::{Operand, Pass, Plan};

/// The `Program` of a cell as a constant expression.
pub fn program(cell: &Cell, plan: &Plan) -> TokenStream {
    let leads = plan.leads.iter().map(|lead| {
        let axis = lead.axis;
        let block = option(lead.block.map(|block| block.0));
        let [params, kept, tape, columns, errors, carries, spill, gradients] =
            [lead.params, lead.kept, lead.tape, lead.columns, lead.errors, lead.carries, lead.spill, lead.gradients]
                .map(record);
        quote! {
            rt::Lead {
                axis: #axis, block: #block, params: #params, kept: #kept, tape: #tape, columns: #columns,
                errors: #errors, carries: #carries, spill: #spill, gradients: #gradients,
            }
        }
    });
    let forward = plan.forward.passes.iter().map(pass);
    let backward = plan.backward.passes.iter().map(pass);
    let vectors = plan.vectors.iter().map(|&(param, lead, place)| {
        let (param, place) = (param.0, slot(place));
        quote!(rt::Vector { param: #param, lead: #lead, slot: #place })
    });
    let scalars = plan.scalars.iter().map(|param| param.0);
    let carried = plan.carried.iter().map(|carried| {
        let (lead, carry) = (carried.lead, slot(carried.carry));
        let place = match carried.place {
            Place::Column(place) => {
                let place = slot(place);
                quote!(rt::Place::Column(#place))
            }
            Place::Lanes(place) => {
                let place = slot(place);
                quote!(rt::Place::Lanes(#place))
            }
            Place::Scalar(_) => unreachable!("carried quantities are vectors"),
        };
        quote!(rt::Carried { lead: #lead, place: #place, carry: #carry })
    });
    let outer = plan.outer.iter().map(|&(matrix, lead, place, source)| {
        let (matrix, place, source) = (matrix.0, slot(place), operand(source));
        quote!(rt::OuterGradient { matrix: #matrix, lead: #lead, slot: #place, operand: #source })
    });
    let input_products = plan.input_products.iter().map(|&(matrix, lead, place)| {
        let (matrix, place) = (matrix.0, slot(place));
        quote!(rt::InputProduct { matrix: #matrix, lead: #lead, slot: #place })
    });
    let column_gradients = plan.column_gradients.iter().map(|gradient| {
        let (param, lead, place) = (gradient.param.0, gradient.lead, slot(gradient.slot));
        quote!(rt::ColumnGradient { param: #param, lead: #lead, slot: #place })
    });
    let gradients = plan.gradients.iter().map(|gradient| {
        let (param, lead, place, scalar) = (
            gradient.param.0,
            gradient.lead,
            slot(gradient.slot),
            gradient.scalar,
        );
        quote!(rt::Gradient { param: #param, lead: #lead, slot: #place, scalar: #scalar })
    });
    let (forward_sums, backward_sums) = (plan.forward.scalars, plan.backward.scalars);
    let input_gradient = plan.input_gradient;
    let output_lead = cell
        .quantity(cell.output)
        .shape
        .first()
        .map_or(0, |axis| lead_index(plan, axis.0));
    let input_lead = cell
        .input
        .shape
        .first()
        .map_or(0, |axis| lead_index(plan, axis.0));
    quote! {
        rt::Program {
            leads: &[#(#leads),*],
            input_lead: #input_lead,
            output_lead: #output_lead,
            vectors: &[#(#vectors),*],
            scalars: &[#(#scalars),*],
            carried: &[#(#carried),*],
            forward: &[#(#forward),*],
            backward: &[#(#backward),*],
            forward_sums: #forward_sums,
            backward_sums: #backward_sums,
            outer: &[#(#outer),*],
            input_products: &[#(#input_products),*],
            input_gradient: #input_gradient,
            column_gradients: &[#(#column_gradients),*],
            gradients: &[#(#gradients),*],
        }
    }
}

fn lead_index(plan: &Plan, axis: usize) -> usize {
    plan.leads
        .iter()
        .position(|lead| lead.axis == axis)
        .unwrap_or_default()
}

fn pass(pass: &Pass) -> TokenStream {
    let (lead, level, rows) = (pass.lead, pass.level, record(pass.rows));
    let segments = pass.segments.iter().map(|segment| {
        let source = operand(segment.operand);
        let products = segment.products.iter().map(|&(matrix, transposed, row)| {
            let (matrix, row) = (matrix.0, slot(row));
            quote!(rt::Product { matrix: #matrix, transposed: #transposed, row: #row })
        });
        quote!(rt::Segment { operand: #source, products: &[#(#products),*] })
    });
    quote!(rt::Pass { lead: #lead, level: #level, rows: #rows, segments: &[#(#segments),*] })
}

fn operand(operand: Operand) -> TokenStream {
    match operand {
        Operand::Input => quote!(rt::Operand::Input),
        Operand::Forward {
            lead,
            slot: place,
            previous,
        } => {
            let place = slot(place);
            quote!(rt::Operand::Forward { lead: #lead, slot: #place, previous: #previous })
        }
        Operand::Error {
            lead,
            slot: place,
            next,
        } => {
            let place = slot(place);
            quote!(rt::Operand::Error { lead: #lead, slot: #place, next: #next })
        }
    }
}

fn record(record: Record) -> TokenStream {
    let Record { units, cells } = record;
    quote!(rt::Record { units: #units, cells: #cells })
}

fn slot(slot: Slot) -> TokenStream {
    let Slot {
        units,
        cells,
        per_cell,
    } = slot;
    quote!(rt::Slot { units: #units, cells: #cells, per_cell: #per_cell })
}
