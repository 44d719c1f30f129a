//! Names of local variables: the symbols of the equations wherever there is one.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span};

use crate::keyword::is_keyword;
use crate::model::Cell;
use crate::plan::Plan;
use crate::plan::dag::{Compute, ValueId};

/// What a part of an equation is called that the equations give no name.
pub const NAMELESS: &str = "term";

/// Hands out distinct names within one function.
pub struct Names<'a> {
    cell: &'a Cell,
    plan: &'a Plan,
    symbols: BTreeMap<ValueId, String>,
    taken: BTreeSet<String>,
}

impl<'a> Names<'a> {
    /// Names for the values of a plan.
    pub fn new(cell: &'a Cell, plan: &'a Plan) -> Self {
        let mut symbols = BTreeMap::new();
        for id in cell.quantity_ids() {
            let symbol = cell.quantity(id).name.symbol.clone();
            if let Some(error) = plan.errors[id.0] {
                let name = cell
                    .signal_of(id)
                    .map_or(format!("err_{symbol}"), |signal| signal.name.symbol.clone());
                symbols.entry(error).or_insert(name);
            }
            symbols.entry(plan.quantities[id.0]).or_insert(symbol);
        }
        Names {
            cell,
            plan,
            symbols,
            taken: reserved(),
        }
    }

    /// Takes back all names but those of these variables.
    pub fn keep<'b>(&mut self, variables: impl Iterator<Item = &'b Ident>) {
        self.taken = reserved();
        self.taken.extend(variables.map(Ident::to_string));
    }

    /// Whether the equations name the value.
    pub fn is_named(&self, id: ValueId) -> bool {
        self.symbols.contains_key(&id)
    }

    /// A fresh variable for a value.
    pub fn fresh(&mut self, id: ValueId) -> Ident {
        self.unique(self.describe(id))
    }

    /// A fresh variable with this name, or one like it.
    pub fn unique(&mut self, base: String) -> Ident {
        let mut name = base.clone();
        let mut count = 2;
        while is_keyword(&name) || !self.taken.insert(name.clone()) {
            name = format!("{base}_{count}");
            count += 1;
        }
        Ident::new(&name, Span::call_site())
    }

    /// The name of a value, not yet made unique.
    pub fn describe(&self, id: ValueId) -> String {
        if let Some(symbol) = self.symbols.get(&id) {
            return symbol.clone();
        }
        match self.plan.dag.compute(id) {
            Compute::Param(param) => self.cell.param(*param).name.symbol.clone(),
            Compute::Input => self.cell.input.name.symbol.clone(),
            Compute::Previous(quantity) => {
                format!("{}_previous", self.cell.quantity(*quantity).name.symbol)
            }
            Compute::Upstream => "upstream".to_owned(),
            Compute::Carry(quantity) => {
                format!("carry_{}", self.cell.quantity(*quantity).name.symbol)
            }
            Compute::Saved(inner) => self.describe(*inner),
            Compute::Apply(function, inner) => {
                format!("{}_{}", function.name(), self.describe(*inner))
            }
            Compute::SumBlock(inner) => format!("sum_{}", self.describe(*inner)),
            Compute::Reduce(inner) => format!("total_{}", self.describe(*inner)),
            Compute::Accumulate(_) => "products".to_owned(),
            Compute::Neg(inner) | Compute::Broadcast(inner) => self.describe(*inner),
            _ => NAMELESS.to_owned(),
        }
    }
}

/// Names that generated code has for other things, and those that cannot be names of variables.
fn reserved() -> BTreeSet<String> {
    [
        "tile",
        "sample",
        "cell",
        "cells",
        "activations",
        "rt",
        "TAPE",
        "SPEC",
        "PROGRAM",
        "None",
        "Some",
        "Ok",
        "Err",
    ]
    .map(str::to_owned)
    .into()
}
