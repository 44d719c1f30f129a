//! What a file says about the cells of its model.

use std::collections::BTreeMap;

use lstm_kernels::{Cell, CellSpec, Element};
use serde_json::{Value, json};

use crate::error::Result;
use crate::io::{Metadata, ModelFile, TensorFile, hex};
use crate::params::{Name, Parameters, checked_params_len};

/// The entry of the metadata about the cells of a model.
pub(super) const KEY: &str = "cells";

/// The metadata that ties a file to a cell: its name, its equations, its sizes and the element type. Trailing sizes that
/// have a default may be left out.
///
/// It is what [`ModelFile::require_cell`] looks at, for models that are made around one cell. What [`save`](super::save)
/// adds about every cell of a model does not need it.
pub fn describe_cell<C: Cell, T: Element>(sizes: &[usize]) -> Metadata {
    Metadata::from([
        ("cell".to_owned(), C::SPEC.name.to_owned()),
        ("equations".to_owned(), C::SPEC.equations.to_owned()),
        ("equations_hash".to_owned(), hex(C::SPEC.equations_hash)),
        ("sizes".to_owned(), named_sizes(&C::SPEC, sizes).to_string()),
        ("element".to_owned(), T::NAME.to_owned()),
    ])
}

/// Adds to `metadata` what cells `model` is made of.
pub(super) fn describe_cells<T>(model: &dyn Parameters<T>, metadata: &mut Metadata) {
    let mut cells = serde_json::Map::new();
    model.visit_cells(Name::ROOT, &mut |name, spec, sizes| {
        let cell = json!({
            "cell": spec.name,
            "equations_hash": hex(spec.equations_hash),
            "sizes": named_sizes(spec, sizes),
        });
        cells.insert(name.to_string(), cell);
    });
    metadata.insert(KEY.to_owned(), Value::from(cells).to_string());
}

/// Refuses a file whose cells are not those of `model`.
pub(super) fn require_cells<T>(file: &TensorFile, model: &dyn Parameters<T>) -> Result<()> {
    let mut found = read(file)?;
    let mut outcome = Ok(());
    model.visit_cells(Name::ROOT, &mut |name, spec, sizes| {
        if outcome.is_ok() {
            let cell = found.remove(&name.to_string());
            outcome = require(file, cell.as_ref(), &name.to_string(), spec, Some(sizes));
        }
    });
    outcome?;
    match found.keys().next() {
        Some(extra) => Err(file.mismatch(format!("its cell `{extra}` is unknown to the model"))),
        None => Ok(()),
    }
}

/// A cell as a file describes it.
#[derive(serde::Deserialize)]
struct Described {
    cell: String,
    equations_hash: String,
    sizes: BTreeMap<String, usize>,
}

fn read(file: &TensorFile) -> Result<BTreeMap<String, Described>> {
    let Some(text) = file.metadata().get(KEY) else {
        return Err(file.mismatch(format!(
            "its metadata has no entry `{KEY}`, so its model is unknown; save it anew with this version"
        )));
    };
    serde_json::from_str(text)
        .map_err(|error| file.mismatch(format!("its description of cells is wrong ({error})")))
}

/// Refuses a cell other than `spec` or, if sizes are given, of other sizes.
fn require(
    file: &TensorFile,
    found: Option<&Described>,
    name: &str,
    spec: &CellSpec,
    sizes: Option<&[usize]>,
) -> Result<()> {
    // A layer that is the whole model has no name.
    let called = match name {
        "" => "its cell".to_owned(),
        _ => format!("its cell `{name}`"),
    };
    let Some(found) = found else {
        return Err(file.mismatch(format!("it lacks {called}, a {}", spec.name)));
    };
    if found.cell != spec.name {
        return Err(file.mismatch(format!("{called} is `{}`, not `{}`", found.cell, spec.name)));
    }
    if found.equations_hash != hex(spec.equations_hash) {
        return Err(file.mismatch(format!(
            "{called} is a {}, too, but with other equations: their hash is `{}`, not `{}`",
            spec.name,
            found.equations_hash,
            hex(spec.equations_hash)
        )));
    }
    let needed = sizes.map(|sizes| named_sizes(spec, sizes));
    match needed {
        Some(needed) if needed != json!(found.sizes) => Err(file.mismatch(format!(
            "{called} has sizes {}, but the model needs {needed}",
            json!(found.sizes)
        ))),
        _ => Ok(()),
    }
}

