//! An explanation as a page to read.

use std::fmt;

use lstm_kernels::ParamRole;

use super::{ExplainedVector, Explanation, StepWork};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.doc.lines().next().unwrap_or_default();
        writeln!(f, "{}: {title}", self.cell)?;
        let sizes = self
            .sizes
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        line(f, "sizes", &sizes.collect::<Vec<_>>().join(", "))?;
        line(f, "input", &vectors(std::slice::from_ref(&self.input)))?;
        line(f, "output", &vectors(std::slice::from_ref(&self.output)))?;
        line(f, "carried", &vectors(&self.carried))?;
        line(
            f,
            "numbers",
            &format!("{}, SIMD width {}", self.element, self.width),
        )?;

        writeln!(f, "\nEquations")?;
        for equation in self.equations.lines() {
            writeln!(f, "  {equation}")?;
        }

        writeln!(f, "\nParameters")?;
        self.parameters(f)?;

        writeln!(f, "\nFloating-point operations for each step and sample")?;
        let rows = [
            ("forward", &self.forward),
            ("backward", &self.backward),
            ("gradient of the input", &self.input_gradient),
        ];
        let heading = ["in products", "element by element", "together"];
        writeln!(
            f,
            "  {:22}{:>18}{:>20}{:>18}",
            "", heading[0], heading[1], heading[2]
        )?;
        for (name, work) in rows {
            let StepWork {
                products,
                elementwise,
                ..
            } = work;
            let together = work.operations();
            writeln!(
                f,
                "  {name:22}{products:>18}{elementwise:>20}{together:>18}"
            )?;
        }

        writeln!(f, "\nBytes")?;
        let bytes = [
            ("weights read by a step forward", self.forward.weight_bytes),
            (
                "weights read by a step backward",
                self.backward.weight_bytes,
            ),
            ("tape, for each step and sample", self.tape_bytes),
        ];
        for (what, count) in bytes {
            writeln!(f, "  {what:32}{count:>18}")?;
        }
        line(f, "the tape holds", &vectors(&self.tape))?;
        line(f, "and, backward", &vectors(&self.errors))
    }
}

impl Explanation {
    fn parameters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |rows: usize, columns: usize, role: ParamRole| match role {
            ParamRole::InputMatrix | ParamRole::RecurrentMatrix => format!("{rows} x {columns}"),
            ParamRole::Vector => rows.to_string(),
            ParamRole::Scalar => "scalar".to_owned(),
        };
        let mut rows: Vec<_> = self
            .params
            .iter()
            .map(|param| {
                let shape = shape(param.rows, param.columns, param.role);
                let start = param.start.map(|start| format!("  starts at {start}"));
                [
                    param.symbol.to_owned(),
                    param.name.to_owned(),
                    shape,
                    param.len.to_string(),
                    start.unwrap_or_default(),
                ]
            })
            .collect();
        if self.initial_len > 0 {
            let len = self.initial_len.to_string();
            rows.push(["", "initial states", "", &len, ""].map(str::to_owned));
        }
        rows.push(["", "total", "", &self.params_len.to_string(), ""].map(str::to_owned));
        // Letters are counted, not bytes: symbols are often Greek.
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let [symbol, name, shape, len] = [0, 1, 2, 3].map(|column| width(column).unwrap_or(0));
        for row in &rows {
            let [a, b, c, d, start] = row;
            writeln!(f, "  {a:symbol$}  {b:name$}  {c:>shape$}  {d:>len$}{start}")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    let text = if text.is_empty() { "nothing" } else { text };
    writeln!(f, "  {name:16}{text}")
}

/// `s [8], b [8]`
fn vectors(vectors: &[ExplainedVector]) -> String {
    let shown = vectors
        .iter()
        .map(|vector| format!("{} [{}]", vector.symbol, vector.len));
    shown.collect::<Vec<_>>().join(", ")
}
