//! The cells by name: the one place where the command knows which exist.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lstm_core::{Cell, CellSpec, cells::*};

use crate::failure::Failure;

/// Something to do with a cell that is known only by name.
pub trait Task {
    /// Does it with the cell `C`; `forget_bias` is the bias of its forget gate, if it has one.
    fn run<C: Cell>(self, forget_bias: Option<&'static str>) -> Result<(), Failure>;
}

macro_rules! cells {
    ($($name:literal $cell:ident $file:literal $forget_bias:expr;)+) => {
        /// The names of the cells.
        pub const NAMES: [&str; [$($name),+].len()] = [$($name),+];

        /// Name in `--cell`, description and source file.
        const TABLE: [(&str, CellSpec, &str); NAMES.len()] = [$(($name, $cell::SPEC, $file)),+];

        /// Whether the cell called `name`, in `--cell`, has forget gates.
        pub fn has_forget_gate(name: &str) -> bool {
            let biases: [(&str, Option<&str>); NAMES.len()] = [$(($name, $forget_bias)),+];
            biases.iter().any(|&(other, bias)| other == name && bias.is_some())
        }

        /// Runs a task with the cell called `name`, in `--cell` or in Rust, as in a model file.
        ///
        /// # Errors
        /// The task's own, and a name that no cell has.
        pub fn with(name: &str, task: impl Task) -> Result<(), Failure> {
            match name {
                $(name if name == $name || name == $cell::SPEC.name => task.run::<$cell>($forget_bias),)+
                _ => Err(Failure::UnknownCell {
                    name: name.to_owned(),
                    known: TABLE.map(|(_, spec, _)| spec.name).join(", "),
                }),
            }
        }
    };
}

cells! {
    "peephole"            PeepholeLstm      "peephole_lstm.rs"       Some("beta_phi");
    "lstm"                Lstm              "lstm.rs"                Some("beta_f");
    "lstm-1997"           Lstm1997          "lstm_1997.rs"           None;
    "lstm-1997-truncated" Lstm1997Truncated "lstm_1997_truncated.rs" None;
    "lstm-2002-truncated" Lstm2002Truncated "lstm_2002_truncated.rs" Some("beta_phi");
    "lstm-projection"     ProjectionLstm    "projection_lstm.rs"     Some("beta_f");
    "gru"                 GruResetAfter     "gru_reset_after.rs"     None;
    "gru-reset-before"    GruResetBefore    "gru_reset_before.rs"    None;
    "elman"               ElmanRnn          "elman_rnn.rs"           None;
    "relu-rnn"            ReluRnn           "relu_rnn.rs"            None;
}

/// What `--cell` accepts: the names of the cells and `more`. What cells and their files are called in Rust, as other programs
/// of this workspace have it, leads to the same names.
pub fn names(more: &[&'static str]) -> impl TypedValueParser<Value = String> {
    let shipped = TABLE.map(|(name, spec, file)| {
        let stem = file.trim_end_matches(".rs");
        PossibleValue::new(name).aliases([spec.name, stem])
    });
    let more = more.iter().map(|&name| PossibleValue::new(name));
    PossibleValuesParser::new(shipped.into_iter().chain(more))
        .map(|called| named(&called).map_or(called, |(name, _, _)| name.to_owned()))
}

/// The cell that is called so: as in `--cell`, or as the type or its file in Rust.
fn named(called: &str) -> Option<(&'static str, CellSpec, &'static str)> {
    let is_called = |&(name, spec, file): &(&str, CellSpec, &str)| {
        name == called || spec.name == called || file.strip_suffix(".rs") == Some(called)
    };
    TABLE.into_iter().find(is_called)
}

/// The cell that `lstm train` takes.
pub const DEFAULT: &str = "peephole";

/// The file in which a cell is defined.
pub fn source_file(spec: &CellSpec) -> Option<&'static str> {
    TABLE
        .iter()
        .find(|(_, other, _)| other.name == spec.name)
        .map(|&(_, _, file)| file)
}

/// File and Rust name of the cell that is called so.
pub fn file_of(called: &str) -> Option<(&'static str, &'static str)> {
    named(called).map(|(_, spec, file)| (file, spec.name))
}

/// The name, in `--cell`, of the cell with these equations.
pub fn with_equations(equations: &str) -> Option<&'static str> {
    let same = |(_, spec, _): &&(&str, CellSpec, &str)| spec.equations.trim() == equations.trim();
    TABLE.iter().find(same).map(|&(name, _, _)| name)
}

/// Sizes for a cell with so many inputs and units: axes with a default keep it, all others are units.
pub fn sizes(spec: &CellSpec, inputs: usize, units: usize) -> Vec<usize> {
    let size = |(axis, size): (usize, &lstm_core::SizeSpec)| match size.default {
        _ if spec.input.axes.contains(&axis) => inputs,
        Some(default) => default,
        None => units,
    };
    spec.sizes.iter().enumerate().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_axes() {
        assert_eq!(sizes(&PeepholeLstm::SPEC, 3, 5), [3, 5, 1]);
    }

    #[test]
    fn cells_are_found_by_name_and_by_equations() {
        assert_eq!(file_of("lstm"), Some(("lstm.rs", "Lstm")));
        assert_eq!(file_of("Lstm"), file_of("lstm"));
        assert_eq!(file_of("gru_reset_after"), file_of("gru"));
        assert_eq!(file_of("lstm.rs"), None);
        assert_eq!(with_equations(Lstm::SPEC.equations), Some("lstm"));
        assert_eq!(with_equations(""), None);
    }

    #[test]
    fn every_forget_bias_is_a_parameter() {
        struct Check;
        impl Task for Check {
            fn run<C: Cell>(self, forget_bias: Option<&'static str>) -> Result<(), Failure> {
                let known = |name| C::SPEC.params.iter().any(|param| param.name == name);
                assert!(
                    forget_bias.is_none_or(known),
                    "{} {forget_bias:?}",
                    C::SPEC.name
                );
                Ok(())
            }
        }
        NAMES
            .into_iter()
            .for_each(|name| with(name, Check).unwrap());
        assert!(with("transformer", Check).is_err());
    }
}
