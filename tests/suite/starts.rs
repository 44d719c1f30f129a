//! What the parameters of a new layer start from.

use lstm_core::init::{CellInit, Init};
use lstm_core::{Cell, Recurrent, Rng};

use crate::gradients::toys::NormalisedLstm;

type Layer = Recurrent<NormalisedLstm, f64>;

const UNITS: usize = 25;

fn values(layer: &Layer, name: &str) -> Vec<f64> {
    let matrix = layer.param(name).expect("a parameter");
    matrix
        .col_iter()
        .flat_map(|column| column.iter().copied())
        .collect()
}

/// The gains say 1 and the temperature -0.1; all else is drawn from ±1/sqrt(25).
#[test]
fn a_new_layer_begins_as_its_cell_says() {
    let layer = Layer::new(&[3, UNITS], &mut Rng::new(1)).expect("sizes");
    for gain in ["gamma_f", "gamma_g", "γ_c"] {
        assert_eq!(values(&layer, gain), [1.0; UNITS]);
    }
    assert_eq!(values(&layer, "tau"), [-0.1]);
    for drawn in ["beta_f", "beta_g", "beta_c", "w_f", "w_g", "u_f", "u_g"] {
        let values = values(&layer, drawn);
        assert!(values.iter().all(|value| value.abs() <= 0.2), "{drawn}");
        assert!(values.iter().any(|&value| value != values[0]), "{drawn}");
    }
}

#[test]
fn a_name_goes_before_what_the_cell_says_and_that_before_a_role() {
    let mut layer = Layer::zeros(&[3, UNITS]).expect("sizes");
    assert!(values(&layer, "gamma_f").iter().all(|&value| value == 0.0));
    let init = CellInit::all(Init::Constant(0.5)).with("gamma_g", Init::Constant(2.0));
    layer
        .initialise(&init, &mut Rng::new(1))
        .expect("an initial value");
    for (name, expected) in [
        ("gamma_f", 1.0),
        ("gamma_g", 2.0),
        ("beta_f", 0.5),
        ("u_g", 0.5),
    ] {
        assert!(
            values(&layer, name).iter().all(|&value| value == expected),
            "{name}"
        );
    }
}

#[test]
fn an_explanation_tells_it() {
    let starts: Vec<_> = NormalisedLstm::SPEC
        .params
        .iter()
        .filter_map(|param| param.start)
        .collect();
    assert_eq!(starts, [1.0, 1.0, 1.0, -0.1]);
    let explanation = Layer::zeros(&[3, UNITS]).expect("sizes").explain();
    let page = explanation.to_string();
    let words = |name: &str| {
        let line = page.lines().find(|line| line.contains(name));
        let words: Vec<_> = line.expect("a line").split_whitespace().collect();
        words.join(" ")
    };
    assert_eq!(words("gamma_f"), "γ_f gamma_f 25 25 starts at 1");
    assert_eq!(words("tau"), "τ tau scalar 1 starts at -0.1");
    assert_eq!(words("beta_f"), "β_f beta_f 25 25");
    let json = explanation.to_json();
    assert!(
        json.contains(r#""name":"tau","role":"scalar","rows":1,"start":-0.1,"symbol":"τ""#),
        "{json}"
    );
}
