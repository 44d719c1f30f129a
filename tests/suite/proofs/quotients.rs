//! Quotients under sums and products and in the arguments of functions: where denominators are cleared, nothing else may
//! get lost with them.

use lstm_derive_engine::evaluate::{Random, Trace, random_point};
use lstm_derive_engine::prove::prove;

use super::mutants::{differ, mutants};
use super::sources::{compiled, fully_stated};

/// A cell of one equation, `h[t] = tanh(argument)`, whose error is stated with a given slope and factor for t+1.
fn proved(argument: &str, slope: &str, factor: &str) -> bool {
    let (mut cell, derivation) = compiled(&format!(
        "cell! {{ cell Quotient {{
            size N; input x: [N]; param p: [N]; U: [N, N];
            h[t] = tanh({argument}) + 0 * (U @ (p * x[t]));
            output h;
            errors {{ ε of h = upstream(h) + dtanh({slope}) * ({factor}) * ε[t+1]; }}
        }} }}"
    ));
    prove(&mut cell, &derivation).is_ok()
}

#[test]
fn what_stands_beside_a_quotient_is_compared_too() {
    let cases = [
        // A sum beside a quotient in the argument of a function.
        (
            "mean_N(x[t]) + h[t-1] / (2 + x[t])",
            ["mean_N(x[t+1]) + h / (2 + x[t+1])", "1 / (2 + x[t+1])"],
            ["sum_N(x[t+1]) + h / (2 + x[t+1])", "1 / (2 + x[t+1])"],
        ),
        // Another quotient under a matrix product.
        (
            "U @ (x[t] / (2 + x[t])) + h[t-1] / (3 + x[t])",
            [
                "U @ (x[t+1] / (2 + x[t+1])) + h / (3 + x[t+1])",
                "1 / (3 + x[t+1])",
            ],
            ["U @ x[t+1] + h / (3 + x[t+1])", "1 / (3 + x[t+1])"],
        ),
        // A sum and a quotient in a denominator.
        (
            "h[t-1] / (mean_N(x[t]) + 1 / (1 + x[t]))",
            [
                "h / (mean_N(x[t+1]) + 1 / (1 + x[t+1]))",
                "1 / (mean_N(x[t+1]) + 1 / (1 + x[t+1]))",
            ],
            [
                "h / (sum_N(x[t+1]) + 1 / (1 + x[t+1]))",
                "1 / (sum_N(x[t+1]) + 1 / (1 + x[t+1]))",
            ],
        ),
        // What a quotient of sums leaves may be the denominator of both.
        (
            "(x[t] + p) / (x[t] / (1 + p) + p / (1 + p)) + h[t-1]",
            ["1 + p + h", "1"],
            ["1 / (1 + p) + h", "1"],
        ),
    ];
    for (argument, [slope, factor], [wrong_slope, wrong_factor]) in cases {
        assert!(proved(argument, slope, factor), "{argument}: right");
        assert!(
            !proved(argument, wrong_slope, wrong_factor),
            "{argument}: wrong"
        );
    }
}

/// A denominator that holds the very sum it stands under, once the error of `a` is written out.
#[test]
fn a_sum_of_quotients_by_that_sum_comes_to_an_end() {
    for right in [
        "(ε - 2 * a * h * ε) / (1 + a * a + sum_N(a * a))
            - 2 * a * sum_N(h * ε / (1 + a * a + sum_N(a * a)))",
        "ε / (1 + a * a + sum_N(a * a))
            - 2 * a * a * ε / ((1 + a * a + sum_N(a * a)) * (1 + a * a + sum_N(a * a)))
            - 2 * a * sum_N(a * ε / ((1 + a * a + sum_N(a * a)) * (1 + a * a + sum_N(a * a))))",
    ] {
        let (mut cell, derivation) = compiled(&format!(
            "cell! {{ cell Normalised {{
                size N; input x: [N];
                a[t] = x[t] + 0.5 * h[t-1];
                h[t] = a[t] / (1 + a[t] * a[t] + sum_N(a[t] * a[t]));
                output h;
                errors {{ ε of h = upstream(h) + 0.5 * δ[t+1]; δ of a = {right}; }}
            }} }}"
        ));
        assert_eq!(prove(&mut cell, &derivation).unwrap().signals.len(), 2);
    }
}

