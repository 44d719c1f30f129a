//! Files that are damaged or hostile: sound ones are changed at random, but with knowledge of the format, and read.
//!
//! Whatever comes, reading ends with an error or with what the file says; it never panics, never takes much more memory
//! than the file is long, and never leaves half of a thing behind. Every case is made from a seed and its number alone,
//! so a failure can be repeated. `cargo xtask fuzz --minutes 10` runs it for longer.

mod allocator;
mod mutation;
mod sound;
mod trial;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use lstm_core::Rng;

use allocator::Counting;
use sound::Sound;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs the case `number` of `seed`, and says which it was if it fails.
fn run(sound: &[Sound], seed: u64, number: u64) -> bool {
    let mut rng = Rng::stream(seed, number);
    let sound = &sound[rng.below(sound.len() as u64) as usize];
    let (bytes, is_sealed) = mutation::mutate(&sound.bytes, &mut rng);
    match catch_unwind(AssertUnwindSafe(|| trial::run(sound, &bytes, is_sealed))) {
        Ok(is_read) => is_read,
        Err(panic) => {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{seed}-{number}"));
            let kept = std::fs::write(&path, &bytes);
            eprintln!(
                "case {number} of seed {seed}, from a {}, is {}: {kept:?}",
                sound.kind.name(),
                path.display()
            );
            resume_unwind(panic)
        }
    }
}

#[test]
fn damaged_and_hostile_files_are_errors() {
    let sound = sound::all();
    let cases = 20_000;
    let read = (0..cases).filter(|&number| run(&sound, 1, number)).count();
    println!("{cases} files, {read} of them read");
    // If nearly nothing were read, the mutations would never get past the first check; if nearly everything were, they
    // would be too tame.
    assert!(read > 200 && read < cases as usize / 2, "{read} were read");
}

#[test]
fn sound_files_are_read() {
    for sound in sound::all() {
        assert!(
            trial::run(&sound, &sound.bytes, false),
            "{}",
            sound.kind.name()
        );
        if sound.kind != sound::Kind::Foreign {
            // The checksum that the mutations put right is that of the library.
            assert!(mutation::sealed(&sound.bytes).unwrap() == sound.bytes);
        }
    }
}

/// What `cargo xtask fuzz` starts.
#[test]
#[ignore = "it takes as long as it is told"]
fn for_minutes() {
    let told = |name: &str| env::var(name).ok();
    let minutes = told("LSTM_FUZZ_MINUTES").map_or(0.1, |text| text.parse().unwrap());
    let seed = told("LSTM_FUZZ_SEED").map_or_else(
        || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.unwrap_or_default().as_secs()
        },
        |text| text.parse().unwrap(),
    );
    println!("seed {seed}");
    let sound = sound::all();
    let (start, budget) = (Instant::now(), Duration::from_secs_f64(60.0 * minutes));
    let (mut cases, mut read) = (0, 0u64);
    while start.elapsed() < budget {
        read += u64::from(run(&sound, seed, cases));
        cases += 1;
    }
    println!("{cases} files, {read} of them read, no failure");
}
