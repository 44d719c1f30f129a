//! The shipped cells by name.

use std::fmt;
use std::str::FromStr;

use lstm_core::{Cell, CellSpec, cells};

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

impl Shipped {
    /// Another name by which the field knows it.
    const fn alias(self) -> Option<&'static str> {
        match self {
            Shipped::ElmanRnn => Some("rnn"),
            Shipped::PeepholeLstm => Some("peephole"),
            Shipped::GruResetAfter => Some("gru"),
            _ => None,
        }
    }
}

impl fmt::Display for Shipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Shipped {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let is_called = |cell: &Shipped| {
            cell.name() == name || cell.alias() == Some(name) || cell.spec().name == name
        };
        Self::ALL.into_iter().find(is_called).ok_or_else(|| {
            let names = Self::ALL.map(|cell| match cell.alias() {
                Some(alias) => format!("{cell} ({alias})"),
                None => cell.to_string(),
            });
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
        for name in ["peephole_lstm", "PeepholeLstm", "peephole"] {
            assert_eq!(name.parse(), cell);
        }
        assert_eq!("gru".parse(), Ok(Shipped::GruResetAfter));
        assert_eq!("rnn".parse(), Ok(Shipped::ElmanRnn));
        assert_eq!("lstm".parse(), Ok(Shipped::Lstm));
        assert!(
            "transformer"
                .parse::<Shipped>()
                .unwrap_err()
                .contains("gru_reset_after (gru)")
        );
    }
}
