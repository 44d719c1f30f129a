//! `lstm flow` from outside.

use std::fs;

use super::{Folder, SMALL, text};

#[test]
fn flow_shows_the_carousel_as_table_pictures_and_numbers() {
    let folder = Folder::new("flow");
    let cell = ["flow", "--cell", "lstm-1997-truncated", "--from", "s"];
    let files = ["--svg", "a.svg", "--png", "a.png", "--csv", "a.csv"];
    let shown = folder.lstm(&[&cell[..], &["--steps", "12"], &files].concat());
    assert!(shown.status.success(), "{shown:?}");
    let table = String::from_utf8(shown.stdout).unwrap();
    assert!(table.contains(&"▆".repeat(12)), "{table}");
    assert_eq!(folder.names(), ["a.csv", "a.png", "a.svg"]);
    // The truncated rule sends the state's error back times 1: exactly.
    let csv = fs::read_to_string(folder.0.join("a.csv")).unwrap();
    let rows: Vec<_> = csv.lines().skip(1).collect();
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| row.ends_with(",1e0")), "{csv}");
    assert!(
        fs::read_to_string(folder.0.join("a.svg"))
            .unwrap()
            .starts_with("<svg")
    );
    assert!(
        fs::read(folder.0.join("a.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
}

#[test]
fn flow_looks_into_a_model_before_and_after_training() {
    let folder = Folder::new("flow-model");
    folder.write("text.txt", text());
    let trained = folder.lstm(&[&SMALL[..], &["m.safetensors"]].concat());
    assert!(trained.status.success(), "{trained:?}");
    let model = [
        "flow",
        "--model",
        "m.safetensors",
        "--text",
        "text.txt",
        "--json",
    ];
    let shown = folder.lstm(&[&model[..], &["--steps", "5", "--unit", "3"]].concat());
    assert!(shown.status.success(), "{shown:?}");
    let report: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let curves = report["curves"].as_array().unwrap();
    let labels: Vec<_> = curves
        .iter()
        .map(|curve| curve["label"].as_str().unwrap())
        .collect();
    assert_eq!(
        labels,
        ["s, untrained", "b, untrained", "s, trained", "b, trained"]
    );
    assert_eq!(curves[0]["factors"].as_array().unwrap().len(), 5);
    assert_ne!(curves[0]["factors"], curves[2]["factors"]);

    let error = folder.refused(&[&model[..], &["--steps", "100000"]].concat());
    assert!(error.contains("100020 characters"), "{error}");
}

#[test]
fn flow_refuses_what_does_not_fit() {
    let folder = Folder::new("flow-refused");
    for (arguments, reason) in [
        (
            &["--cell", "gru", "--forget-bias", "1"][..],
            "no forget gate",
        ),
        (&["--cell", "lstm", "--from", "s"], "c, h"),
        (
            &["--cell", "lstm", "--from", "c", "--unit", "16"],
            "--unit is 16, but must be less than 16, the number of units",
        ),
        (
            &["--cell", "elman", "--to-unit", "99"],
            "--to-unit is 99, but must be less than 16, the number of units",
        ),
        (&["--steps", "0"], "from 1 to 100000"),
        (
            &["--cell", "lstm", "--strength", "nan"],
            "'--strength <R>': it is not a finite number",
        ),
        (
            &["--cell", "lstm", "--forget-bias", "1,inf"],
            "'--forget-bias <B,..>': it is not a finite number",
        ),
        (&["--unit", "0"], "--cell"),
        (
            &["--cell", "relu-rnn", "--strength", "20", "--steps", "500"],
            "at most 332 --steps",
        ),
        (
            &["--steps", "3", "--svg", "no/such/folder/a.svg"],
            "cannot write",
        ),
    ] {
        let error = folder.refused(&[&["flow"][..], arguments].concat());
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}

#[test]
fn flow_trains_a_layer_and_shows_both() {
    let folder = Folder::new("flow-trained");
    let run = [
        "flow", "--cell", "lstm", "--from", "c", "--units", "6", "--steps", "8", "--train", "40",
    ];
    let [first, second] = [folder.lstm(&run), folder.lstm(&run)];
    assert!(first.status.success(), "{first:?}");
    assert_eq!(first.stdout, second.stdout, "equal seeds give equal bits");
    let table = String::from_utf8(first.stdout).unwrap();
    assert!(
        table.contains("before training") && table.contains("after training"),
        "{table}"
    );
}

#[test]
fn flow_tells_which_cell_it_alone_knows() {
    let help = Folder::new("flow-help").lstm(&["flow", "--help"]).stdout;
    let help = String::from_utf8(help).unwrap();
    assert!(
        help.contains(
            "logistic-rnn, of the analysis of vanishing errors, is known to this verb alone"
        ),
        "{help}"
    );
}
