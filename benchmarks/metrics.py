"""How long each sample metric takes on pictures of MNIST's size.

    python -m benchmarks.metrics [--samples 10000] [--seed 0]

"Real" are the built-in 28x28 digits, shifted at random to make up the number; "fake" the same,
blurred and noisy. Features and probabilities are by "mnist28". Prints seconds and the figures; the
intervals are included.
"""

import argparse
import os
import time

import numpy as np


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    from tfgen.metrics import feature_networks, measures
    from tfgen.training import trial

    real, fake = pictures(arguments.samples, arguments.seed)
    network = feature_networks.load("mnist28")
    print(f"{arguments.samples} pictures of 28x28 each, {os.cpu_count()} CPU cores")
    began = time.perf_counter()
    x, y = (network.features_and_probabilities(images) for images in (real, fake))
    print(f"{'features of both':20s} {time.perf_counter() - began:6.1f} s", flush=True)
    for name, measure in {
        "fid": lambda: measures.fid(x[0], y[0]),
        "fid_infinity": lambda: measures.fid_infinity(x[0], y[0]),
        "kid": lambda: measures.kid(x[0], y[0]),
        "is": lambda: measures.inception(y[1]),
        "prdc": lambda: measures.prdc(x[0], y[0]),
        "sliced_wasserstein": lambda: measures.sliced_wasserstein(real, fake),
        "ms_ssim diversity": lambda: measures.diversity(fake),
        "authenticity": lambda: measures.authenticity(x[0], y[0]),
    }.items():
        start = time.perf_counter()
        found = measure()
        seconds = time.perf_counter() - start
        shown = found if isinstance(found, dict) else {"": found}
        text = ", ".join(f"{part} {value}".strip() for part, value in shown.items())
        print(f"{name:20s} {seconds:6.1f} s  {text}", flush=True)
    memory = trial.peak() / 2**30
    print(f"{'together':20s} {time.perf_counter() - began:6.1f} s, at most {memory:.2f} GiB")


def pictures(samples, seed):
    """Two sets (samples, 28, 28, 1) in [-1, 1]."""
    from scipy import ndimage

    from tfgen import data

    images = data.source("mnist-5k", "all").arrays["image"].astype(np.float32) / 127.5 - 1.0
    generator = np.random.default_rng(seed)
    sets = []
    for _ in range(2):
        found = images[generator.integers(0, len(images), samples)]
        moves = generator.integers(-2, 3, (samples, 2))
        sets.append(np.stack([np.roll(f, m, (0, 1)) for f, m in zip(found, moves, strict=True)]))
    real, fake = sets
    fake = ndimage.gaussian_filter(fake, (0, 0.5, 0.5, 0))
    noise = 0.1 * generator.normal(size=fake.shape).astype(np.float32)
    return real, np.clip(fake + noise, -1.0, 1.0)


if __name__ == "__main__":
    main()
