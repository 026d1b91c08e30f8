"""Runs an exported signature where only onnxruntime, or LiteRT, and NumPy are installed.

    edge = tfgen.export.edge.Edge("exports/dcgan/onnx/generate.onnx")
    images = edge.sample(seeds=range(16))               # (16, 28, 28, 1) in [-1, 1]
    outputs = edge(z=z)                                 # {"image": ...}

    python -m tfgen.export.edge exports/dcgan/onnx/generate.onnx --seeds 0-15 --out grid.png

A seed gives the picture that it gives everywhere: the file says how its inputs are drawn, and
`tfgen.random` draws them in NumPy. The command needs Pillow too.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.export.runtimes import Lite, Onnx
from tfgen.signature import Input, Signature, checked

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Edge:
    """One signature of an exported model.

    Args:
        path: The ONNX file, as `tfgen.export` wrote it, fp16 and int8 variants too; or the
            `.tflite` file, where LiteRT (`ai_edge_litert`) or TensorFlow is installed.
        threads: Threads within an operation; 0: one a core.
        rows: Most rows at once in `sample`, which bounds the memory.

    Attributes:
        name: Of the signature.
        signature: Its inputs, and how they are drawn.
        tokenizer: Content of the `tokenizer.json` beside the file, for a model that takes texts.

    Raises:
        ValueError: No such file as the runtime runs, or one that `tfgen.export` has not written.
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: The runtime is not installed.
    """

    def __init__(self, path: Path | str, threads: int = 0, rows: int = 64):
        path = Path(path)
        for name, number, least, most in (
            ("threads", threads, 0, 1024),
            ("rows", rows, 1, 1 << 31),
        ):
            if not isinstance(number, int | np.integer) or not least <= number <= most:
                raise ValueError(
                    f"`{name}` must be a whole number from {least} to {most}. Received: {number!r}."
                )
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        runtime = Lite if path.suffix == ".tflite" else Onnx
        self._runtime = runtime(path, threads)
        manifest = self._runtime.manifest
        if manifest is None:
            raise ValueError(
                f"{path} does not say how its inputs are drawn: it was not written by tfgen.export."
            )
        inputs = {n: _input(entry) for n, entry in manifest["inputs"].items()}
        self.name: str = manifest["name"]
        self.signature = Signature(None, inputs)  # type: ignore[arg-type]  # It is drawn from only.
        self._outputs: dict[str, str] = manifest["outputs"]
        self._rows = rows
        table = path.parent / "tokenizer.json"
        self.tokenizer = json.loads(table.read_text("utf-8")) if table.is_file() else None

    def __call__(self, **inputs) -> dict[str, np.ndarray]:
        """Runs the signature once.

        Args:
            **inputs: (N, *shape) each; `text`, N texts, in place of tokens.

        Returns:
            Output name -> (N, ...), under the signature's names.

        Raises:
            ValueError: Missing or unknown inputs, or one that `tfgen.signature.checked` refuses.
        """
        given: dict[str, Any] = {name: np.asarray(v) for name, v in self._read(inputs).items()}
        rows = {len(value) if value.ndim else None for value in given.values()}
        if set(given) != set(self.signature.inputs) or len(rows) != 1:
            raise ValueError(
                f"{self.name!r} takes {', '.join(self.signature.inputs)}, of one number of rows. "
                f"Received: { {name: value.shape for name, value in given.items()} }."
            )
        feeds = {n: checked(n, spec, given[n]) for n, spec in self.signature.inputs.items()}
        values = self._run(list(self._outputs.values()), feeds)
        return dict(zip(self._outputs, values, strict=True))

    def sample(self, seeds: Sequence[int], **given) -> np.ndarray:
        """The first output for some seeds, (N, ...); row n depends on seeds[n] alone.

        Args:
            seeds: Integers of 64 bits.
            **given: Inputs that are not drawn, one row each or one value for all: `label=3`, or
                the name of a class; `text`, where the model takes tokens of texts.

        Raises:
            ValueError: An input that cannot be drawn is missing, or a given one does not fit.
        """
        feeds = self.signature.draw(seeds, **self._read(given))
        output = self._outputs[next(iter(self._outputs))]
        parts = []
        rows = len(next(iter(feeds.values())))
        for start in range(0, max(rows, 1), self._rows):
            part = {name: value[start : start + self._rows] for name, value in feeds.items()}
            parts.append(self._run([output], part)[0])
        return np.concatenate(parts)

    def _read(self, given):
        """The inputs with tokens for texts."""
        if "text" not in given or "tokens" not in self.signature.inputs:
            return given
        texts = given["text"]
        is_one = isinstance(texts, (str, bytes))
        tokens = self.tokens([texts] if is_one else texts)
        others = {name: value for name, value in given.items() if name != "text"}
        return {**others, "tokens": tokens[0] if is_one else tokens}

    def _run(self, outputs, feeds):
        """The outputs; operations that refuse an empty batch get a row of zeros."""
        if all(len(value) for value in feeds.values()):
            return self._runtime.run(outputs, feeds)
        one = {n: np.zeros((1, *(s or 32 for s in v.shape[1:])), v.dtype) for n, v in feeds.items()}
        return [value[:0] for value in self._runtime.run(outputs, one)]

    def tokens(self, texts: Sequence[str]) -> np.ndarray:
        """(N, length) token numbers of N texts, by the tokenizer that was exported.

        Raises:
            ValueError: A text of which nothing is known, a model that takes no texts, or its
                `tokenizer.json` is not beside the file.
        """
        table = self.tokenizer
        if table is None:
            raise ValueError("There is no tokenizer.json beside the file: give `tokens` instead.")
        numbers = np.full((len(texts), table["length"]), table["padding"], np.int32)
        is_words = "letters and numbers" in table["rule"]
        for row, text in zip(numbers, texts, strict=True):
            text = text.decode(errors="replace") if isinstance(text, bytes) else text
            lowered = text.lower().strip()
            parts = re.findall(r"[^\W_]+", lowered) if is_words else list(lowered)
            found = [table["tokens"].get(part, table["unknown"]) for part in parts]
            found = (found or [table["unknown"]])[: len(row)]
            if set(found) == {table["unknown"]}:
                unit = "word" if is_words else "character"
                raise ValueError(f"Input 'text': no {unit} of it is known. Received: {text!r}.")
            row[: len(found)] = found
        return numbers


def _input(entry):
    lists = {k: tuple(entry[k]) for k in ("choices", "class_names") if entry.get(k)}
    return Input(**{**entry, "shape": tuple(entry["shape"]), **lists})


def given_of(texts: Sequence[str], rows: int) -> dict[str, np.ndarray | list[str]]:
    """Inputs from "name=value": JSON, a .npy file, a picture, or a text; one value for all rows.

    Raises:
        ValueError: Another form, or another number of rows.
        FileNotFoundError: A file that is not there.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ValueError(f"--input {text!r}: expected the form name=value.")
        array = _value(value)
        if len(array) not in (1, rows):
            raise ValueError(
                f"--input {name}: {len(array)} rows for {rows} seeds. Give one for all or one each."
            )
        found[name] = np.repeat(array, rows, axis=0) if len(array) == 1 else array
        if found[name].dtype.kind == "U":
            found[name] = found[name].tolist()
    return found


