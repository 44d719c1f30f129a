//! The networks as a table, and a task that is learned.

use lstm_core::cells::Lstm1997;
use lstm_core::{Cell, Kernel, Rng};

use super::embedded_reber::Blocks;
use super::*;
use crate::paper::args::{Rule, Update};
use crate::paper::runner::Watch;
use crate::paper::task::{Setting, Task, train, weights};
use crate::paper::topology::Topology;

#[test]
fn networks_have_as_many_weights_as_the_papers_say() {
    fn check(task: &impl Task, expected: usize) {
        assert_eq!(weights(task).unwrap(), expected);
    }
    let reber = |blocks| EmbeddedReber {
        blocks,
        update: Update::Sequence,
    };
    let order = |marks| TemporalOrder { lag: 100, marks };
    check(&reber(Blocks::FourByOne), 264);
    check(&reber(Blocks::ThreeByTwo), 276);
    check(
        &LongLag {
            lag: 50,
            distractors: 50,
        },
        364,
    );
    check(
        &TwoSequence {
            lag: 100,
            informative: 3,
        },
        102,
    );
    check(&Adding { lag: 100 }, 93);
    check(
        &Multiplication {
            lag: 100,
            wrong: 140,
        },
        93,
    );
    check(&order(2), 156);
    check(&order(3), 308);
}

#[test]
fn input_gates_start_closed_for_sums_and_open_for_products() {
    let biases = |topology: Topology| {
        let kernel = Kernel::<Lstm1997, f64>::new(&topology.sizes()).unwrap();
        let start = topology.start(&kernel, &mut Rng::new(1));
        let params = Lstm1997::SPEC.params.iter();
        let index = params
            .map(|param| param.name)
            .position(|name| name == "beta_in");
        start[kernel.param_range(index.unwrap())].to_vec()
    };
    assert_eq!(biases(Adding { lag: 100 }.topology()), [-3.0, -6.0]);
    let product = Multiplication {
        lag: 100,
        wrong: 140,
    };
    let open = biases(product.topology());
    assert!(open.iter().all(|bias| bias.abs() <= 0.1), "{open:?}");
}

#[test]
fn a_small_task_is_solved_by_both_rules() {
    let task = TemporalOrder { lag: 20, marks: 2 };
    let watch = Watch::new(&|| false);
    for rule in [Rule::Truncated, Rule::Full] {
        let setting = Setting {
            rule,
            rate: task.rate(),
            range: task.topology().range,
            limit: 30_000,
        };
        let outcome = train(&task, &setting, 4, &watch).unwrap().unwrap();
        let solved = outcome.solved_after.unwrap();
        // The criterion looks at 2000 sequences.
        assert!(solved > 2000, "{solved}");
        let again = train(
            &task,
            &Setting {
                limit: solved - 1,
                ..setting
            },
            4,
            &watch,
        );
        assert_eq!(again.unwrap().unwrap().solved_after, None);
    }
}

#[test]
fn a_network_that_is_told_to_stop_has_no_outcome() {
    let task = TemporalOrder { lag: 20, marks: 2 };
    let setting = Setting {
        rule: Rule::Full,
        rate: 0.1,
        range: 0.1,
        limit: 10,
    };
    let outcome = train(&task, &setting, 1, &Watch::new(&|| true)).unwrap();
    assert_eq!(outcome, None);
}
