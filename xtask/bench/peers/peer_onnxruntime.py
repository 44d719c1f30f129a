"""ONNX Runtime: the operators of the standard, which only infer."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

# Operator, number of gates, attributes.
OPERATORS = {
    "lstm": ("LSTM", 4, {}),
    "peephole": ("LSTM", 4, {}),
    "gru": ("GRU", 3, {"linear_before_reset": 1}),
    "rnn": ("RNN", 1, {}),
}


def passes(cell, batch, steps, inputs, hidden, threads):
    """The calls for inference and training, None where there is none."""
    if cell not in OPERATORS:
        return None, None
    operator, gates, attributes = OPERATORS[cell]
    rng = np.random.default_rng(1)

    def normal(*shape, scale=1.0):
        return rng.normal(size=shape, scale=scale).astype(np.float32)

    rows = gates * hidden
    weights = {
        "W": normal(1, rows, inputs, scale=0.1),
        "R": normal(1, rows, hidden, scale=0.1),
        "B": normal(1, 2 * rows, scale=0.1),
    }
    names = ["x", "W", "R", "B"]
    if cell == "peephole":
        weights["P"] = normal(1, 3 * hidden, scale=0.1)
        names += ["", "", "", "P"]
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], hidden_size=hidden, **attributes)],
        cell,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, batch, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    x = normal(steps, batch, inputs)
    return lambda: session.run(None, {"x": x}), None
