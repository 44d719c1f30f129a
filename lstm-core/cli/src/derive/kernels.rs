//! What the kernels do in a step, and what that costs.

use std::collections::{BTreeMap, BTreeSet};

use lstm_derive_engine::Compiled;
use lstm_derive_engine::cost::{Cost, DirectionCost, Operations, cost, intermediate_terms};
use lstm_derive_engine::expr::Shape;
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::plan::listing::listing;
use maud::{Markup, html};

use super::sections::axes;

/// The section with its table.
pub fn section(compiled: &Compiled) -> Markup {
    let (cell, plan) = (&compiled.cell, &compiled.plan);
    let cost = cost(cell, plan);
    let (names, nameless) = cost.tape_names();
    let counts = Counts {
        cell,
        only_units: only_units(&cost),
    };
    html! {
        p { "The kernels walk over the units in passes. A pass begins with its matrix products; the element-wise equations "
            "follow while the sums are still in registers. "
            @if cost.backward.products.is_empty() {
                "Backward is the mirror image, without products, as no error goes through a matrix. "
            } @else {
                "Backward is the mirror image, with transposed matrices. "
            }
            "Gradients of matrices are left to the end: one large product each, over all steps." }
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "one step" } th { "passes" } th { "matrix products" } th { "additions, products" } th { "exponentials, quotients" } } }
                tbody {
                    (counts.direction("forward", plan.forward.passes.len(), &cost.forward))
                    (counts.direction("backward", plan.backward.passes.len(), &cost.backward))
                }
            }
        }
        p {
            "The last two columns count operations for each " @if counts.only_units { "unit" } @else { "element of a vector" }
            ". For the way back the tape keeps in each step " (counts.values(&cost.tape_by_shape()))
            " (" code { (names) } (intermediate_terms(nameless)) "), each of 4 bytes in f32."
            @match cost.gradients {
                0 => {}
                1 => { " At the end one large product forms the gradient of the matrix." }
                count => { " At the end " (count) " large products form the gradients of the matrices." }
            }
        }
        details {
            summary { "The whole plan" }
            pre tabindex="0" { (listing(cell, plan)) }
        }
    }
}

/// Whether everything that is counted is a vector over the same axis, so that no axis need be named.
fn only_units(cost: &Cost) -> bool {
    let tape = cost.tape_by_shape();
    let operations = cost
        .forward
        .elementwise
        .keys()
        .chain(cost.backward.elementwise.keys());
    let shapes: BTreeSet<&Shape> = operations.chain(tape.keys()).collect();
    shapes.len() == 1 && shapes.iter().all(|shape| shape.len() == 1)
}

/// Writes how many of something there are for each element of every shape.
struct Counts<'a> {
    cell: &'a Cell,
    only_units: bool,
}

impl Counts<'_> {
    fn direction(&self, name: &str, passes: usize, cost: &DirectionCost) -> Markup {
        html! {
            tr {
                th scope="row" { (name) }
                td { (passes) }
                td { @for (index, product) in cost.products.iter().enumerate() {
                    span.whole { code { (product) } @if index + 1 < cost.products.len() { "," } } " "
                } }
                td { (self.operations(&cost.elementwise, Operations::additions)) }
                td { (self.operations(&cost.elementwise, |count| count.costly)) }
            }
        }
    }

    /// A line for every shape that has any.
    fn operations(
        &self,
        by_shape: &BTreeMap<Shape, Operations>,
        number: impl Fn(&Operations) -> usize,
    ) -> Markup {
        let counts = by_shape
            .iter()
            .map(|(shape, operations)| (shape, number(operations)));
        let counts: Vec<_> = counts.filter(|&(_, count)| count > 0).collect();
        html! {
            @for &(shape, count) in &counts {
                div.whole {
                    (count)
                    @if !self.only_units { " for " (axes(self.cell, shape)) }
                }
            }
            @if counts.is_empty() { "0" }
        }
    }

    /// As in a sentence: 3 values for each element of N and 4 for each of N × C.
    fn values(&self, by_shape: &BTreeMap<Shape, usize>) -> Markup {
        html! {
            @for (index, (shape, &count)) in by_shape.iter().enumerate() {
                @if index > 0 { " and " }
                (count)
                @if index == 0 { " " (if count == 1 { "value" } else { "values" }) }
                @if self.only_units {
                    " for each unit"
                } @else if shape.is_empty() {
                    " for the whole layer"
                } @else {
                    " for each element of " (axes(self.cell, shape))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests::{compiled, words};

    #[test]
    fn the_cost_is_told_in_sentences() {
        let truncated = section(&compiled("lstm-1997-truncated"));
        let text = words(&truncated);
        assert!(
            text.contains("the tape keeps in each step 2 values for each element of N and 4 for each element of N × C (y_in,"),
            "{text}"
        );
        for name in crate::cells::NAMES {
            let page = section(&compiled(name)).0;
            assert!(!page.contains(">0 for "), "{name}: {page}");
        }
        assert!(text.contains("no error goes through a matrix. "), "{text}");
        assert!(
            (truncated.0).contains("<th scope=\"row\">backward</th><td>1</td>"),
            "{text}"
        );
        let text = words(&section(&compiled("lstm")));
        assert!(text.contains("count operations for each unit. "), "{text}");
        assert!(text.contains("with transposed matrices. "), "{text}");
        assert!(
            text.contains("keeps in each step 7 values for each unit ("),
            "{text}"
        );
        assert!(
            text.contains("At the end 8 large products form the gradients of the matrices."),
            "{text}"
        );
    }

    #[test]
    fn one_is_not_several() {
        let compiled = compiled(
            "cell! { cell Own { size I, N; input x: [I]; param W: [N, I]; p: [N]; h[t] = W @ x[t] + p * h[t-1]; output h; } }",
        );
        let text = words(&section(&compiled));
        assert!(text.contains("1 value for each unit (h)"), "{text}");
        assert!(
            text.contains("At the end one large product forms the gradient of the matrix."),
            "{text}"
        );
    }

    /// Where the directions differ in what they count, both say what it is.
    #[test]
    fn a_count_is_of_something() {
        let text = words(&section(&compiled("lstm-projection")));
        assert!(text.contains(" for N") && text.contains(" for R"), "{text}");
        let forward = text
            .split("forward")
            .nth(1)
            .and_then(|rest| rest.split("backward").next());
        assert!(forward.unwrap().contains("8 for N"), "{text}");
    }

    #[test]
    fn what_has_no_name_is_counted() {
        let text = words(&section(&compiled("gru-reset-before")));
        assert!(
            text.contains("(r, z, q, n, h and 2 intermediate terms)"),
            "{text}"
        );
    }
}
