//! How far the normal form looks.

/// Which quantities at t and t+1 are replaced by their definitions; at t-1 all are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfold {
    /// None, and derivatives are not written out either.
    Nothing,
    /// Those that are a function of one other quantity alone, such as `b = sigmoid(a)`.
    Aliases,
    /// Those without a matrix product.
    Elementwise,
    /// All.
    All,
}

/// Which error signals are replaced by what the equations give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replace {
    /// None.
    Nothing,
    /// Only those that nobody stated.
    Unstated,
    /// Stated ones at t, too.
    Now,
    /// All, at t and t+1.
    All,
}

/// What the normal form looks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Depth {
    /// Quantities.
    pub unfold: Unfold,
    /// Error signals.
    pub replace: Replace,
    /// Whether sigmoid, tanh and softplus are written with exp, which shows every relation between them.
    pub exponentials: bool,
}

impl Depth {
    /// The depths at which a signal is seen to be right that is stated as it is derived, however large a cell is.
    pub const LITERAL: [Depth; 2] = [
        Depth::plain(Replace::Nothing, Unfold::Nothing),
        Depth::plain(Replace::Unstated, Unfold::Nothing),
    ];

    /// The depth at which every error has a name.
    pub const NAMED: Depth = Depth::plain(Replace::Nothing, Unfold::Aliases);

    /// The depth at which the author's symbols stay visible.
    pub const SHALLOW: Depth = Depth::plain(Replace::Unstated, Unfold::Aliases);

    /// All depths worth trying beyond [`Depth::SHALLOW`], those that most often help first.
    pub const DEEPER: [Depth; 8] = [
        Depth::plain(Replace::Unstated, Unfold::Elementwise),
        Depth::plain(Replace::Unstated, Unfold::All),
        Depth::plain(Replace::Now, Unfold::Elementwise),
        Depth::plain(Replace::Now, Unfold::All),
        Depth::plain(Replace::All, Unfold::Aliases),
        Depth::plain(Replace::All, Unfold::All),
        Depth {
            exponentials: true,
            ..Depth::SHALLOW
        },
        Depth {
            exponentials: true,
            ..Depth::NOW
        },
    ];

    /// The depth that also sees the author write out one stated signal in another.
    pub const NOW: Depth = Depth::plain(Replace::Now, Unfold::Aliases);

    const fn plain(replace: Replace, unfold: Unfold) -> Self {
        Depth {
            unfold,
            replace,
            exponentials: false,
        }
    }
}
