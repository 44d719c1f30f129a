"""JAX: every cell by lax.scan, as its users write it, with the products of the input taken out of the loop."""

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_platforms", "cpu")


def rnn(p, h, zx):
    h = jnp.tanh(zx + h @ p["U"])
    return h, h


def gru(p, h, zx):
    xr, xz, xn = jnp.split(zx, 3, -1)
    hr, hz, hn = jnp.split(h @ p["U"], 3, -1)
    r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
    n = jnp.tanh(xn + r * (hn + p["bu"]))
    h = (1 - z) * n + z * h
    return h, h


def lstm(p, carry, zx):
    h, c = carry
    i, f, g, o = jnp.split(zx + h @ p["U"], 4, -1)
    if "pi" in p:
        i, f = i + p["pi"] * c, f + p["pf"] * c
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    if "po" in p:
        o = o + p["po"] * c
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


# Step, number of gates, carried vectors, vectors of parameters besides the bias.
CELLS = {
    "rnn": (rnn, 1, 1, ""),
    "gru": (gru, 3, 1, "bu"),
    "lstm": (lstm, 4, 2, ""),
    "peephole": (lstm, 4, 2, "pi pf po"),
}


def passes(cell, batch, steps, inputs, hidden, threads):
    """The calls for inference and training, None where there is none."""
    if cell not in CELLS:
        return None, None
    step, gates, carried, vectors = CELLS[cell]
    rng = np.random.default_rng(1)

    def normal(*shape, scale=1.0):
        return jnp.asarray(rng.normal(size=shape, scale=scale).astype(np.float32))

    rows = gates * hidden
    params = {
        "W": normal(inputs, rows, scale=0.1),
        "U": normal(hidden, rows, scale=0.1),
        "b": normal(rows, scale=0.1),
    } | {name: normal(hidden, scale=0.1) for name in vectors.split()}
    x = normal(steps, batch, inputs)
    zeros = [jnp.zeros((batch, hidden))] * carried

    def forward(p, x):
        zx = (x.reshape(steps * batch, inputs) @ p["W"] + p["b"]).reshape(steps, batch, rows)
        start = tuple(zeros) if carried > 1 else zeros[0]
        return jax.lax.scan(lambda carry, z: step(p, carry, z), start, zx)[1]

    infer = jax.jit(forward)
    train = jax.jit(jax.grad(lambda p, x: forward(p, x).sum(), argnums=(0, 1)))
    return (
        lambda: jax.block_until_ready(infer(params, x)),
        lambda: jax.block_until_ready(train(params, x)),
    )
