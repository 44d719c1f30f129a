//! A run that is killed at any moment, and started again, ends as one that was never killed: to the bit.
//!
//! The run is a process of its own: this test program, started again with the name of the ignored test in it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use faer::Mat;
use lstm_core::checkpoint::{Checkpoint, Checkpoints};
use lstm_core::init::Init;
use lstm_core::optim::{Adam, EarlyStopping, Optimiser, clip_global_norm};
use lstm_core::params::{Name, Parameters, Visit, VisitCells, VisitMut};
use lstm_core::{Linear, Order, Recurrent, Result, Rng, cells::GruResetAfter};

/// Where the run of the ignored test keeps its checkpoints.
const FOLDER: &str = "LSTM_CORE_RUN_FOLDER";

const STEPS: u64 = 400;
const STEPS_PER_CHECKPOINT: u64 = 2;
const KEPT: usize = 2;
const INPUTS: usize = 3;
const UNITS: usize = 24;
const BATCH: usize = 4;
const WINDOW: usize = 5;

struct Model {
    layer: Recurrent<GruResetAfter, f64>,
    head: Linear<f64>,
}

impl Parameters<f64> for Model {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, f64>) -> Result<()> {
        self.layer.visit(name.child("layer"), visit)?;
        self.head.visit(name.child("head"), visit)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, f64>) -> Result<()> {
        self.layer.visit_mut(name.child("layer"), visit)?;
        self.head.visit_mut(name.child("head"), visit)
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        self.layer.visit_cells(name.child("layer"), visit);
    }
}

/// Trains from the latest checkpoint in `folder`, or from the start, to the end, and calls `after` after every step.
///
/// The loss is half the squared distance of the head to the next value of a sine; a fifth of the inputs is dropped, and
/// the state is carried from step to step, so that every kind of memory has a part in it.
fn train(folder: &Path, mut after: impl FnMut()) -> Result<()> {
    let mut rng = Rng::new(1);
    let mut model = Model {
        layer: Recurrent::new(&[INPUTS, UNITS], &mut rng)?,
        head: Linear::new(UNITS, 1, Init::Xavier, &mut rng)?,
    };
    let mut adam = Adam::new(0.01)?;
    let mut stopping = EarlyStopping::new(3);
    let mut order = Order::new(30, 7)?;
    let mut state = model.layer.zero_state(BATCH).unwrap();
    let mut losses = Vec::new();
    let mut step = 0;

    let checkpoints = Checkpoints::new(folder, KEPT)?;
    if let Some(latest) = checkpoints.latest()? {
        assert!(latest.refused.is_empty(), "{:?}", latest.refused);
        let file = latest.file;
        file.load_into(&mut model)?
            .load_optimiser(&mut adam)?
            .load_order(&mut order)?
            .load_rng("dropout", &mut rng)?
            .load_state("carried", &mut state)?;
        stopping.resume(file.watch("stopping")?);
        losses = file.values("losses")?;
        step = file.count("step")?;
    }

    let columns = WINDOW * BATCH;
    let (mut x, mut y) = (Mat::zeros(INPUTS, columns), Mat::zeros(UNITS, columns));
    let (mut out, mut dy) = (Mat::zeros(1, columns), Mat::zeros(UNITS, columns));
    let mut tape = model.layer.tape(WINDOW, BATCH).unwrap();
    let mut gradient = vec![0.0; model.params_len()];
    let mut batch = Vec::new();
    while step < STEPS {
        order.next_batch(BATCH, &mut batch);
        // The last batch of an epoch is shorter; its samples are taken again.
        let phase = |column: usize| (batch[column % BATCH % batch.len()] + column / BATCH) as f64;
        for column in 0..columns {
            for i in 0..INPUTS {
                let kept = rng.unit() >= 0.2;
                x[(i, column)] = if kept {
                    (phase(column) + i as f64).sin()
                } else {
                    0.0
                };
            }
        }
        model
            .layer
            .record(x.as_ref(), &mut state, y.as_mut(), &mut tape)?;
        model.head.apply(y.as_ref(), out.as_mut())?;
        (0..columns).for_each(|column| out[(0, column)] -= (phase(column) + 1.0).sin());
        let loss = out.squared_norm_l2() / 2.0;
        losses.push(loss);
        stopping.observe(loss);

        gradient.fill(0.0);
        let (of_layer, of_head) = gradient.split_at_mut(model.layer.params().len());
        model
            .head
            .backprop(y.as_ref(), out.as_ref(), of_head, Some(dy.as_mut()))?;
        let mut dstate = model.layer.zero_state(BATCH).unwrap();
        model.layer.backprop(
            x.as_ref(),
            dy.as_ref(),
            &mut dstate,
            &mut tape,
            of_layer,
            None,
        )?;
        clip_global_norm(&model, &mut gradient, 1.0)?;
        adam.step(&mut model, &gradient)?;
        step += 1;
        if step % STEPS_PER_CHECKPOINT == 0 {
            let checkpoint = Checkpoint::new(&model)
                .with_optimiser(&adam)
                .with_order(&order)
                .with_rng("dropout", &rng)
                .with_state("carried", &state)
                .with_watch("stopping", stopping.watch())
                .with_values("losses", &losses)
                .with_count("step", step);
            checkpoints.save(step, checkpoint)?;
        }
        after();
    }
    Ok(())
}

