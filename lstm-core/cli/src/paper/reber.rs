//! The embedded Reber grammar.
//!
//! An embedded string is B, then T or P, then a Reber string, then the same T or P, then E. A Reber string is a walk
//! through the automaton below, from B to E.

use lstm_core::Rng;

/// The symbols, as inputs and outputs are numbered.
pub const SYMBOLS: [char; 7] = ['B', 'T', 'P', 'S', 'X', 'V', 'E'];

/// How many symbols there are.
pub const COUNT: usize = SYMBOLS.len();

const B: usize = 0;
const T: usize = 1;
const P: usize = 2;
const S: usize = 3;
const X: usize = 4;
const V: usize = 5;
const E: usize = 6;

/// The automaton of Reber strings: for each place the symbols that may come, and where each leads.
const INNER: [&[(usize, usize)]; 7] = [
    &[(B, 1)],
    &[(T, 2), (P, 3)],
    &[(S, 2), (X, 4)],
    &[(T, 3), (V, 5)],
    &[(X, 3), (S, 6)],
    &[(P, 4), (V, 6)],
    &[(E, INNER_END)],
];

/// Where a Reber string is complete.
const INNER_END: usize = 7;

/// A walk through the grammar of embedded strings; after its end another string begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Walk {
    /// Before B.
    #[default]
    Begin,
    /// Before the first T or P.
    Branch,
    /// In the Reber string, at a place of the automaton, and which of T and P came before it.
    Inside(usize, usize),
    /// Before the last E.
    End,
}

impl Walk {
    /// The symbols that may come, and where each leads.
    fn moves(self) -> ([Option<(usize, Walk)>; 2], usize) {
        let one = |symbol, walk| ([Some((symbol, walk)), None], 1);
        match self {
            Self::Begin => one(B, Self::Branch),
            Self::Branch => {
                let inside = |branch| Some((branch, Self::Inside(0, branch)));
                ([inside(T), inside(P)], 2)
            }
            Self::Inside(INNER_END, branch) => one(branch, Self::End),
            Self::Inside(place, branch) => {
                let inside =
                    |&(symbol, next): &(usize, usize)| (symbol, Self::Inside(next, branch));
                let moves = INNER[place];
                (
                    [moves.first().map(inside), moves.get(1).map(inside)],
                    moves.len(),
                )
            }
            Self::End => one(E, Self::Begin),
        }
    }

    /// Which symbols may come.
    pub fn possible(self) -> [bool; COUNT] {
        let mut possible = [false; COUNT];
        for (symbol, _) in self.moves().0.into_iter().flatten() {
            possible[symbol] = true;
        }
        possible
    }

    /// Goes on with a symbol; one that may not come leads nowhere.
    pub fn after(self, symbol: usize) -> Option<Self> {
        let mut moves = self.moves().0.into_iter().flatten();
        moves
            .find(|&(other, _)| other == symbol)
            .map(|(_, walk)| walk)
    }

    /// Goes on with one of the symbols that may come, each as likely.
    pub fn draw(&mut self, rng: &mut Rng) -> usize {
        let (moves, count) = self.moves();
        let chosen = if count == 1 { 0 } else { rng.below(2) as usize };
        // Every place has the moves it counts; the first is there in any case.
        let (symbol, walk) = moves[chosen].or(moves[0]).unwrap_or((B, Self::Branch));
        *self = walk;
        symbol
    }
}

