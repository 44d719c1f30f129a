//! The comparison: point by point, we and every peer in turn, in several rounds, so that all of them have the same
//! share of whatever else the machine does.

use std::env;
use std::io::Write;

use serde::Serialize;

use super::process::{Answer, Pin, Process};
use super::setup::Folder;
use super::{Peer, PeerCell};
use crate::arguments::{Arguments, Dtype};
use crate::cells::Shipped;
use crate::failure::{Failure, json};
use crate::grid::Point;
use crate::statistics::{geometric_mean, least, median};

/// Finds a time in an answer.
type Time = fn(&Answer) -> Option<f64>;

/// The two kinds of pass, and where an answer has them.
const MODES: [(&str, Time); 2] = [
    ("infer", |answer| answer.infer_ms),
    ("train", |answer| answer.train_ms),
];

/// The times of a library over the rounds of a point.
#[derive(Debug, Clone, Serialize)]
struct Rival {
    peer: &'static str,
    /// Median time.
    ms: f64,
    /// Median over the rounds of its time over ours: above 1 we are ahead.
    ratio: f64,
}

/// A kind of pass at a point.
#[derive(Debug, Serialize)]
struct Row {
    cell: &'static str,
    point: String,
    threads: usize,
    mode: &'static str,
    ours_ms: f64,
    /// The fastest first.
    peers: Vec<Rival>,
    /// Median over the rounds of the fastest peer's time over ours.
    ratio: f64,
}

/// What is left of all points.
#[derive(Debug, Serialize)]
struct Summary {
    mode: &'static str,
    /// A peer, or `best` for the best of each point.
    against: &'static str,
    geometric_mean: f64,
    least: f64,
    points: usize,
}

/// Compares a cell with every peer that has it.
pub fn run(cell: Shipped, arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let peer_cell = PeerCell::of(cell)?;
    if arguments.dtype != Dtype::F32 {
        return Err(Failure::PeersAreSingle);
    }
    let pin = Pin::new(arguments.threads);
    let folder = Folder::in_target();
    let rust = Peer::RUST.into_iter().filter(|_| !arguments.no_rust_peers);
    let mut peers = Peer::PYTHON
        .into_iter()
        .chain(rust)
        .filter(|peer| peer.has(peer_cell))
        .map(|peer| Process::start(peer, &folder, &pin))
        .collect::<Result<Vec<_>, _>>()?;
    if !arguments.json {
        let names: Vec<_> = peers
            .iter()
            .map(|peer| format!("{} {}", peer.peer.name(), peer.version))
            .collect();
        writeln!(
            output,
            "{cell}, f32, threads: {}, against {}",
            arguments.threads,
            names.join(", ")
        )?;
        writeln!(
            output,
            "{:>16} {:>6} {:>10} {:>6}  peers' ms, the fastest first",
            "B,T,D,H", "", "ours ms", "ratio"
        )?;
    }
    let mut rows = Vec::new();
    for point in arguments.points() {
        let mut rounds = Vec::new();
        for _ in 0..arguments.rounds {
            let ours = ask_ours(cell, point, arguments, &pin)?;
            let mut answers = Vec::new();
            for peer in &mut peers {
                let answer = peer.ask(peer_cell, point, arguments.seconds.as_secs_f64())?;
                answers.push((peer.peer.name(), answer));
            }
            rounds.push((ours, answers));
        }
        for (mode, time) in MODES {
            let Some(row) = row(cell, point, arguments.threads, mode, time, &rounds) else {
                continue;
            };
            match arguments.json {
                true => writeln!(output, "{}", json(&row)?)?,
                false => writeln!(output, "{}", line(&row))?,
            }
            output.flush()?;
            rows.push(row);
        }
    }
    for summary in summaries(&rows) {
        match arguments.json {
            true => writeln!(output, "{}", json(&summary)?)?,
            false => writeln!(
                output,
                "{} against {:<12} geometric mean {:6.2}, least {:6.2}, points {}",
                summary.mode,
                summary.against,
                summary.geometric_mean,
                summary.least,
                summary.points
            )?,
        }
    }
    Ok(())
}