#[test]
#[ignore = "it is started and killed by the other test"]
fn the_run() {
    let folder = std::env::var_os(FOLDER).map_or_else(|| fresh("by_hand"), PathBuf::from);
    train(&folder, || eprint!(".")).unwrap();
}

/// A folder that is empty.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{name}"));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    folder
}

/// The files that a write has begun and not finished.
fn unfinished(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".tmp")).collect()
}

/// When a run is killed, after it has taken some steps.
enum Moment {
    /// After some time.
    After(Duration),
    /// As soon as a file is being written.
    InWrite,
}

/// Starts or goes on with the run in `folder` and kills it; `false` if it came to its end before.
fn run_and_kill(folder: &Path, steps: usize, moment: Moment) -> bool {
    let mut run: Child = Command::new(std::env::current_exe().unwrap())
        .args(["the_run", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = run.stderr.take().unwrap();
    // One dot a step; an end without a kill is the end of the run or of the program.
    let (mut text, mut dots, mut buffer) = (Vec::new(), 0, [0; 64]);
    while dots < steps {
        let len = said.read(&mut buffer).unwrap();
        if len == 0 {
            break;
        }
        text.extend(&buffer[..len]);
        dots += buffer[..len].iter().filter(|&&byte| byte == b'.').count();
    }
    match moment {
        Moment::After(time) => sleep(time),
        Moment::InWrite => {
            while unfinished(folder).is_empty() && run.try_wait().unwrap().is_none() {}
        }
    }
    run.kill().unwrap();
    let status = run.wait().unwrap();
    if status.code().is_some() && cfg!(unix) {
        said.read_to_end(&mut text).unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&text));
    }
    !status.success()
}

#[test]
fn a_run_that_is_killed_and_resumed_ends_as_one_that_was_not() {
    const KILLS: usize = 24;
    let unbroken = fresh("unbroken");
    train(&unbroken, || {}).unwrap();
    let expected = Checkpoints::new(&unbroken, KEPT).unwrap();
    let expected = expected.latest().unwrap().unwrap().file;

    // Moments from a seed; what the run is doing then depends on the machine, which is the point.
    let mut rng = Rng::new(20);
    let (mut kills, mut in_writes, mut ends) = (0, 0, 0);
    // A run may come to its end before it is killed often enough; then another one begins.
    while kills < KILLS || ends == 0 {
        let folder = fresh("broken");
        loop {
            if kills >= KILLS {
                train(&folder, || {}).unwrap();
                break;
            }
            let before = unfinished(&folder);
            let moment = match kills % 2 {
                0 => Moment::After(Duration::from_micros(rng.below(5000))),
                _ => Moment::InWrite,
            };
            if !run_and_kill(&folder, rng.below(12) as usize, moment) {
                break;
            }
            kills += 1;
            // A run that is killed before it has tidied up leaves what the one before it left.
            let left = unfinished(&folder);
            in_writes += usize::from(left.iter().any(|name| !before.contains(name)));
        }
        ends += 1;

        let checkpoints = Checkpoints::new(&folder, KEPT).unwrap();
        let found = checkpoints.latest().unwrap().unwrap().file;
        let losses = |file: &lstm_core::checkpoint::CheckpointFile| {
            let losses = file.values::<f64>("losses").unwrap();
            losses.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(losses(&found).len() as u64, STEPS);
        assert_eq!(losses(&found), losses(&expected));
        let (mut next, mut same) = (Rng::new(0), Rng::new(0));
        found.load_rng("dropout", &mut next).unwrap();
        expected.load_rng("dropout", &mut same).unwrap();
        assert_eq!([(); 5].map(|()| next.unit()), [(); 5].map(|()| same.unit()));
        // And all else: parameters, moments, carried state, places.
        assert!(fs::read(found.path()).unwrap() == fs::read(expected.path()).unwrap());
        // Nothing is left of the writes that were killed.
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        let kept = [STEPS - STEPS_PER_CHECKPOINT, STEPS].map(|number| checkpoints.path(number));
        assert_eq!(names, kept);
    }
    println!("{kills} kills, {in_writes} of them in a write, {ends} runs to the end");
    assert!(in_writes > 0, "no kill met a write");
}