/// Sizes as an object, by the names of the cell, with the defaults of those that are not given.
fn named_sizes(spec: &CellSpec, sizes: &[usize]) -> Value {
    let given = sizes.iter().copied().map(Some);
    let all = given.chain(spec.sizes.iter().skip(sizes.len()).map(|size| size.default));
    (spec.sizes.iter().zip(all))
        .filter_map(|(size, value)| Some((size.name.to_owned(), value?.into())))
        .collect::<serde_json::Map<_, Value>>()
        .into()
}

/// The sizes of `spec` in the order of its declaration, if `named` has exactly these.
fn ordered_sizes(spec: &CellSpec, named: &BTreeMap<String, usize>) -> Option<Vec<usize>> {
    let sizes = spec.sizes.iter().map(|size| named.get(size.name).copied());
    let sizes: Option<Vec<usize>> = sizes.collect();
    sizes.filter(|_| named.len() == spec.sizes.len())
}

impl ModelFile {
    /// The names of the cells in the model, in alphabetical order; that of a layer saved by itself is empty.
    ///
    /// # Errors
    /// A description of cells that is missing or cannot be understood.
    pub fn cells(&self) -> Result<Vec<String>> {
        Ok(read(self.tensors())?.into_keys().collect())
    }

    /// Checks that the cell `name` of the model is `C`, and returns its sizes, which are checked to be no larger than the
    /// parameters in the file allow: what is needed to build a layer before it is loaded.
    ///
    /// # Errors
    /// No cell of this name, another cell, a cell of the same name but other equations, impossible sizes.
    pub fn require_cell_at<C: Cell, T: Element>(&self, name: &str) -> Result<Vec<usize>> {
        let file = self.tensors();
        let cells = read(file)?;
        let found = cells.get(name);
        require(file, found, name, &C::SPEC, None)?;
        self.possible_sizes::<C, T>(found.map(|cell| &cell.sizes))
    }

    /// Checks that the file was written for cell `C` with elements `T`, and returns the cell's sizes, which are checked
    /// to be no larger than the parameters in the file allow.
    ///
    /// # Errors
    /// Another cell, a cell of the same name but other equations, another element type, impossible sizes.
    pub fn require_cell<C: Cell, T: Element>(&self) -> Result<Vec<usize>> {
        let spec = &C::SPEC;
        let hash = hex(spec.equations_hash);
        for (key, wanted) in [
            ("cell", spec.name),
            ("element", T::NAME),
            ("equations_hash", &hash),
        ] {
            let found = self.metadata(key)?;
            if found != wanted {
                let hint = match key {
                    "equations_hash" => {
                        ": the cell has the same name, but its equations have changed"
                    }
                    _ => "",
                };
                return Err(self.mismatch(format!("its {key} is `{found}`, not `{wanted}`{hint}")));
            }
        }
        let named = serde_json::from_str(self.metadata("sizes")?).ok();
        self.possible_sizes::<C, T>(named.as_ref())
    }

    /// Sizes in the order of the cell's declaration, none larger than the file could fill.
    fn possible_sizes<C: Cell, T: Element>(
        &self,
        named: Option<&BTreeMap<String, usize>>,
    ) -> Result<Vec<usize>> {
        let spec = &C::SPEC;
        let Some((named, sizes)) =
            named.and_then(|named| Some((named, ordered_sizes(spec, named)?)))
        else {
            let listed = match named {
                Some(named) => json!(named).to_string(),
                None => self.metadata("sizes")?.to_owned(),
            };
            return Err(self.mismatch(format!(
                "its sizes `{listed}` are not those of cell {}",
                spec.name
            )));
        };
        let present = self.tensors().size() / size_of::<T>();
        match checked_params_len(spec, &sizes) {
            Some(needed) if needed <= present => Ok(sizes),
            _ => Err(self.mismatch(format!(
                "its sizes `{}` need more numbers than the {present} it has room for at most",
                json!(named)
            ))),
        }
    }
}