/// Our own times, in a process that is held to the same processors as the peers.
fn ask_ours(
    cell: Shipped,
    point: Point,
    arguments: &Arguments,
    pin: &Pin,
) -> Result<Answer, Failure> {
    let program = env::current_exe()?.to_string_lossy().into_owned();
    let mut words = vec![program.clone(), "--json".to_owned()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    option("--point", point.to_string());
    option("--cell", cell.to_string());
    option("--threads", arguments.threads.to_string());
    option("--seconds", arguments.seconds.as_secs_f64().to_string());
    if let Some(width) = arguments.width {
        option("--width", width.to_string());
    }
    let purpose = "measure a point";
    let outcome = pin
        .command(&words)
        .output()
        .map_err(|error| Failure::Program {
            program: program.clone(),
            purpose,
            error,
        })?;
    if !outcome.status.success() {
        let reason = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
        return Err(Failure::Setup {
            program,
            purpose,
            reason,
        });
    }
    Ok(serde_json::from_slice(&outcome.stdout)?)
}

type Round = (Answer, Vec<(&'static str, Answer)>);

fn row(
    cell: Shipped,
    point: Point,
    threads: usize,
    mode: &'static str,
    time: Time,
    rounds: &[Round],
) -> Option<Row> {
    let ours: Vec<_> = rounds.iter().filter_map(|(ours, _)| time(ours)).collect();
    let names = rounds.first()?.1.iter().map(|&(name, _)| name);
    // The times of one peer, round by round; none at all if it lacks the mode.
    let times_of = |index: usize| -> Option<Vec<f64>> {
        rounds
            .iter()
            .map(|(_, answers)| time(&answers[index].1))
            .collect()
    };
    let all: Vec<_> = names
        .enumerate()
        .filter_map(|(index, name)| Some((name, times_of(index)?)))
        .collect();
    let over_ours = |times: &[f64]| {
        median(
            times
                .iter()
                .zip(&ours)
                .map(|(peer, ours)| peer / ours)
                .collect(),
        )
    };
    let mut peers = Vec::new();
    for (peer, times) in &all {
        let (ms, ratio) = (median(times.clone())?, over_ours(times)?);
        peers.push(Rival { peer, ms, ratio });
    }
    peers.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    let best: Option<Vec<f64>> = (0..rounds.len())
        .map(|round| {
            least(
                &all.iter()
                    .map(|(_, times)| times[round])
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    Some(Row {
        cell: cell.name(),
        point: point.to_string(),
        threads,
        mode,
        ratio: over_ours(&best?)?,
        ours_ms: median(ours)?,
        peers,
    })
}

fn line(row: &Row) -> String {
    let peers: Vec<_> = row
        .peers
        .iter()
        .map(|rival| format!("{} {:.3}", rival.peer, rival.ms))
        .collect();
    format!(
        "{:>16} {:>6} {:>10.4} {:>6.2}  {}",
        row.point,
        row.mode,
        row.ours_ms,
        row.ratio,
        peers.join(", ")
    )
}

fn summaries(rows: &[Row]) -> Vec<Summary> {
    let mut summaries = Vec::new();
    for (mode, _) in MODES {
        let rows = || rows.iter().filter(|row| row.mode == mode);
        let mut add = |against, ratios: Vec<f64>| {
            if let (Some(geometric_mean), Some(least)) = (geometric_mean(&ratios), least(&ratios)) {
                let points = ratios.len();
                summaries.push(Summary {
                    mode,
                    against,
                    geometric_mean,
                    least,
                    points,
                });
            }
        };
        add("best", rows().map(|row| row.ratio).collect());
        for peer in Peer::PYTHON.into_iter().chain(Peer::RUST).map(Peer::name) {
            let rivals = rows().flat_map(|row| &row.peers);
            add(
                peer,
                rivals
                    .filter(|rival| rival.peer == peer)
                    .map(|rival| rival.ratio)
                    .collect(),
            );
        }
    }
    summaries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(infer_ms: f64, train_ms: Option<f64>) -> Answer {
        Answer {
            infer_ms: Some(infer_ms),
            train_ms,
        }
    }

    /// Two peers, one without training, over three rounds in which the machine slows down.
    fn rounds() -> Vec<Round> {
        [1.0, 2.0, 4.0]
            .map(|slow| {
                let ours = answer(slow, Some(2.0 * slow));
                let torch = answer(3.0 * slow, Some(8.0 * slow));
                let runtime = answer(2.0 * slow, None);
                (ours, vec![("torch", torch), ("onnxruntime", runtime)])
            })
            .to_vec()
    }

    fn rows() -> Vec<Row> {
        let point = "1,2,3,4".parse().unwrap();
        let row = |(mode, time)| row(Shipped::Lstm, point, 1, mode, time, &rounds());
        MODES.into_iter().filter_map(row).collect()
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let rows = rows();
        assert_eq!(
            line(&rows[0]),
            "         1,2,3,4  infer     2.0000   2.00  onnxruntime 4.000, torch 6.000"
        );
        assert_eq!(
            line(&rows[1]),
            "         1,2,3,4  train     4.0000   4.00  torch 16.000"
        );
    }

    #[test]
    fn each_peer_and_the_best_are_summed_up() {
        let found: Vec<_> = summaries(&rows())
            .iter()
            .map(|summary| (summary.mode, summary.against, summary.least, summary.points))
            .collect();
        assert_eq!(
            found,
            [
                ("infer", "best", 2.0, 1),
                ("infer", "torch", 3.0, 1),
                ("infer", "onnxruntime", 2.0, 1),
                ("train", "best", 4.0, 1),
                ("train", "torch", 4.0, 1),
            ]
        );
    }

    #[test]
    fn a_cell_of_nobody_else_is_refused() {
        assert!(PeerCell::of(Shipped::Lstm1997).is_err());
        assert!(!Peer::Torch.has(PeerCell::of(Shipped::PeepholeLstm).unwrap()));
    }
}