/// Whether outputs are right at this place of a walk: the symbols that may come are the most active ones.
pub fn possible_are_most_active(walk: Walk, outputs: &[f64]) -> bool {
    let possible = walk.possible();
    let of = |wanted: bool| {
        let pairs = outputs.iter().zip(possible);
        pairs.filter_map(move |(&output, possible)| (possible == wanted).then_some(output))
    };
    let least_possible = of(true).fold(f64::INFINITY, f64::min);
    of(false).all(|output| output < least_possible)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Whether a word is an embedded Reber string, from the grammar as rules instead of as an automaton:
    /// R = B (T S* X F | P T* V G) E, F = S | X T* V G, G = V | P F.
    pub fn is_embedded_reber(word: &str) -> bool {
        let inner = |branch: &str| {
            let rest = word.strip_prefix("B")?.strip_prefix(branch)?;
            rest.strip_suffix("E")?.strip_suffix(branch)
        };
        inner("T").is_some_and(is_reber) || inner("P").is_some_and(is_reber)
    }

    fn is_reber(word: &str) -> bool {
        let Some(middle) = word
            .strip_prefix('B')
            .and_then(|word| word.strip_suffix('E'))
        else {
            return false;
        };
        match middle.split_at_checked(1) {
            Some(("T", rest)) => (rest.trim_start_matches('S').strip_prefix('X')).is_some_and(is_f),
            Some(("P", rest)) => after_p(rest),
            _ => false,
        }
    }

    fn after_p(rest: &str) -> bool {
        (rest.trim_start_matches('T').strip_prefix('V')).is_some_and(is_g)
    }

    fn is_f(rest: &str) -> bool {
        rest == "S" || rest.strip_prefix('X').is_some_and(after_p)
    }

    fn is_g(rest: &str) -> bool {
        rest == "V" || rest.strip_prefix('P').is_some_and(is_f)
    }

    pub fn word(symbols: &[usize]) -> String {
        symbols.iter().map(|&symbol| SYMBOLS[symbol]).collect()
    }

    fn draw(rng: &mut Rng) -> String {
        let (mut walk, mut symbols) = (Walk::default(), Vec::new());
        loop {
            symbols.push(walk.draw(rng));
            if walk == Walk::Begin {
                return word(&symbols);
            }
        }
    }

    #[test]
    fn the_checker_knows_strings_from_others() {
        // By hand from the diagram of the grammar.
        for word in [
            "BTBTXSETE",
            "BPBPVVEPE",
            "BTBTSSXXTTVPXVVETE",
            "BPBPTTVPSEPE",
        ] {
            assert!(is_embedded_reber(word), "{word}");
        }
        for word in [
            "",
            "BTBTXSEPE",
            "BTBTXVETE",
            "BPBPVVEPEE",
            "BTBXSETE",
            "BPBPTTVPVEPE",
        ] {
            assert!(!is_embedded_reber(word), "{word}");
        }
    }

    #[test]
    fn walks_are_strings_of_the_grammar() {
        let mut rng = Rng::new(1);
        let words: Vec<_> = (0..500).map(|_| draw(&mut rng)).collect();
        for word in &words {
            assert!(is_embedded_reber(word), "{word}");
        }
        // T and P begin with probability one half: within five standard deviations, 5 sqrt(500 / 4) = 56.
        let begin_with_t = words.iter().filter(|word| word.starts_with("BT")).count();
        assert!(begin_with_t.abs_diff(250) < 56, "{begin_with_t}");
    }

    #[test]
    fn what_may_come_is_what_comes_and_nothing_else() {
        let mut rng = Rng::new(2);
        let mut walk = Walk::default();
        for _ in 0..1000 {
            let before = walk;
            let symbol = walk.draw(&mut rng);
            assert!(before.possible()[symbol]);
            assert_eq!(before.after(symbol), Some(walk));
            for other in (0..COUNT).filter(|&other| !before.possible()[other]) {
                assert_eq!(before.after(other), None);
            }
        }
    }

    #[test]
    fn the_possible_have_to_lead() {
        let walk = Walk::Branch;
        assert!(possible_are_most_active(
            walk,
            &[0.1, 0.5, 0.3, 0.2, 0.0, 0.0, 0.0]
        ));
        assert!(!possible_are_most_active(
            walk,
            &[0.3, 0.5, 0.3, 0.2, 0.0, 0.0, 0.0]
        ));
        assert!(!possible_are_most_active(walk, &[f64::NAN; COUNT]));
    }
}
