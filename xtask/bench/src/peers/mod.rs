//! `--peers`: other libraries on the same work, on the same machine, in the same minutes.

mod compare;
mod process;
mod setup;

pub use compare::run;

use crate::cells::Shipped;
use crate::failure::Failure;

/// A library to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// PyTorch.
    Torch,
    /// ONNX Runtime.
    OnnxRuntime,
    /// JAX.
    Jax,
    /// candle.
    Candle,
    /// burn.
    Burn,
}

impl Peer {
    /// Those with a Python interface.
    pub const PYTHON: [Peer; 3] = [Peer::Torch, Peer::OnnxRuntime, Peer::Jax];
    /// Those in Rust.
    pub const RUST: [Peer; 2] = [Peer::Candle, Peer::Burn];

    /// The name of the package.
    pub const fn name(self) -> &'static str {
        match self {
            Peer::Torch => "torch",
            Peer::OnnxRuntime => "onnxruntime",
            Peer::Jax => "jax",
            Peer::Candle => "candle",
            Peer::Burn => "burn",
        }
    }

    /// Whether it has the cell at all.
    pub fn has(self, cell: PeerCell) -> bool {
        match self {
            Peer::OnnxRuntime | Peer::Jax => true,
            Peer::Torch => cell != PeerCell::Peephole,
            Peer::Candle | Peer::Burn => matches!(cell, PeerCell::Lstm | PeerCell::Gru),
        }
    }
}

/// A cell that other libraries have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerCell {
    /// LSTM with forget gate.
    Lstm,
    /// The same with peepholes.
    Peephole,
    /// GRU with the reset after the product.
    Gru,
    /// A plain network of tanh units.
    Rnn,
}

impl PeerCell {
    /// The peers' form of a shipped cell.
    pub fn of(cell: Shipped) -> Result<Self, Failure> {
        match cell {
            Shipped::Lstm => Ok(PeerCell::Lstm),
            Shipped::PeepholeLstm => Ok(PeerCell::Peephole),
            Shipped::GruResetAfter => Ok(PeerCell::Gru),
            Shipped::ElmanRnn => Ok(PeerCell::Rnn),
            _ => Err(Failure::NoPeer(cell.name())),
        }
    }

    /// Its name in a question to a peer.
    pub const fn name(self) -> &'static str {
        match self {
            PeerCell::Lstm => "lstm",
            PeerCell::Peephole => "peephole",
            PeerCell::Gru => "gru",
            PeerCell::Rnn => "rnn",
        }
    }
}
