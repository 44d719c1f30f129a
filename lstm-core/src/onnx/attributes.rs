//! A node's attributes by name, with their kinds checked.

use super::graph::refuse;
use super::proto::{AttributeProto, NodeProto, kind};
use crate::error::Result;

/// The attributes of a node.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub &'a NodeProto);

impl<'a> Attributes<'a> {
    /// Refuses an attribute that is not among `known`, since it would change what the node computes.
    pub fn require_known(self, known: &[&str]) -> Result<()> {
        match self
            .0
            .attribute
            .iter()
            .find(|attribute| !known.contains(&attribute.name()))
        {
            Some(unknown) => Err(refuse(
                self.0,
                format!("its attribute `{}` is not known", unknown.name()),
            )),
            None => Ok(()),
        }
    }

    pub fn integer(self, name: &str) -> Result<Option<i64>> {
        Ok(self
            .get(name, kind::INT, "a whole number")?
            .map(|attribute| attribute.i.unwrap_or(0)))
    }

    /// Either of 0 and 1, 0 if it is not there.
    pub fn flag(self, name: &str) -> Result<bool> {
        match self.integer(name)?.unwrap_or(0) {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(refuse(
                self.0,
                format!("its attribute `{name}` is {other}, but must be 0 or 1"),
            )),
        }
    }

    pub fn float(self, name: &str) -> Result<Option<f32>> {
        Ok(self
            .get(name, kind::FLOAT, "a number")?
            .map(|attribute| attribute.f.unwrap_or(0.0)))
    }

    pub fn floats(self, name: &str) -> Result<&'a [f32]> {
        let found = self.get(name, kind::FLOATS, "a list of numbers")?;
        Ok(found.map_or(&[], |attribute| &attribute.floats))
    }

    pub fn integers(self, name: &str) -> Result<Option<&'a [i64]>> {
        let found = self.get(name, kind::INTS, "a list of whole numbers")?;
        Ok(found.map(|attribute| attribute.ints.as_slice()))
    }

    pub fn string(self, name: &str) -> Result<Option<String>> {
        let found = self.get(name, kind::STRING, "a text")?;
        Ok(found.map(|attribute| text(attribute.s.as_deref().unwrap_or_default())))
    }

    pub fn strings(self, name: &str) -> Result<Option<Vec<String>>> {
        let found = self.get(name, kind::STRINGS, "a list of texts")?;
        Ok(found.map(|attribute| attribute.strings.iter().map(|value| text(value)).collect()))
    }

    /// An attribute of a kind. Models of old say no kind.
    fn get(self, name: &str, kind: i32, expected: &str) -> Result<Option<&'a AttributeProto>> {
        let mut found = self
            .0
            .attribute
            .iter()
            .filter(|attribute| attribute.name() == name);
        let (first, second) = (found.next(), found.next());
        let reason = match first {
            Some(_) if second.is_some() => format!("it has two attributes `{name}`"),
            Some(attribute) if attribute.ref_attr_name.is_some() => {
                format!("its attribute `{name}` stands for one of a function around it")
            }
            Some(attribute) if !matches!(attribute.r#type.unwrap_or(0), given if given == kind || given == 0) =>
            {
                format!("its attribute `{name}` is not {expected}")
            }
            _ => return Ok(first),
        };
        Err(refuse(self.0, reason))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
