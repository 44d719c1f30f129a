//! `cargo xtask bench`: builds and runs the package `lstm-bench` in release.
//!
//! It is a program of its own, not a part of this one: it depends on the kernels, and `cargo xtask gen` must build
//! while the kernels that it is about to write do not.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::definitions::Failure;

/// Hands the arguments on, and the exit code back.
pub fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    // Cargo says which cargo runs this program; a program run by hand takes the one of the path.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/Cargo.toml");
    let status = Command::new(&cargo)
        .args(["run", "--release", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--")
        .args(arguments)
        .status()
        .map_err(|error| Failure::Other(format!("{} cannot be run: {error}", cargo.display())))?;
    // No code means that a signal ended it.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
