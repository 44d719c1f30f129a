//! The sound files that the cases are made from.

use std::fs;
use std::path::Path;

use lstm_core::cells::{ElmanRnn, Lstm};
use lstm_core::checkpoint::Checkpoint;
use lstm_core::io::{Metadata, write_tensors};
use lstm_core::lm::CharModel;
use lstm_core::optim::{Adam, Optimiser, Watch};
use lstm_core::params::Parameters;
use lstm_core::text::Vocabulary;
use lstm_core::train::Progress;
use lstm_core::{Order, Recurrent, Rng};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Layer,
    Characters,
    Checkpoint,
    Foreign,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Characters => "character model",
            Self::Checkpoint => "checkpoint",
            Self::Foreign => "file of another program",
        }
    }
}

pub struct Sound {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// The layer that files of the kind [`Kind::Layer`] hold, and those of checkpoints.
pub fn layer() -> Recurrent<Lstm, f32> {
    Recurrent::new(&[2, 3], &mut Rng::new(1)).unwrap()
}

/// A layer of the same cell and sizes with other parameters.
pub fn other_layer() -> Recurrent<Lstm, f32> {
    Recurrent::new(&[2, 3], &mut Rng::new(2)).unwrap()
}

pub type Characters = CharModel<ElmanRnn, f64>;

pub fn characters() -> Characters {
    let vocabulary = Vocabulary::of("ab ε").unwrap();
    CharModel::new(vocabulary, &[2, 3], &mut Rng::new(1)).unwrap()
}

pub fn all() -> Vec<Sound> {
    let make = |kind: Kind, save: &dyn Fn(&Path)| {
        // The two tests may make the files at the same time.
        let unique = format!("{kind:?}-{:?}", std::thread::current().id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        save(&path);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        Sound { kind, bytes }
    };
    vec![
        make(Kind::Layer, &|path| layer().save(path).unwrap()),
        make(Kind::Characters, &|path| characters().save(path).unwrap()),
        make(Kind::Checkpoint, &checkpoint),
        make(Kind::Foreign, &|path| {
            let tensors: [(&str, &[usize], &[f32]); 3] = [
                ("lstm.weight_ih_l0", &[4, 2], &[0.5; 8]),
                ("lstm.bias_ih_l0", &[4], &[0.25; 4]),
                ("scale", &[], &[1.0]),
            ];
            write_tensors(path, &tensors, &Metadata::new()).unwrap();
        }),
    ]
}

fn checkpoint(path: &Path) {
    let (mut model, mut adam) = (layer(), Adam::new(0.1).unwrap());
    let gradient = vec![0.5; model.params_len()];
    adam.step(&mut model, &gradient).unwrap();
    let mut order = Order::new(10, 3).unwrap();
    order.next_batch(4, &mut Vec::new());
    let watch = Watch {
        best: f64::INFINITY,
        waited: 1,
        reductions: 2,
    };
    Checkpoint::new(&layer())
        .with_optimiser(&adam)
        .with_order(&order)
        .with_rng("rng", &Rng::stream(5, 6))
        .with_state("state", &model.zero_state(2).unwrap())
        .with_watch("watch", watch)
        .with_values("values", &[1.0, 2.0])
        .with_progress(&Progress::default())
        .with_count("count", 3)
        .with_number("number", 0.1)
        .with_text("text", "a text")
        .save(path)
        .unwrap();
}
