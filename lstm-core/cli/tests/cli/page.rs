//! `lstm derive --html` from outside.

use std::fs;

use super::Folder;

#[test]
fn a_shipped_cell_becomes_a_page_with_its_error_flow() {
    let folder = Folder::new("page");
    let output = folder.lstm(&["derive", "lstm-1997-truncated", "--html", "a.html"]);
    assert!(output.status.success(), "{output:?}");
    let page = fs::read_to_string(folder.0.join("a.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    // The title of the picture, and its ink, which is the page's.
    assert!(
        page.contains("Error flow in Lstm1997Truncated"),
        "the picture is missing"
    );
    assert!(page.contains("role=\"img\" aria-label=\"Error flow in Lstm1997Truncated\""));
    assert!(page.contains("currentColor") && !page.contains("#010101"));

    let printed = folder.lstm(&["derive", "lstm-1997-truncated"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.starts_with("Lstm1997Truncated\n"), "{text}");
}

#[test]
fn a_cell_of_ones_own_becomes_a_page_without_a_picture() {
    let folder = Folder::new("page-own");
    let cell = |name: &str| {
        format!(
            "cell! {{ /// Mine.
             pub cell {name} {{ size I, N; input x: [I]; param W: [N, I]; g: [N] = 1; b: [N];
             h[t] = tanh(g * (W @ x[t]) + b) + 0.5 * h[t-1]; output h; }} }}"
        )
    };
    folder.write("one.rs", cell("Own"));
    let output = folder.lstm(&["derive", "one.rs", "--html", "a.html"]);
    assert!(output.status.success(), "{output:?}");
    let page = fs::read_to_string(folder.0.join("a.html")).unwrap();
    assert!(page.contains("no kernels of this cell"), "{page}");
    // A parameter that starts from a number has a row of its own.
    for start in [
        "element by element, 1 at first</td>",
        "element by element</td>",
    ] {
        assert_eq!(page.matches(start).count(), 1, "{start}: {page}");
    }

    folder.write("two.rs", cell("One") + &cell("Two"));
    let error = folder.refused(&["derive", "two.rs", "--html", "b.html"]);
    assert!(error.contains("two.rs holds 2 cells"), "{error}");
    let error = folder.refused(&["derive", "one.rs", "--html", "no/such/a.html"]);
    assert!(error.contains("cannot write no/such/a.html"), "{error}");
    let error = folder.refused(&["derive", "perceptron", "--html", "a.html"]);
    assert!(
        error.contains("cannot read perceptron: it is neither a file nor a cell"),
        "{error}"
    );
}
