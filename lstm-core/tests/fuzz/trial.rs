//! Reading a file in every way there is.

use lstm_core::cells::{ElmanRnn, Lstm};
use lstm_core::checkpoint::CheckpointFile;
use lstm_core::io::{ModelFile, TensorFile};
use lstm_core::optim::{Adam, EarlyStopping, Optimiser, Plateau};
use lstm_core::params::{Name, Parameters};
use lstm_core::{Element, Order, Recurrent, Result, Rng};
use safetensors::SafeTensors;

use crate::allocator::largest_during;
use crate::sound::{Characters, Kind, Sound, characters, layer, other_layer};

/// A piece of memory may be so many times as large as the file: what is largest is a list of sizes, two bytes each as
/// text and eight as numbers, that has grown by doubling; and packed weights, padded to the width of the registers.
const TIMES: usize = 16;
/// Beyond that, what small things take whatever the file says.
const EXTRA: usize = 32 << 10;

/// Reads `bytes` and checks what comes of it. Returns whether something could be read.
///
/// The bytes were made from `sound`; if `is_sealed`, their checksum was made right again, and they may hold other numbers.
pub fn run(sound: &Sound, bytes: &[u8], is_sealed: bool) -> bool {
    let bound = TIMES * bytes.len() + EXTRA;
    let mut is_read = false;
    let largest = largest_during(|| is_read = read(sound, bytes, is_sealed));
    assert!(
        largest <= bound,
        "{largest} bytes at once for {}",
        bytes.len()
    );
    if let Ok(file) = TensorFile::from_bytes("file", bytes.to_vec()) {
        compare(&file, bytes);
    }
    is_read
}

fn read(sound: &Sound, bytes: &[u8], is_sealed: bool) -> bool {
    let tensors = TensorFile::from_bytes("file", bytes.to_vec());
    let as_model = ModelFile::from_bytes("file", bytes.to_vec());
    let as_checkpoint = CheckpointFile::from_bytes("file", bytes.to_vec());
    assert!(tensors.is_ok() || (as_model.is_err() && as_checkpoint.is_err()));
    let from_model = as_model.is_ok_and(|file| model(sound, &file, is_sealed));
    let from_checkpoint = as_checkpoint.is_ok_and(|file| checkpoint(&file, is_sealed));
    match sound.kind {
        Kind::Foreign => tensors.is_ok(),
        _ => from_model || from_checkpoint,
    }
}

/// What this library reads, the reference reads, too, and the same.
fn compare(file: &TensorFile, bytes: &[u8]) {
    let views: Vec<_> = file.names().map(|name| (name, file.tensor(name))).collect();
    for view in views.iter().filter_map(|(_, view)| view.as_ref().ok()) {
        assert_eq!(view.to_vec::<f64>().len(), view.len());
    }
    let reference = match SafeTensors::deserialize(bytes) {
        Ok(reference) => reference,
        // An unknown type is an error there; here only when the tensor is asked for.
        Err(error) => {
            let is_unread = views.iter().any(|(_, view)| view.is_err());
            return assert!(is_unread, "the reference refuses the file: {error}");
        }
    };
    assert_eq!(reference.len(), views.len());
    for (name, view) in views {
        let expected = reference.tensor(name).unwrap();
        if let Ok(view) = view {
            assert_eq!(view.shape(), expected.shape());
            assert_eq!(view.bytes(), expected.data());
            assert_eq!(view.dtype().to_string(), format!("{:?}", expected.dtype()));
        }
    }
}

/// Every parameter to the bit.
fn bits<T: Element>(model: &dyn Parameters<T>) -> Vec<u64> {
    let mut bits = Vec::new();
    model
        .visit(Name::ROOT, &mut |_, parameter| {
            bits.extend(
                parameter
                    .values
                    .iter()
                    .map(|value| value.to_f64().to_bits()),
            );
            Ok(())
        })
        .unwrap();
    bits
}

fn model(sound: &Sound, file: &ModelFile, is_sealed: bool) -> bool {
    if let Ok(cells) = file.cells() {
        for name in cells {
            // The sizes are bounded by the file, so that a layer can be built of them.
            if let Ok(sizes) = file.require_cell_at::<Lstm, f32>(&name) {
                let _ = Recurrent::<Lstm, f32>::zeros(&sizes);
            }
            if let Ok(sizes) = file.require_cell_at::<ElmanRnn, f64>(&name) {
                let _ = Recurrent::<ElmanRnn, f64>::zeros(&sizes);
            }
        }
    }
    let _ = file.shape("beta_h");
    let loaded_characters = Characters::load(file);
    let mut loaded = other_layer();
    let outcome = file.load_into(&mut loaded);
    if outcome.is_err() {
        assert_eq!(
            bits(&loaded),
            bits(&other_layer()),
            "a part of it was loaded"
        );
    } else if !is_sealed {
        assert_eq!(bits(&loaded), bits(&layer()), "{:?}", sound.kind);
    }
    if let Ok(loaded) = &loaded_characters
        && !is_sealed
    {
        assert_eq!(bits(loaded), bits(&characters()));
    }
    outcome.is_ok() || loaded_characters.is_ok()
}

/// Puts back what can be, and goes on with it: a counter at its end, say, must not end the program.
fn checkpoint(file: &CheckpointFile, is_sealed: bool) -> bool {
    let mut model = other_layer();
    let outcome = file.load_into(&mut model).map(drop);
    match &outcome {
        Err(_) => assert_eq!(
            bits(&model),
            bits(&other_layer()),
            "a part of it was loaded"
        ),
        Ok(()) if is_sealed => {}
        Ok(()) => assert_eq!(bits(&model), bits(&layer())),
    }
    let mut adam = Adam::new(0.1).unwrap();
    let before = adam.state();
    match file.load_optimiser(&mut adam) {
        Err(_) => assert_eq!(adam.state(), before, "a part of it was loaded"),
        Ok(_) => {
            let gradient = vec![0.5; model.params_len()];
            let _ = adam.step(&mut model, &gradient);
        }
    }
    let (mut order, mut batch) = (Order::new(10, 3).unwrap(), Vec::new());
    let _ = file.load_order(&mut order);
    (0..4).for_each(|_| order.next_batch(4, &mut batch));
    let mut rng = Rng::new(1);
    let _ = file.load_rng("rng", &mut rng);
    for _ in 0..40 {
        rng.unit();
    }
    let mut state = model.zero_state(2).unwrap();
    let before = state.clone();
    if file.load_state("state", &mut state).is_err() {
        assert_eq!(state, before, "a part of it was loaded");
    }
    if let Ok(watch) = file.watch("watch") {
        let (mut plateau, mut stopping) = (Plateau::new(0.5, 0).unwrap(), EarlyStopping::new(1));
        plateau.resume(watch);
        stopping.resume(watch);
        for loss in [1.0, 2.0, f64::NAN] {
            plateau.observe(loss, &mut adam).unwrap();
            stopping.observe(loss);
        }
    }
    let _ = file.progress::<f32>();
    let _: Result<Vec<f32>> = file.values("values");
    let _ = (
        file.count("count"),
        file.number("number"),
        file.text("text"),
    );
    outcome.is_ok()
}
