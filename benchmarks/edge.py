"""Latency and size of every exported form of one signature, as ratios to the SavedModel.

    python benchmarks/edge.py --export exports/dcgan
    python benchmarks/edge.py --export exports/dcgan --rows 64 --threads 2

The export is made by `tfgen export RUN --to DIR --formats saved_model,onnx,tflite --quantize
fp16,int8`; forms that are not there are left out. Forms are timed in turns, round after round, so
that whatever else the machine does meets all of them alike. The difference is against float32 ONNX.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np


def saved_model(path, name, threads):
    """The signature of a SavedModel, called in process."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    function = loaded.signatures[name]

    def run(feeds):
        outputs = function(**{key: tf.constant(value) for key, value in feeds.items()})
        return {key: value.numpy() for key, value in outputs.items()}

    run.kept = loaded  # Its weights live as long as it does.
    return run


def onnx(path, name, threads):
    """A file run by onnxruntime, as `tfgen.export.edge` does."""
    from tfgen.export.edge import Edge

    edge = Edge(path, threads)
    return lambda feeds: edge(**feeds)


def tflite(path, name, threads):
    """A file run by LiteRT's interpreter."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=threads)
    runner = interpreter.get_signature_runner("serving_default")
    return lambda feeds: runner(**feeds)


def forms(export: Path, version: int, name: str):
    """(label, path, how to open it) of every form that is there."""
    found = [("SavedModel", export / str(version), saved_model)]
    for label, ending in (("ONNX", ""), ("ONNX fp16", ".fp16"), ("ONNX int8", ".int8")):
        found.append((label, export / "onnx" / f"{name}{ending}.onnx", onnx))
    found.append(("LiteRT", export / "tflite" / f"{name}.tflite", tflite))
    return [form for form in found if form[1].exists()]


def size(path: Path) -> int:
    """Bytes of a file, or of what is in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(one.stat().st_size for one in files if one.is_file())


def measure(runs, feeds, rounds, calls):
    """Label -> median seconds of one call in each round."""
    taken = {label: [] for label in runs}
    for run in runs.values():
        for _ in range(5):
            run(feeds)
    for _ in range(rounds):
        for label, run in runs.items():
            times = []
            for _ in range(calls):
                start = time.perf_counter()
                run(feeds)
                times.append(time.perf_counter() - start)
            taken[label].append(np.median(times))
    return {label: np.array(times) for label, times in taken.items()}


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--export", type=Path, required=True, help="an export folder")
    parser.add_argument("--signature", help="default: the export's first one")
    parser.add_argument("--rows", type=int, default=1, help="of one call (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="within an operation (default: 1)")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=50, help="of each form in a round")
    arguments = parser.parse_args()
    import tensorflow as tf

    from tfgen.export.edge import Edge

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    record = json.loads((arguments.export / "export.json").read_text())
    name = arguments.signature or record["default"]
    found = forms(arguments.export, record["version"], name)
    feeds = Edge(arguments.export / "onnx" / f"{name}.onnx").signature.draw(range(arguments.rows))
    runs = {label: make(path, name, arguments.threads) for label, path, make in found}
    outputs = {label: run(feeds) for label, run in runs.items()}
    output = next(iter(record["signatures"][name]["outputs"]))
    taken = measure(runs, feeds, arguments.rounds, arguments.calls)
    base = taken["SavedModel"]
    print(
        f"{name}, {arguments.rows} row(s), {arguments.threads} thread(s), {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[0]:.1f}; {arguments.rounds} rounds of {arguments.calls}"
    )
    print("form          bytes    ms (median)  time / SavedModel's  largest difference")
    for label, path, _ in found:
        ratio = taken[label] / base
        low, middle, high = np.percentile(ratio, [10, 50, 90])
        gap = np.abs(outputs[label][output] - outputs["ONNX"][output]).max()
        print(
            f"{label:10} {size(path):9,}  {np.median(taken[label]) * 1e3:9.3f}    "
            f"{middle:5.2f} ({low:.2f} .. {high:.2f})     {gap:.1e}"
        )


if __name__ == "__main__":
    main()