def _value(text):
    """(N, ...): the rows of a value."""
    path = Path(text)
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    if path.suffix.lower() in _PICTURES:
        from PIL import Image

        with Image.open(path) as opened:
            pixels = np.asarray(opened, np.float32)
        pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
        return pixels[np.newaxis] / np.float32(127.5) - np.float32(1)
    try:
        return np.atleast_1d(np.asarray(json.loads(text)))
    except ValueError:
        return np.array([text])


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the samples of some seeds; the exit status."""
    from tfgen.pictures import samples

    parser = argparse.ArgumentParser(
        prog="python -m tfgen.export.edge", description="Samples of an exported ONNX file."
    )
    parser.add_argument("model", metavar="MODEL.onnx")
    parser.add_argument("--seeds", default="0-15", help="such as 0-63 or 3,5,9 (default: 0-15)")
    parser.add_argument(
        "--out", required=True, help="picture (grid), folder/ (one file a seed) or .npy"
    )
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="an input, not drawn"
    )
    parser.add_argument("--threads", type=int, default=0, help="0: one a core (default)")
    chosen = parser.parse_args(arguments)
    try:
        seeds = samples.seeds(chosen.seeds)
        edge = Edge(chosen.model, chosen.threads)
        images = edge.sample(seeds, **given_of(chosen.input, len(seeds)))
        print(samples.save(images, seeds, Path(chosen.out), chosen.out.endswith(("/", os.sep))))
    except (ValueError, OSError) as error:
        print(f"tfgen.export.edge: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
