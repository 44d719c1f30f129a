//! The description of the cell: names, axes, roles.

use std::hash::Hasher;

use fnv::FnvHasher;
use proc_macro2::TokenStream;
use quote::quote;

use crate::expr::{Op, ParamId, Shape};
use crate::model::{Cell, Name, Role};
use crate::plan::Plan;

use super::{equations, literal, option, work};

/// The `CellSpec` of a cell as a constant expression.
pub fn spec(cell: &Cell, plan: &Plan, root: &TokenStream) -> TokenStream {
    let name = cell.name.to_string();
    let doc = cell
        .docs
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join("\n");
    let sizes = cell.sizes.iter().map(|size| {
        let ascii = &size.name.ascii;
        let default = option(size.default);
        quote!(#root::SizeSpec { name: #ascii, default: #default })
    });
    let params = cell.params.iter().enumerate().map(|(index, param)| {
        let Name { symbol, ascii } = &param.name;
        let axes = axes(&param.shape);
        let (role, row_axes) = match param.role {
            Role::Matrix { row_axes } if reads_only_input(cell, ParamId(index)) => (quote!(InputMatrix), row_axes),
            Role::Matrix { row_axes } => (quote!(RecurrentMatrix), row_axes),
            Role::Elementwise if param.shape.is_empty() => (quote!(Scalar), 0),
            Role::Elementwise => (quote!(Vector), param.shape.len()),
        };
        let start = option(param.start.as_ref().map(literal));
        quote!(#root::ParamSpec { symbol: #symbol, name: #ascii, axes: #axes, row_axes: #row_axes, role: #root::ParamRole::#role, start: #start })
    });
    let vector = |name: &Name, shape: &Shape| {
        let (symbol, ascii, axes) = (&name.symbol, &name.ascii, axes(shape));
        quote!(#root::VectorSpec { symbol: #symbol, name: #ascii, axes: #axes })
    };
    let input = vector(&cell.input.name, &cell.input.shape);
    let carried = cell
        .carried()
        .map(|id| vector(&cell.quantity(id).name, &cell.quantity(id).shape));
    let output = vector(
        &cell.quantity(cell.output).name,
        &cell.quantity(cell.output).shape,
    );
    let equations = crate::print::equations(cell);
    let hash = fnv1a(equations.as_bytes());
    let equations::Table { quantities, nodes } = equations::table(cell);
    let cost = work::cost(cell, plan);
    quote! {
        #root::CellSpec {
            name: #name,
            doc: #doc,
            sizes: &[#(#sizes),*],
            input: #input,
            params: &[#(#params),*],
            carried: &[#(#carried),*],
            output: #output,
            equations: #equations,
            equations_hash: #hash,
            quantities: &[#(#quantities),*],
            nodes: &[#(#nodes),*],
            cost: #cost,
        }
    }
}

/// The indices of axes.
pub(super) fn axes(shape: &Shape) -> TokenStream {
    let indices = shape.iter().map(|axis| axis.0);
    quote!(&[#(#indices),*])
}

fn reads_only_input(cell: &Cell, param: ParamId) -> bool {
    let roots: Vec<_> = cell
        .quantities
        .iter()
        .map(|quantity| quantity.definition)
        .collect();
    cell.graph
        .reachable(&roots)
        .into_iter()
        .all(|id| match *cell.graph.op(id) {
            Op::Product {
                matrix, mut vector, ..
            } if matrix == param => {
                // Stopping a gradient changes nothing of where the vector comes from.
                while let Op::Stop(inner) = *cell.graph.op(vector) {
                    vector = inner;
                }
                matches!(cell.graph.op(vector), Op::Input(_))
            }
            _ => true,
        })
}

/// The 64-bit FNV-1a hash: short, stable and the same everywhere.
fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(bytes);
    hasher.finish()
}
