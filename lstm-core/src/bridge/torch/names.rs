//! The names of tensors in a state dict: `encoder.weight_ih_l0_reverse`.

use std::fmt;

/// What a tensor of a recurrent module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Input,
    Recurrent,
    InputBias,
    RecurrentBias,
    Projection,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Input, "weight_ih"),
    (Kind::Recurrent, "weight_hh"),
    (Kind::InputBias, "bias_ih"),
    (Kind::RecurrentBias, "bias_hh"),
    (Kind::Projection, "weight_hr"),
];

/// A layer and direction of a recurrent module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub layer: usize,
    pub is_reverse: bool,
}

/// The name of a tensor within its recurrent module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TensorName {
    pub kind: Kind,
    pub place: Place,
}

impl TensorName {
    /// Of the first layer, forwards.
    pub fn first(kind: Kind) -> Self {
        let place = Place {
            layer: 0,
            is_reverse: false,
        };
        Self { kind, place }
    }

    /// What a name means; `None` if it is not exactly as PyTorch writes it.
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, rest) = name.split_once("_l")?;
        let &(kind, _) = KINDS.iter().find(|(_, known)| *known == kind)?;
        let (layer, is_reverse) = match rest.strip_suffix("_reverse") {
            Some(layer) => (layer, true),
            None => (rest, false),
        };
        let place = Place {
            layer: layer.parse().ok()?,
            is_reverse,
        };
        let parsed = Self { kind, place };
        // Numbers can be written in several ways; two names must not mean one tensor.
        (parsed.to_string() == name).then_some(parsed)
    }

    /// The whole name in the state dict.
    pub fn within(self, module: &str) -> String {
        join(module, &self.to_string())
    }
}

impl fmt::Display for TensorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind);
        let (layer, suffix) = match self.place {
            Place {
                layer,
                is_reverse: true,
            } => (layer, "_reverse"),
            Place { layer, .. } => (layer, ""),
        };
        write!(f, "{}_l{layer}{suffix}", kind.map_or("", |(_, name)| name))
    }
}

/// The name of a part of a module, which may be the whole file.
pub(super) fn join(module: &str, part: &str) -> String {
    match module.is_empty() {
        true => part.to_owned(),
        false => format!("{module}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_pytorch() {
        for name in [
            "weight_ih_l0",
            "weight_hh_l12_reverse",
            "bias_ih_l1",
            "bias_hh_l0_reverse",
            "weight_hr_l3",
        ] {
            assert_eq!(TensorName::parse(name).unwrap().to_string(), name);
        }
        for name in [
            "weight",
            "weight_ih",
            "weight_ih_l",
            "weight_ih_l01",
            "weight_ih_l+1",
            "weight_ih_l0_back",
            "bias_hr_l0",
            "weight_ih_l99999999999999999999",
        ] {
            assert_eq!(TensorName::parse(name), None, "{name}");
        }
        let name = TensorName::first(Kind::Input);
        assert_eq!(name.within("a.b"), "a.b.weight_ih_l0");
        assert_eq!(name.within(""), "weight_ih_l0");
    }
}