/// Exponents double with every equation: the work allowed ends before their type does.
#[test]
fn squares_of_squares_are_left_undecided() {
    let squares: String = (1..=32)
        .map(|at| format!("q{at}[t] = q{0}[t] * q{0}[t];\n", at - 1))
        .collect();
    let (mut cell, derivation) = compiled(&format!(
        "cell! {{ cell Squares {{
            size N; input x: [N];
            q0[t] = x[t] + h[t-1];
            {squares}
            h[t] = q32[t] + q32[t] * q0[t];
            output h;
            errors {{ ε of h = upstream(h) + err(q0)[t+1]; δ of q31 = 3 * q31 * (1 + q0) * ε; }}
        }} }}"
    ));
    // The first is right as it stands; of the second, every depth is tried.
    let errors = prove(&mut cell, &derivation).unwrap_err();
    assert_eq!(errors.0.len(), 1, "{errors:?}");
}

/// Makes expressions with quotients, sums, means and products from a seed.
struct Generator {
    random: Random,
    /// What may be used as it is: vectors over the units.
    leaves: Vec<&'static str>,
}

impl Generator {
    fn below(&mut self, count: usize) -> usize {
        let unit = (self.random.draw() + 1.0) / 2.0;
        ((unit * count as f64) as usize).min(count - 1)
    }

    fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            let at = self.below(self.leaves.len());
            return self.leaves[at].to_owned();
        }
        let depth = depth - 1;
        match self.below(9) {
            0 | 1 => format!("({} + {})", self.vector(depth), self.vector(depth)),
            2 => format!("{} * {}", self.vector(depth), self.vector(depth)),
            3 | 4 => format!("{} / {}", self.vector(depth), self.denominator(depth)),
            5 => format!("{} * {}", self.scalar(depth), self.vector(depth)),
            6 => format!("(U @ ({}))", self.vector(depth)),
            7 => format!("({} + {})", self.vector(depth), self.scalar(depth)),
            _ => format!("tanh({})", self.vector(depth)),
        }
    }

    fn scalar(&mut self, depth: usize) -> String {
        let inside = self.vector(depth);
        match self.below(3) {
            0 => format!("sum_N({inside})"),
            1 => format!("mean_N({inside})"),
            _ => format!("sum_N({inside} / {})", self.denominator(0)),
        }
    }

    /// A sum that is seldom near 0.
    fn denominator(&mut self, depth: usize) -> String {
        let constant = 2 + self.below(2);
        let (inside, depth) = (self.vector(0), depth.min(1));
        match self.below(3) {
            0 => format!("({constant} + {inside})"),
            1 => format!("({constant} + {inside} * {inside})"),
            _ => format!("({constant} + {})", self.scalar(depth)),
        }
    }
}

/// A cell of two equations that use everything that is declared.
fn cell(seed: u64) -> String {
    let mut generator = Generator {
        random: Random::new(seed),
        leaves: vec!["x[t]", "h[t-1]", "p"],
    };
    let first = generator.vector(2);
    generator.leaves.push("a[t]");
    let (second, third) = (generator.vector(2), generator.vector(1));
    let denominator = generator.denominator(1);
    format!(
        "cell! {{ cell Random {{
            size N; input x: [N]; param p: [N]; U: [N, N];
            a[t] = {first} + p * x[t];
            h[t] = tanh({second} + {third} / {denominator}) + U @ a[t] + 0.5 * h[t-1];
            output h;
        }} }}"
    )
}

/// Cells from so many seeds, and so many wrong forms of every signal of each.
const CELLS: u64 = 25;
const MUTANTS: usize = 12;

#[test]
fn random_quotients_are_proved_as_derived_and_in_no_wrong_form() {
    let (mut rejected, mut equal) = (0, 0);
    for seed in 1..=CELLS {
        let source = fully_stated(&compiled(&cell(seed)).0);
        let (mut cell, derivation) = compiled(&source);
        if let Err(errors) = prove(&mut cell, &derivation) {
            panic!("seed {seed}: {}", errors.render(&source, "cell.rs"));
        }
        let points: Vec<Trace> = (1..=4)
            .map(|seed| random_point(&cell, &derivation, seed))
            .collect();
        let mut random = Random::new(seed);
        for at in 0..cell.signals.len() {
            let right = cell.signals[at].stated;
            let all = mutants(&mut cell, right);
            let share = MUTANTS as f64 / all.len() as f64;
            for (kind, wrong) in all {
                if (random.draw() + 1.0) / 2.0 > share {
                    continue;
                }
                if !differ(&cell, &points, right, wrong) {
                    equal += 1;
                    continue;
                }
                cell.signals[at].stated = wrong;
                if prove(&mut cell, &derivation).is_ok() {
                    let stated = lstm_derive_engine::print::expression(&cell, wrong);
                    panic!("seed {seed}: proved, but wrong ({kind}): {stated}\n{source}");
                }
                rejected += 1;
            }
            cell.signals[at].stated = right;
        }
    }
    println!("{rejected} rejected, {equal} equal");
    assert!(
        rejected >= 400,
        "only {rejected} mutants: is the generator broken?"
    );
}
