"""How much faster the cached samplers are than one full pass for every sub-pixel.

    python -m benchmarks.sampling [MODEL ...] [--batch 1 64] [--side 28] [--turns 9] [--json FILE]

For each model, at 28x28 grey: seconds of the cached sampler for the whole batch; seconds of the
naive one, which are scaled from as many full passes of the same network as were timed to the
H * W * C that it takes (every pass costs the same); and their ratio. Both run in this process, in
turns of the same length, so that another load on the machine falls on both; medians over the
turns. The sub-pixels that the naive passes drew are compared with the cached sampler's.
Two levels, but 256 for PixelCNN++. PixelCNN has 5 residual blocks on a stream of 128 maps, Gated
PixelCNN 6 layers of 64 maps a stack, PixelCNN++ six blocks of 2 layers of 64 maps, PixelRNN a
Diagonal BiLSTM of 7 layers of 16 (the paper's for MNIST).
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np

MODELS = {
    "pixelcnn": dict(filters=128, blocks=5, head_filters=128),
    "gatedpixelcnn": dict(filters=64, blocks=6, head_filters=128),
    "pixelcnnpp": dict(levels=256, filters=64, block_layers=2),
    "pixelrnn": dict(units=16, depth=7),
}
COLUMNS = (
    ("model", "{}"),
    ("batch", "{}"),
    ("trace_s", "{:.1f}"),
    ("cached_s", "{:.3f}"),
    ("naive_s", "{:.1f}"),
    ("ratio", "{:.0f}"),
    ("timed_passes", "{}"),
    ("differing", "{}"),
)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampling", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}; by default all")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64], help="images at once")
    parser.add_argument("--side", type=int, default=28, help="of the pictures")
    parser.add_argument("--turns", type=int, default=9, help="of each measurement")
    parser.add_argument("--json", help="file for the same figures")
    arguments = parser.parse_args()
    for name in arguments.models:
        if name not in MODELS:
            parser.error(f"unknown model {name!r}; known: {', '.join(MODELS)}")
    rows = []
    print("  ".join(name for name, _ in COLUMNS))
    for name in arguments.models or MODELS:
        for batch in arguments.batch:
            rows.append(measure(name, batch, arguments.side, arguments.turns))
            print("  ".join(form.format(rows[-1][key]) for key, form in COLUMNS), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


def measure(name, batch, side, turns):
    """The row of one model at one batch size."""
    import tensorflow as tf

    from tfgen.models import MODELS as known

    shape = (side, side, 1)
    model = known[name](image_shape=shape, **MODELS[name])
    u = np.random.default_rng(0).random((batch, *shape), np.float32)
    naive = one_pass(model)
    x = np.full_like(u, -1.0)
    begun = time.perf_counter()
    drawn = model.call_signature("generate", {"u": u})["image"].numpy()
    trace = time.perf_counter() - begun
    naive(tf.constant(x))
    cached, passes, places = [], [], list(np.ndindex(*shape))
    done = 0
    for _ in range(turns):
        begun = time.perf_counter()
        model.call_signature("generate", {"u": u})["image"].numpy()
        cached.append(time.perf_counter() - begun)
        begun, first = time.perf_counter(), done
        while done == first or time.perf_counter() - begun < cached[-1]:
            y, column, c = places[done % len(places)]
            here = naive(tf.constant(x))[:, y, column]
            x[:, y, column, c] = value(model, here, u[:, y, column], c)
            done += 1
        passes.append((time.perf_counter() - begun) / (done - first))
    differing = sum(
        int((drawn[(slice(None), *p)] != x[(slice(None), *p)]).sum()) for p in places[:done]
    )
    seconds = np.array(passes) * math.prod(shape)
    return {
        "model": name,
        "batch": batch,
        "trace_s": trace,
        "cached_s": float(np.median(cached)),
        "naive_s": float(np.median(seconds)),
        "ratio": float(np.median(seconds / np.array(cached))),
        "timed_passes": done,
        "differing": differing,
    }


def one_pass(model):
    """A compiled full pass: pictures to the parameters of every pixel's distribution."""
    import tensorflow as tf

    return tf.function(getattr(model, "logits", None) or model.parameters)


def value(model, here, u, c):
    """Values (B,) of colour c, from the parameters of one pixel and its uniforms (B, C)."""
    from tfgen.probability.levels import draw_level, level_value
    from tfgen.probability.likelihoods import sample_mixture

    if hasattr(model, "logits"):
        return level_value(draw_level(here[:, c], u[:, c]), model.levels)
    return sample_mixture(here, u, model.levels)[:, c]


if __name__ == "__main__":
    main()
