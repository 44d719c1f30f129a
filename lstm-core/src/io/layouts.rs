//! What a file says about the order of numbers in the parameters of its model.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::io::{Metadata, TensorFile};
use crate::params::{Name, Parameters};

/// The entry of the metadata about orders that shapes do not say. A model without such a thing has no entry.
pub(super) const KEY: &str = "layouts";

/// Adds to `metadata` in what order the numbers of `model` lie.
pub(super) fn describe_layouts<T>(model: &dyn Parameters<T>, metadata: &mut Metadata) {
    let mut layouts = serde_json::Map::new();
    model.visit_layouts(Name::ROOT, &mut |name, layout| {
        layouts.insert(name.to_string(), layout.into());
    });
    if !layouts.is_empty() {
        let text = serde_json::Value::from(layouts).to_string();
        metadata.insert(KEY.to_owned(), text);
    }
}

/// Refuses a file whose numbers lie in another order than those of `model`. Files that say nothing about it, as those of
/// earlier versions, are taken.
pub(super) fn require_layouts<T>(file: &TensorFile, model: &dyn Parameters<T>) -> Result<()> {
    let Some(text) = file.metadata().get(KEY) else {
        return Ok(());
    };
    let found: BTreeMap<String, String> = serde_json::from_str(text)
        .map_err(|error| file.mismatch(format!("its description of layouts is wrong ({error})")))?;
    let mut outcome = Ok(());
    model.visit_layouts(Name::ROOT, &mut |name, layout| {
        let name = name.to_string();
        let called = match name.as_str() {
            "" => "its part".to_owned(),
            _ => format!("its part `{name}`"),
        };
        let reason = match found.get(&name) {
            Some(found) if found == layout => return,
            Some(found) => format!("{called} was saved with {found}, but the model has {layout}"),
            None => format!("it does not say that {called} has {layout}, as the model has"),
        };
        if outcome.is_ok() {
            outcome = Err(file.mismatch(format!(
                "{reason}; make the model of the same ones before it is loaded"
            )));
        }
    });
    outcome
}
