//! An explanation as JSON.

use lstm_kernels::ParamRole;
use serde_json::{Map, Value, json};

use super::{ExplainedParam, ExplainedVector, Explanation, StepWork};

impl Explanation {
    /// The explanation as a JSON object, with the fields of this type by their names.
    pub fn to_json(&self) -> String {
        let sizes: Map<String, Value> = self
            .sizes
            .iter()
            .map(|&(name, value)| (name.to_owned(), json!(value)))
            .collect();
        let value = json!({
            "cell": self.cell,
            "doc": self.doc,
            "element": self.element,
            "width": self.width,
            "sizes": sizes,
            "equations": self.equations.lines().collect::<Vec<_>>(),
            "input": vector(&self.input),
            "output": vector(&self.output),
            "carried": self.carried.iter().map(vector).collect::<Vec<_>>(),
            "params": self.params.iter().map(param).collect::<Vec<_>>(),
            "initial_len": self.initial_len,
            "params_len": self.params_len,
            "forward": work(&self.forward),
            "backward": work(&self.backward),
            "input_gradient": work(&self.input_gradient),
            "tape": self.tape.iter().map(vector).collect::<Vec<_>>(),
            "errors": self.errors.iter().map(vector).collect::<Vec<_>>(),
            "tape_bytes": self.tape_bytes,
        });
        value.to_string()
    }
}

fn vector(vector: &ExplainedVector) -> Value {
    json!({ "symbol": vector.symbol, "len": vector.len })
}

fn param(param: &ExplainedParam) -> Value {
    let role = match param.role {
        ParamRole::InputMatrix => "input matrix",
        ParamRole::RecurrentMatrix => "recurrent matrix",
        ParamRole::Vector => "vector",
        ParamRole::Scalar => "scalar",
    };
    json!({
        "symbol": param.symbol,
        "name": param.name,
        "rows": param.rows,
        "columns": param.columns,
        "len": param.len,
        "role": role,
        "start": param.start,
    })
}

fn work(work: &StepWork) -> Value {
    json!({
        "products": work.products,
        "elementwise": work.elementwise,
        "weight_bytes": work.weight_bytes,
    })
}
