//! Where the peers live, and how they get there: once, under the target folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Peer;
use crate::failure::Failure;

/// What pip installs.
const REQUIREMENTS: &str = include_str!("../../peers/requirements.txt");

/// The files of the Python peers.
const PYTHON_FILES: [(&str, &str); 4] = [
    ("serve.py", include_str!("../../peers/serve.py")),
    ("peer_torch.py", include_str!("../../peers/peer_torch.py")),
    (
        "peer_onnxruntime.py",
        include_str!("../../peers/peer_onnxruntime.py"),
    ),
    ("peer_jax.py", include_str!("../../peers/peer_jax.py")),
];

/// The folder of all peers.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// In the target folder that cargo uses.
    pub fn in_target() -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
        Self {
            root: target.join("peers"),
        }
    }

    /// Where the error output of a peer goes.
    pub fn log(&self, peer: Peer) -> PathBuf {
        self.root.join(format!("{}.log", peer.name()))
    }

    /// Makes ready what `peer` needs, unless it is, and returns the command that runs it.
    pub fn prepare(&self, peer: Peer, threads: usize) -> Result<Vec<String>, Failure> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        if Peer::RUST.contains(&peer) {
            return Ok(vec![text(self.prepare_rust(peer)?)]);
        }
        let (python, script) = self.prepare_python()?;
        Ok(vec![
            text(python),
            text(script),
            peer.name().to_owned(),
            threads.to_string(),
        ])
    }

    /// The interpreter with all packages, and the script.
    fn prepare_python(&self) -> Result<(PathBuf, PathBuf), Failure> {
        let folder = self.root.join("python");
        let venv = folder.join("venv");
        let programs = venv.join(if cfg!(windows) { "Scripts" } else { "bin" });
        let python = programs.join("python");
        for (name, text) in PYTHON_FILES {
            write(&folder.join(name), text)?;
        }
        let once = Once::new(folder.join("installed"), REQUIREMENTS);
        if !once.is_done() {
            eprintln!(
                "installing the Python peers into {}; this takes minutes",
                venv.display()
            );
            let requirements = folder.join("requirements.txt");
            write(&requirements, REQUIREMENTS)?;
            let system = if cfg!(windows) { "python" } else { "python3" };
            run(
                Command::new(system).args(["-m", "venv"]).arg(&venv),
                "make a virtual environment",
            )?;
            let install = ["-m", "pip", "install", "--quiet", "--requirement"];
            run(
                Command::new(&python).args(install).arg(&requirements),
                "install packages, for which pip needs its index",
            )?;
            let freeze = run(
                Command::new(&python).args(["-m", "pip", "freeze"]),
                "list packages",
            )?;
            once.done(&freeze)?;
        }
        Ok((python, folder.join("serve.py")))
    }

    /// The compiled program of a peer in Rust.
    fn prepare_rust(&self, peer: Peer) -> Result<PathBuf, Failure> {
        let (manifest, main) = match peer {
            Peer::Burn => (
                include_str!("../../peers/burn.toml"),
                include_str!("../../peers/burn.rs"),
            ),
            _ => (
                include_str!("../../peers/candle.toml"),
                include_str!("../../peers/candle.rs"),
            ),
        };
        let serve = include_str!("../../peers/serve.rs");
        let folder = self.root.join(peer.name());
        let target = folder.join("target");
        let once = Once::new(folder.join("built"), &[manifest, main, serve].concat());
        if !once.is_done() {
            eprintln!("building the peer {}; this takes minutes", peer.name());
            write(&folder.join("Cargo.toml"), manifest)?;
            write(&folder.join("src/main.rs"), main)?;
            write(&folder.join("src/serve.rs"), serve)?;
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let build = ["build", "--release", "--quiet", "--manifest-path"];
            run(
                Command::new(cargo)
                    .args(build)
                    .arg(folder.join("Cargo.toml"))
                    .arg("--target-dir")
                    .arg(&target),
                "build a peer, for which cargo needs its registry",
            )?;
            once.done("")?;
        }
        let program = format!("peer-{}{}", peer.name(), env::consts::EXE_SUFFIX);
        Ok(target.join("release").join(program))
    }
}

/// Something that is done once for a given recipe: a file holds the recipe, and what came of it.
struct Once {
    marker: PathBuf,
    recipe: String,
}

impl Once {
    fn new(marker: PathBuf, recipe: &str) -> Self {
        Self {
            marker,
            recipe: format!("{recipe}\n"),
        }
    }

    fn is_done(&self) -> bool {
        // A marker that cannot be read marks nothing.
        fs::read_to_string(&self.marker).is_ok_and(|text| text.starts_with(&self.recipe))
    }

    fn done(&self, outcome: &str) -> Result<(), Failure> {
        write(&self.marker, &format!("{}{outcome}", self.recipe))
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failure = |error| Failure::File {
        path: path.to_owned(),
        error,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failure)?;
    }
    fs::write(path, text).map_err(failure)
}

/// Runs a command to its end and returns its output.
fn run(command: &mut Command, purpose: &'static str) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| Failure::Program {
        program: program.clone(),
        purpose,
        error,
    })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        // The last lines say what went wrong; those before, what was tried.
        let lines: Vec<_> = text.lines().collect();
        let reason = lines[lines.len().saturating_sub(8)..].join("\n");
        return Err(Failure::Setup {
            program,
            purpose,
            reason,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_followed_once_and_a_new_one_again() {
        let folder = env::temp_dir().join(format!("lstm-bench-{}", std::process::id()));
        let marker = folder.join("marker");
        let once = Once::new(marker.clone(), "flour, water");
        assert!(!once.is_done());
        once.done("bread").unwrap();
        assert!(once.is_done());
        assert!(Once::new(marker.clone(), "flour, water").is_done());
        assert!(!Once::new(marker.clone(), "flour, water, salt").is_done());
        assert!(!Once::new(marker, "flour").is_done());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program"), "make bread").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no-such-program") && text.contains("make bread"),
            "{text}"
        );
    }

    /// A test of the sources, as nothing else reads them before a comparison.
    #[test]
    fn manifests_stand_alone() {
        for manifest in [
            include_str!("../../peers/burn.toml"),
            include_str!("../../peers/candle.toml"),
        ] {
            assert!(
                manifest.contains("[workspace]"),
                "else cargo would look for the one around it"
            );
        }
    }
}
