//! A peer as a child process that answers lines of JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::setup::Folder;
use super::{Peer, PeerCell};
use crate::failure::{Failure, json};
use crate::grid::Point;

/// Work for a peer.
#[derive(Debug, Serialize)]
struct Question {
    cell: &'static str,
    batch: usize,
    steps: usize,
    inputs: usize,
    hidden: usize,
    seconds: f64,
}

/// How long a library took; none for what it cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Answer {
    /// Median time of inference.
    pub infer_ms: Option<f64>,
    /// Median time of a training pass.
    pub train_ms: Option<f64>,
}

/// The first line of a peer.
#[derive(Debug, Deserialize)]
struct Greeting {
    version: String,
}

/// A peer that waits for questions. Dropping it ends it.
pub struct Process {
    /// Which.
    pub peer: Peer,
    /// Its version.
    pub version: String,
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Process {
    /// Starts a peer and waits for its greeting.
    pub fn start(peer: Peer, folder: &Folder, pin: &Pin) -> Result<Self, Failure> {
        let log = folder.log(peer);
        let died = || Failure::PeerDied {
            peer: peer.name(),
            log: log.clone(),
        };
        let words = folder.prepare(peer, pin.threads)?;
        let errors = File::create(&log).map_err(|error| Failure::File {
            path: log.clone(),
            error,
        })?;
        let mut child = pin
            .command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| Failure::Program {
                program: words.join(" "),
                purpose: "run a peer",
                error,
            })?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(died());
        };
        let mut process = Self {
            peer,
            version: String::new(),
            child,
            questions,
            answers: BufReader::new(answers),
            log,
        };
        process.version = process.read::<Greeting>()?.version;
        Ok(process)
    }

    /// How long the peer takes for the work.
    pub fn ask(&mut self, cell: PeerCell, point: Point, seconds: f64) -> Result<Answer, Failure> {
        let Point {
            batch,
            steps,
            inputs,
            hidden,
        } = point;
        let question = Question {
            cell: cell.name(),
            batch,
            steps,
            inputs,
            hidden,
            seconds,
        };
        let line = json(&question)?;
        if writeln!(self.questions, "{line}")
            .and_then(|()| self.questions.flush())
            .is_err()
        {
            return Err(self.died());
        }
        self.read()
    }

    fn read<D: DeserializeOwned>(&mut self) -> Result<D, Failure> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(length) if length > 0 => Ok(serde_json::from_str(&line)?),
            _ => Err(self.died()),
        }
    }

    fn died(&self) -> Failure {
        Failure::PeerDied {
            peer: self.peer.name(),
            log: self.log.clone(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// So many threads, on the first so many processors where the system can hold them there.
pub struct Pin {
    /// How many.
    pub threads: usize,
    taskset: bool,
}

impl Pin {
    /// Finds out whether processes can be held.
    pub fn new(threads: usize) -> Self {
        let taskset = Command::new("taskset")
            .args(["-c", &processors(threads), "true"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        Self { threads, taskset }
    }

    /// A command of these words, held to the processors and told how many threads to use.
    pub fn command(&self, words: &[String]) -> Command {
        let holder = [
            "taskset".to_owned(),
            "-c".to_owned(),
            processors(self.threads),
        ];
        let mut words = holder.iter().filter(|_| self.taskset).chain(words);
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words);
        for name in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
            command.env(name, self.threads.to_string());
        }
        if self.threads == 1 {
            command.env("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false");
        }
        command
    }
}

fn processors(threads: usize) -> String {
    format!("0-{}", threads - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_lacks_is_null() {
        let answer: Answer =
            serde_json::from_str(r#"{"infer_ms": 0.5, "train_ms": null}"#).unwrap();
        assert_eq!(
            answer,
            Answer {
                infer_ms: Some(0.5),
                train_ms: None
            }
        );
    }

    #[test]
    fn a_command_is_held_to_its_processors() {
        let words = ["peer".to_owned(), "torch".to_owned()];
        let free = Pin {
            threads: 2,
            taskset: false,
        }
        .command(&words);
        assert_eq!(free.get_program(), "peer");
        let held = Pin {
            threads: 2,
            taskset: true,
        }
        .command(&words);
        assert_eq!(held.get_program(), "taskset");
        let arguments: Vec<_> = held.get_args().collect();
        assert_eq!(arguments, ["-c", "0-1", "peer", "torch"]);
    }
}
