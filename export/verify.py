"""Runs exported models in a process that has never seen tfgen.

A worker: jobs come as lines of JSON on standard input, one answer each goes to standard output.
`tfgen.export.parity` starts it and compares what it computes with the Keras model.

    {"format": "saved_model", "path": DIR, "calls": [CALL, ...], "optimizer": OPTIONS}
    {"format": "onnx" or "tflite", "path": FILE, "calls": [CALL, ...]}
    CALL: {"endpoint": NAME, "feeds": NPZ, "outputs": NPZ, "batch_sizes": [1, 3, 7]}

OPTIONS are those of `tf.config.optimizer.set_experimental_options`. Each call takes the first rows
of its feeds, one batch of each size, and writes its outputs as "<batch size>/<output name>". The
worker ends with its input, or at the first error, which is its last answer: {"error": MESSAGE}.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable

import numpy as np


def saved_model(job: dict) -> dict:
    """Loads a SavedModel and runs endpoints of it."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options(job["optimizer"])
    loaded = tf.saved_model.load(job["path"])
    for call in job["calls"]:
        function = loaded.signatures[call["endpoint"]]

        def run(feeds, function=function):
            outputs = function(**{name: tf.constant(value) for name, value in feeds.items()})
            return {name: value.numpy() for name, value in outputs.items()}

        run_batches(call, run)
    return {"endpoints": sorted(loaded.signatures)}


def onnx(job: dict) -> dict:
    """Checks an ONNX file, opens it in onnxruntime and runs it."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(job["path"], full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(job["path"], options, providers=providers)
    names = [output.name for output in session.get_outputs()]

    def run(feeds):
        return dict(zip(names, session.run(names, feeds), strict=True))

    for call in job["calls"]:
        run_batches(call, run)
    return {
        "inputs": {value.name: value.shape for value in session.get_inputs()},
        "outputs": {value.name: value.shape for value in session.get_outputs()},
    }


def tflite(job: dict) -> dict:
    """Runs a LiteRT file; its batch axis follows the inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's copy announces its own successor.
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ModuleNotFoundError:
            import tensorflow as tf

            Interpreter = tf.lite.Interpreter

        runner = Interpreter(model_path=job["path"]).get_signature_runner("serving_default")
    for call in job["calls"]:
        run_batches(call, lambda feeds: runner(**feeds))
    return {"inputs": sorted(runner.get_input_details())}


def run_batches(call: dict, run: Callable) -> None:
    """Runs the first rows of the feeds at each batch size and writes all outputs."""
    feeds = unpack(call["feeds"])
    outputs = {}
    for size in call["batch_sizes"]:
        part = {name: value[:size] for name, value in feeds.items()}
        outputs.update({f"{size}/{name}": value for name, value in run(part).items()})
    pack(call["outputs"], outputs)


def pack(path: str, arrays: dict) -> None:
    """Writes arrays as npz without pickle: bytes as one row of uint8 and their lengths."""
    plain = {}
    for name, value in arrays.items():
        value = np.asarray(value)
        if value.dtype.kind in "OSU":
            parts = [x if isinstance(x, bytes) else x.encode() for x in value.ravel().tolist()]
            plain[f"{name}|bytes"] = np.frombuffer(b"".join(parts), np.uint8)
            plain[f"{name}|lengths"] = np.array([len(x) for x in parts]).reshape(value.shape)
        else:
            plain[name] = value
    np.savez(path, **plain)  # type: ignore[arg-type]  # The names are ours: none is an option.


def unpack(path: str) -> dict:
    """Reads what `pack` wrote; bytes as an array of objects."""
    arrays = {}
    with np.load(path, allow_pickle=False) as plain:
        for name in plain.files:
            if name.endswith("|lengths"):
                data = plain[name.replace("|lengths", "|bytes")].tobytes()
                lengths = plain[name]
                ends = np.cumsum(lengths.ravel())
                value = np.empty(lengths.size, object)
                for i, (end, length) in enumerate(zip(ends, lengths.ravel(), strict=True)):
                    value[i] = data[end - length : end]
                arrays[name.removesuffix("|lengths")] = value.reshape(lengths.shape)
            elif not name.endswith("|bytes"):
                arrays[name] = plain[name]
    return arrays


def main():
    """Answers jobs until standard input ends."""
    # This folder must not provide modules, and an export that needs tfgen to load must fail.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    sys.modules["tfgen"] = None  # type: ignore[assignment]  # Python's way to forbid an import.
    # Libraries print: keep the answers on a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def last_answer(kind, error, traceback):
        print(json.dumps({"error": f"{kind.__name__}: {error}"}), file=answers)
        sys.__excepthook__(kind, error, traceback)

    sys.excepthook = last_answer
    formats = {"saved_model": saved_model, "onnx": onnx, "tflite": tflite}
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(formats[job["format"]](job)), file=answers)


if __name__ == "__main__":
    main()
