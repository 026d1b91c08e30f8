"""What an experiment returns, and its files."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tfgen
from tfgen import files, pictures

NAME = "explored.json"
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """The progress of an experiment that nobody watches."""


@dataclass(frozen=True)
class Film:
    """Pictures that follow each other.

    Args:
        frames: Each (H, W, 1 or 3), uint8 or in [-1, 1], all of one shape.
        seconds: That each is shown.
        hold: Seconds that the last one is shown.
    """

    frames: Sequence[np.ndarray]
    seconds: float = 0.15
    hold: float = 1.5


@dataclass(frozen=True)
class Explored:
    """What an experiment found.

    Args:
        name: Of the experiment, as in `tfgen explore NAME`.
        says: One or two sentences: what one sees.
        numbers: Everything that was measured: numbers, texts, lists and mappings of them, arrays.
        figures: Name without an ending -> picture (H, W, 1 or 3), uint8 or in [-1, 1], or a film.
    """

    name: str
    says: str
    numbers: Mapping[str, Any]
    figures: Mapping[str, "np.ndarray | Film"]

    def save(self, folder: Path | str, origin: Mapping[str, Any] | None = None) -> list[Path]:
        """Writes PNG, GIF and `explored.json` into a folder that is made if need be.

        Each file is complete or absent; figures that an earlier call left and this one has not
        are removed.

        Args:
            folder: Where.
            origin: How it came about, such as the command; kept in the JSON.

        Returns:
            The files, `explored.json` last.

        Raises:
            ValueError: A figure that is no picture.
            OSError: The folder is not writable or the disk is full.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        before = set(read(folder)["figures"]) if (folder / NAME).exists() else set()
        paths = []
        for stem, figure in self.figures.items():
            path = folder / f"{stem}{'.gif' if isinstance(figure, Film) else '.png'}"
            if isinstance(figure, Film):
                _write_film(path, figure)
            else:
                pictures.save(path, figure)
            paths.append(path)
        content = {
            "name": self.name,
            "says": self.says,
            "numbers": plain(self.numbers),
            "figures": [path.name for path in paths],
            "origin": {"version": tfgen.__version__, **plain(origin or {})},
        }
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        files.write_text(folder / NAME, text)
        for name in before - set(content["figures"]):
            (folder / Path(name).name).unlink(missing_ok=True)
        return [*paths, folder / NAME]


def read(folder: Path | str) -> dict:
    """What `Explored.save` wrote into a folder: name, says, numbers, names of figures, origin.

    Raises:
        FileNotFoundError: There is nothing.
        ValueError: The file is none of ours.
    """
    path = Path(folder) / NAME
    try:
        found = files.parsed(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: this is no JSON ({error}). Explore again.") from error
    missing = {"name", "says", "numbers", "figures"} - set(found if isinstance(found, dict) else ())
    if missing:
        raise ValueError(f"{path}: it lacks {', '.join(sorted(missing))}. Explore again.")
    return found


def unfit(name: str, model: Any, reason: str) -> ValueError:
    """The error of an experiment that makes no sense for a model.

    Args:
        name: Of the experiment.
        model: Of which class is told.
        reason: Why, and which models it makes sense for.
    """
    return ValueError(f"explore {name}: it makes no sense for {type(model).__name__}: {reason}")


def plain(value: Any) -> Any:
    """As JSON can hold it: arrays as lists, numbers that are not finite as text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | range):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _write_film(path, film):
    from PIL import Image

    frames = [np.asarray(f) for f in film.frames]
    shapes = {f.shape for f in frames}
    if len(shapes) != 1:
        raise ValueError(f"{path.name}: a film needs frames of one shape. Received: {shapes}.")
    frames = [f if f.dtype == np.uint8 else pictures.to_uint8(f) for f in frames]
    grey = frames[0].shape[-1] == 1
    images = [Image.fromarray(f[..., 0] if grey else f) for f in frames]
    # One palette for all frames: what stands still must not flicker.
    if not grey:
        chosen = np.unique(np.linspace(0, len(frames) - 1, 8).astype(int))
        together = np.concatenate([frames[n] for n in chosen])
        palette = Image.fromarray(together).quantize(255, dither=Image.Dither.NONE)
        images = [i.quantize(palette=palette, dither=Image.Dither.NONE) for i in images]
    durations = [round(1000 * film.seconds)] * (len(images) - 1) + [round(1000 * film.hold)]

    def produce(temporary):
        images[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=durations if len(images) > 1 else durations[0],
            loop=0,
        )

    files.write(path, produce)
