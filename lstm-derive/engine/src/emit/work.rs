//! The cost of a step as a table, for those who want to know it for sizes of their own.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use crate::cost::{self, DirectionCost, Operations};
use crate::expr::Shape;
use crate::model::Cell;
use crate::plan::Plan;

use super::spec::axes;

/// The `equations::Cost` of a cell as a constant expression.
pub fn cost(cell: &Cell, plan: &Plan) -> TokenStream {
    let cost = cost::cost(cell, plan);
    let forward = direction(&cost.forward, &cost.forward.elementwise);
    let mut elementwise = cost.backward.elementwise.clone();
    for shape in &cost.gradient_sums {
        elementwise.entry(shape.clone()).or_default().cheap += 1;
    }
    let backward = direction(&cost.backward, &elementwise);
    let gradients = plan.outer.iter().map(|&(matrix, ..)| matrix.0);
    let input_gradient = plan.input_products.iter().map(|&(matrix, ..)| matrix.0);
    let (tape, errors) = (vectors(&cost.tape), vectors(&cost.errors));
    quote! {
        equations::Cost {
            forward: #forward,
            backward: #backward,
            gradients: &[#(#gradients),*],
            input_gradient: &[#(#input_gradient),*],
            tape: &[#(#tape),*],
            errors: &[#(#errors),*],
        }
    }
}

fn direction(direction: &DirectionCost, elementwise: &BTreeMap<Shape, Operations>) -> TokenStream {
    let products = direction.matrices.iter().map(|matrix| matrix.0);
    let elementwise = elementwise.iter().map(|(shape, operations)| {
        let axes = axes(shape);
        let Operations {
            cheap,
            costly,
            sums,
        } = operations;
        quote!(equations::Elementwise::new(#axes, #cheap, #costly, #sums))
    });
    quote! {
        equations::StepCost {
            products: &[#(#products),*],
            elementwise: &[#(#elementwise),*],
        }
    }
}

fn vectors(kept: &[(String, Shape)]) -> Vec<TokenStream> {
    let vectors = kept.iter().map(|(symbol, shape)| {
        let axes = axes(shape);
        quote!(equations::Vector::new(#symbol, #axes))
    });
    vectors.collect()
}
