//! `cargo xtask fuzz`: reads damaged and hostile files for as long as it is told.
//!
//! The work is a test of lstm-core that is left out of ordinary runs. It is built in release, and with checks of overflow,
//! as an overflow that wraps around would be found by nobody.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::definitions::Failure;

/// Runs the test, and hands its exit code back.
pub fn run(minutes: f64, seed: Option<u64>) -> Result<ExitCode, Failure> {
    if !(minutes > 0.0 && minutes <= 1e6) {
        return Err(Failure::Other(format!(
            "--minutes is {minutes}, but must be greater than 0 and at most a million"
        )));
    }
    // Cargo says which cargo runs this program; a program run by hand takes the one of the path.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lstm-core/Cargo.toml");
    let mut command = Command::new(&cargo);
    command
        .args(["test", "--release", "--test", "fuzz"])
        .args(["--config", "profile.release.overflow-checks=true"])
        .arg("--manifest-path")
        .arg(manifest)
        .args(["--", "for_minutes", "--exact", "--ignored", "--nocapture"])
        .env("LSTM_FUZZ_MINUTES", minutes.to_string());
    if let Some(seed) = seed {
        command.env("LSTM_FUZZ_SEED", seed.to_string());
    }
    let status = command
        .status()
        .map_err(|error| Failure::Other(format!("{} cannot be run: {error}", cargo.display())))?;
    // No code means that a signal ended it.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
