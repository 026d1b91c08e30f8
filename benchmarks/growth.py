"""How cost grows with what is asked for: seconds at several sizes, and the exponent between them.

    python -m benchmarks.growth [CURVE ...] [--rounds 3] [--largest N] [--json FILE]

    batch     one training step of DCGAN at 28x28 (64 maps), batches of 16 to 256
    side      one training step of DCGAN with batches of 16, at 32, 64 and 128 pixels a side
    seeds     `sample` of 64 to 100,000 seeds of a VAE (a perceptron)
    evaluate  `tfgen.evaluate` with fid, kid, prdc of zoo:vae-digits, 1,000 to 100,000 samples
    pixels    the cached sampler of PixelCNN, 8 pictures of 7, 14 and 28 pixels a side

An exponent of 1 means twice the time for twice as much (for sides, 2 means as the area). It is the
slope of log seconds over log size, over the whole curve and between its last two sizes: small sizes
cost what a call costs. Medians over rounds, in each of which every size of a curve takes its turn;
what the first call traces is left out. Memory is the process's peak after each size of round one.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("curves", nargs="*", help=f"of {', '.join(CURVES)}; by default all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--largest", type=int, help="leave out sizes beyond it")
    parser.add_argument("--json", help="file for the same figures")
    arguments = parser.parse_args()
    for name in arguments.curves:
        if name not in CURVES:
            parser.error(f"unknown curve {name!r}; known: {', '.join(CURVES)}")
    rows = []
    for name in arguments.curves or CURVES:
        sizes, prepare = CURVES[name]
        kept = [size for size in sizes if arguments.largest is None or size <= arguments.largest]
        rows.append(measure(name, kept, prepare, arguments.rounds))
        print(shown(rows[-1]), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


def measure(name, sizes, prepare, rounds):
    """The row of one curve."""
    from tfgen.training import trial

    calls = [prepare(size) for size in sizes]
    taken, memory = [[] for _ in sizes], []
    for number in range(rounds):
        for call, seconds in zip(calls, taken, strict=True):
            begun = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begun)
            if number == 0:
                memory.append(trial.peak() / 2**30)
    medians = [statistics.median(seconds) for seconds in taken]
    return {
        "curve": name,
        "sizes": sizes,
        "seconds": medians,
        "peak_gib": memory,
        "exponent": exponent(sizes, medians),
        "last_exponent": exponent(sizes[-2:], medians[-2:]),
    }


def exponent(sizes, seconds):
    """Slope of log seconds over log size; None of a single size."""
    if len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def shown(row):
    """One curve for the eye."""
    each = zip(row["sizes"], row["seconds"], row["peak_gib"], strict=True)
    parts = [f"{size:,}: {seconds:.3g} s, {gib:.2f} GiB" for size, seconds, gib in each]
    slopes = [row["exponent"], row["last_exponent"]]
    of = ", ".join("-" if slope is None else f"{slope:.2f}" for slope in slopes)
    return f"{row['curve']:9} {'  '.join(parts)}  exponent (all, last two): {of}"


def step(side, batch, repeat=4, **arguments):
    """So many training steps of DCGAN on one batch held in memory, traced already."""
    import tensorflow as tf

    from tfgen.models import DCGAN

    model = DCGAN(image_shape=(side, side, 1), **arguments)
    model.compile()
    images = np.random.default_rng(0).uniform(-1, 1, (batch, side, side, 1)).astype(np.float32)
    memory = iter(tf.data.Dataset.from_tensors({"image": images}).cache().repeat())
    model.make_train_function()

    def call():
        for _ in range(repeat):
            logs = model.train_function(memory)
        return {name: float(value) for name, value in logs.items()}

    call()
    return call


def seeds(count):
    from tfgen.models import VAE

    model = VAE(image_shape=(28, 28, 1))
    model.sample(range(64))
    return lambda: model.sample(range(count))


def evaluation(count):
    import tfgen

    model, source = tfgen.zoo.load("vae-digits"), tfgen.data.source("digits", "test")
    ask = {"metrics": "fid,kid,prdc", "progress": False}
    tfgen.evaluate(model, source, samples=500, **ask)
    return lambda: tfgen.evaluate(model, source, samples=count, **ask)


def pixels(side):
    from tfgen.models import PixelCNN

    model = PixelCNN(image_shape=(side, side, 1), filters=32, blocks=5)
    u = np.random.default_rng(0).random((8, side, side, 1), np.float32)
    model.call_signature("generate", {"u": u})
    return lambda: model.call_signature("generate", {"u": u})["image"].numpy()


CURVES = {
    "batch": ([16, 32, 64, 128, 256], lambda size: step(28, size, filters=64)),
    "side": ([32, 64, 128], lambda size: step(size, 16, filters=32)),
    "seeds": ([64, 1_000, 10_000, 100_000], seeds),
    "evaluate": ([1_000, 10_000, 100_000], evaluation),
    "pixels": ([7, 14, 28], pixels),
}


if __name__ == "__main__":
    main()
