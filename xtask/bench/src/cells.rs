//! The shipped cells by name.

use std::fmt;
use std::str::FromStr;

use lstm_core::{Cell, CellSpec, cells};

use crate::names;

macro_rules! shipped {
    ($($cell:ident $file:literal;)+) => {
        /// A shipped cell.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Shipped {
            $(#[doc = concat!("The cell of `", $file, ".rs`.")] $cell,)+
        }

        impl Shipped {
            /// All of them.
            pub const ALL: [Shipped; [$($file),+].len()] = [$(Shipped::$cell),+];

            /// The name in snake case, which is also that of the file with its definition.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Shipped::$cell => $file,)+
                }
            }

            /// What the cell is.
            pub const fn spec(self) -> &'static CellSpec {
                match self {
                    $(Shipped::$cell => const { &<cells::$cell as Cell>::SPEC },)+
                }
            }
        }
    };
}

lstm_kernels::for_shipped_cells!(shipped);

impl fmt::Display for Shipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Shipped {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let is_called = |cell: &Shipped| names::is_called(cell.spec().name, name);
        Self::ALL.into_iter().find(is_called).ok_or_else(|| {
            let names =
                Self::ALL.map(
                    |cell| match names::short(cell.spec().name).collect::<Vec<_>>() {
                        short if short.is_empty() => cell.to_string(),
                        short => format!("{cell} ({})", short.join(", ")),
                    },
                );
            format!("the shipped cells are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_all_its_names() {
        let cell = Ok(Shipped::PeepholeLstm);
        for name in ["peephole_lstm", "PeepholeLstm", "peephole", "peephole-lstm"] {
            assert_eq!(name.parse(), cell);
        }
        assert_eq!("gru".parse(), Ok(Shipped::GruResetAfter));
        assert_eq!("rnn".parse(), Ok(Shipped::ElmanRnn));
        assert_eq!("lstm".parse(), Ok(Shipped::Lstm));
        assert_eq!("lstm-1997".parse(), Ok(Shipped::Lstm1997));
        assert_eq!("lstm-projection".parse(), Ok(Shipped::ProjectionLstm));
        assert!(
            "transformer"
                .parse::<Shipped>()
                .unwrap_err()
                .contains("gru_reset_after (gru)")
        );
    }
}
