//! The numbers as files.

use super::Report;
use crate::failure::Failure;

/// A row a step, a column a curve. What overflows is `inf`.
pub fn csv(report: &Report) -> Result<Vec<u8>, Failure> {
    let unwritable = |error: csv::Error| Failure::Output(error.into());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let labels = report.curves.iter().map(|curve| curve.label.as_str());
    (writer.write_record(["q"].into_iter().chain(labels))).map_err(unwritable)?;
    for step in 0..report.steps {
        // The shortest digits that give the same number again.
        let factors = (report.curves.iter()).map(|curve| format!("{:e}", curve.factors[step]));
        let row = [(step + 1).to_string()].into_iter().chain(factors);
        writer.write_record(row).map_err(unwritable)?;
    }
    writer
        .into_inner()
        .map_err(|error| Failure::Output(error.into_error()))
}

/// Everything, as JSON.
pub fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map_err(|error| Failure::Output(error.into()))
}
