"""What every peer in Python does: say who it is, then answer each line of JSON with the times of the work it names.

    serve.py torch|onnxruntime|jax THREADS

infer: all outputs from x and a state of zeros. train: the same, then the gradient of the sum of the outputs with
respect to every weight and to x. Single precision; sequences are [steps, batch, features].
"""

import importlib
import json
import sys
import time


def median_ms(work, seconds):
    """The median time of calls: two to warm up, then at least five, for as long as was asked for."""
    work()
    work()
    samples, start = [], time.perf_counter()
    while len(samples) < 5 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        work()
        samples.append(time.perf_counter() - before)
    return sorted(samples)[len(samples) // 2] * 1e3


def main(name, threads):
    package = importlib.import_module(name)
    peer = importlib.import_module("peer_" + name)
    print(json.dumps({"peer": name, "version": package.__version__}), flush=True)
    for line in sys.stdin:
        work = json.loads(line)
        infer, train = peer.passes(
            work["cell"], work["batch"], work["steps"], work["inputs"], work["hidden"], threads
        )
        answer = {"infer_ms": infer, "train_ms": train}
        for mode, call in answer.items():
            answer[mode] = call and median_ms(call, work["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
