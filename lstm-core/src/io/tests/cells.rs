//! What files say of the cells of a model, and models of files.

use super::*;

#[test]
fn a_model_of_several_cells_is_refused_when_one_differs() {
    let mut model = Model::<Lstm>::new(4, 5);
    let saved = model.bytes();
    open(saved.clone()).unwrap().load_into(&mut model).unwrap();
    assert_eq!(model.bytes(), saved);

    for (message, reason) in [
        (
            refusal(saved.clone(), &mut Model::<GruResetAfter>::new(4, 5)),
            "its cell `lower` is `Lstm`, not `GruResetAfter`",
        ),
        (
            refusal(saved.clone(), &mut Model::<Lstm>::new(5, 5)),
            r#"its cell `lower` has sizes {"I":3,"N":4}, but the model needs {"I":3,"N":5}"#,
        ),
        (
            refusal(saved.clone(), &mut Model::<Lstm>::new(4, 6)),
            "its parameter `head.weight` is F32 [5, 2], but F32 [6, 2] is needed",
        ),
        (
            refusal(saved.clone(), &mut model.0),
            "it lacks its cell, a Lstm",
        ),
        (
            refusal(saved.clone(), &mut model.2),
            "its cell `lower` is unknown to the model",
        ),
    ] {
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn sizes_of_each_cell_are_told_before_a_layer_is_built() {
    let file = open(Model::<Lstm>::new(4, 5).bytes()).unwrap();
    assert_eq!(file.cells().unwrap(), ["lower", "upper"]);
    assert_eq!(file.require_cell_at::<Lstm, f32>("lower").unwrap(), [3, 4]);
    assert_eq!(
        file.require_cell_at::<ElmanRnn, f32>("upper").unwrap(),
        [4, 2]
    );
    for (message, reason) in [
        (
            file.require_cell_at::<ElmanRnn, f32>("lower"),
            "its cell `lower` is `Lstm`, not `ElmanRnn`",
        ),
        (
            file.require_cell_at::<ElmanRnn, f32>("top"),
            "it lacks its cell `top`, a ElmanRnn",
        ),
    ] {
        let message = message.unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
}

/// A model that says of its cells what a test wants.
struct Claims(&'static str);

impl Parameters<f32> for Claims {
    fn visit(&self, _: Name<'_>, _: &mut Visit<'_, f32>) -> Result<()> {
        Ok(())
    }

    fn visit_mut(&mut self, _: Name<'_>, _: &mut VisitMut<'_, f32>) -> Result<()> {
        Ok(())
    }
}

impl Claims {
    /// A file that describes its cells by this text.
    fn bytes(&self) -> Vec<u8> {
        let (contents, mut metadata) = contents::<f32>(self, Metadata::new()).unwrap();
        metadata.insert("cells".to_owned(), self.0.to_owned());
        contents.seal(FORMAT, &mut metadata);
        contents.to_bytes(&metadata)
    }
}

#[test]
fn descriptions_of_cells_are_not_taken_on_trust() {
    let hash = hex(ElmanRnn::SPEC.equations_hash);
    for (description, reason) in [
        ("[]".to_owned(), "its description of cells is wrong"),
        (
            r#"{"":{"cell":"ElmanRnn","equations_hash":"0","sizes":{"I":1,"N":1}}}"#.to_owned(),
            "its cell is a ElmanRnn, too, but with other equations: their hash is `0`, not `",
        ),
        (
            format!(r#"{{"":{{"cell":"ElmanRnn","equations_hash":"{hash}","sizes":{{"I":1}}}}}}"#),
            r#"its sizes `{"I":1}` are not those of cell ElmanRnn"#,
        ),
        (
            format!(
                r#"{{"":{{"cell":"ElmanRnn","equations_hash":"{hash}","sizes":{{"I":1,"N":4000000000}}}}}}"#
            ),
            "need more numbers than",
        ),
    ] {
        let description: &'static str = description.leak();
        let file = open(Claims(description).bytes()).unwrap();
        let message = file
            .require_cell_at::<ElmanRnn, f32>("")
            .unwrap_err()
            .to_string();
        assert!(message.contains(reason), "{message}");
        let mut layer = Recurrent::<ElmanRnn, f32>::new(&[1, 1], &mut Rng::new(1)).unwrap();
        assert!(file.load_into(&mut layer).is_err(), "{description}");
    }
}
