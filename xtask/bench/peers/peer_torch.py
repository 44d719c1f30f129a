"""PyTorch: its recurrent layers. They have no peepholes."""

import torch

LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def passes(cell, batch, steps, inputs, hidden, threads):
    """The calls for inference and training, None where there is none."""
    if cell not in LAYERS:
        return None, None
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    layer = LAYERS[cell](inputs, hidden)
    plain = torch.randn(steps, batch, inputs)
    x = plain.clone().requires_grad_(True)

    def infer():
        with torch.inference_mode():
            layer(plain)

    def train():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        y, _ = layer(x)
        y.backward(torch.ones_like(y))

    return infer, train
