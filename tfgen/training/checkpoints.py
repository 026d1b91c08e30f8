"""The checkpoints of a run: complete files, checked by their SHA-256 before they are read.

checkpoints/step-00000440.weights.h5    weights, optimizer slots, step counter
checkpoints/index.json                  what each holds, the newest last, and which is best

Each weight file also holds its own line of the index, which is made again from them where it is
lost.
"""

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from tfgen import files
from tfgen.model import GenerativeModel
from tfgen.optimizers import skipped_steps
from tfgen.training import weight_files

INDEX = "index.json"
_KINDS = {
    "file": str,
    "step": int,
    "epoch": int | None,
    "sha256": str | None,
    "values": dict | None,
    "means": dict | None,
    "seconds": int | float | None,
}


class Checkpoints:
    """The folder of a run's checkpoints.

    Args:
        folder: Made at the first save.
        keep: How many of the last ones stay, besides the best.
        best: Reported value that chooses the best, or None.
        best_mode: "min" or "max".

    Attributes:
        entries: What the index lists, oldest first: dicts with `file`, `step`, `epoch` (completed
            ones), `sha256`, `values` (reported at the end of an epoch), `means` (running means
            within an epoch) and `seconds` (spent in the unfinished epoch). Where the index is lost
            they come from the weight files, with a warning; a file that cannot be read has None
            for `sha256`.
        rebuilt: Whether they did; `save_index` puts it right.
    """

    def __init__(
        self, folder: Path | str, keep: int = 3, best: str | None = None, best_mode: str = "min"
    ):
        self.folder, self.keep, self.best, self.best_mode = Path(folder), keep, best, best_mode
        self.rebuilt = False
        self.entries = self._read()

    @property
    def last_step(self):
        """Step of the newest checkpoint; None without one."""
        return self.entries[-1]["step"] if self.entries else None

    def save(
        self,
        model: GenerativeModel,
        epoch: int,
        values: dict | None = None,
        means: dict | None = None,
        seconds: float = 0.0,
    ) -> bool:
        """Adds a checkpoint and removes those that have had their time.

        Returns:
            Whether it was written; not so if any weight or slot is not finite.

        Raises:
            OSError: Full disk; the earlier checkpoints and the index are as they were.
        """
        step = taken(model)
        path = self.folder / weight_files.name(step)
        note = {"epoch": epoch, "values": values, "means": means, "seconds": seconds}
        # A step whose updates were all skipped has left another loss scale.
        if self.last_step != step or skipped_steps(model.optimizers):
            if not finite(model):
                return False
            self.folder.mkdir(parents=True, exist_ok=True)
            weight_files.write(model, path, note)
        entry = {"file": path.name, "step": step, "sha256": files.sha256(path), **note}
        entries = [e for e in self.entries if e["step"] != step] + [entry]
        best = self._best(entries)
        entries = [e for e in entries[: -self.keep] if e is best] + entries[-self.keep :]
        self._write(entries)
        return True

    def restore(self, model: GenerativeModel, which: str | int = "last") -> dict:
        """Reads a checkpoint into a compiled model.

        Args:
            model: Compiled, so that the optimizers have their slots.
            which: "last", "best" or a step. With "last", a damaged file is passed over with a
                warning and the one before is read.

        Returns:
            The entry that was read.

        Raises:
            ValueError: There is no such checkpoint, none that can be read, or it is of another
                model.
        """
        wanted = self.wanted(which)
        problems = []
        for entry in reversed(wanted):
            problem = self._damage(entry)
            if problem is None:
                if problems:
                    said = "; ".join(problems)
                    warnings.warn(f"{said}. Using step {entry['step']} instead.", stacklevel=2)
                weight_files.read(model, self.folder / entry["file"])
                return entry
            problems.append(problem)
        raise ValueError(f"No checkpoint can be read: {'; '.join(problems)}.")

    def improves(self, values: dict) -> bool:
        """Whether these values of an epoch are better than those of every checkpoint."""
        entry = {"values": values}
        return self._best([*self.entries, entry]) is entry

    def forget_after(self, step: int) -> None:
        """Drops the entries of later steps, which a resumed run takes again."""
        if any(e["step"] > step for e in self.entries):
            self._write([e for e in self.entries if e["step"] <= step])

    def save_index(self) -> None:
        """Writes the index where it was lost."""
        if self.rebuilt:
            self._write(self.entries)

    def wanted(self, which: str | int) -> list[dict]:
        """The entries that "last", "best" or a step stands for; ValueError for none."""
        if not self.entries:
            raise ValueError(f"{self.folder}: there is no checkpoint yet.")
        if which == "last":
            return self.entries
        if which == "best":
            best = self._best(self.entries)
            if best is None:
                raise ValueError(
                    f"{self.folder}: no checkpoint is the best one, because the run does not set "
                    f"`run.best` to a value that it reports. There are: {self._names()}."
                )
            return [best]
        known = {str(e["step"]): e for e in self.entries}
        if str(which) not in known:
            raise ValueError(f"{self.folder}: no checkpoint {which!r}. There are: {self._names()}.")
        return [known[str(which)]]

    def _names(self):
        best = ["best"] if self._best(self.entries) else []
        return ", ".join(["last", *best, *(str(e["step"]) for e in self.entries)])

    def _best(self, entries):
        scored = [e for e in entries if (e["values"] or {}).get(self.best) is not None]
        if not scored:
            return None
        sign = 1 if self.best_mode == "min" else -1
        return min(scored, key=lambda e: sign * e["values"][self.best])

    def _damage(self, entry):
        path = self.folder / entry["file"]
        if entry["sha256"] is None:
            return f"{path} is damaged (it cannot be read as HDF5)"
        try:
            if files.sha256(path) == entry["sha256"]:
                return None
            return f"{path} is damaged (its SHA-256 is not the one noted when it was written)"
        except FileNotFoundError:
            return f"{path} is missing"

    def _read(self):
        path, weights = self.folder / INDEX, weight_files.found(self.folder)
        try:
            entries = files.parsed(path.read_text(encoding="utf-8"))["checkpoints"]
            if all(map(_whole, entries)) and (entries or not weights):
                return entries
            problem = "it lists none"
            if entries:
                problem = "an entry lacks fields, or has others than a run writes"
        except FileNotFoundError:
            if not weights:
                return []
            problem = "it is missing"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"it is damaged: {error}"
        if not weights:
            raise ValueError(
                f"{path}: {problem}, and there are no weight files beside it. Restore the folder "
                "from a backup, or train into a new one."
            )
        self.rebuilt = True
        warnings.warn(
            f"{path}: {problem}. It is made again from the {len(weights)} weight files beside it.",
            stacklevel=3,
        )
        return [weight_files.entry(one) for one in weights]

    def _write(self, entries):
        best = self._best(entries)
        index = {"best": best and best["step"], "checkpoints": entries}
        files.write_text(self.folder / INDEX, json.dumps(index, indent=1, allow_nan=False) + "\n")
        self.entries, self.rebuilt = entries, False
        listed = {e["file"] for e in entries}
        for path in self.folder.glob("step-*.weights.h5"):
            if path.name not in listed:
                path.unlink(missing_ok=True)


def _whole(entry):
    """Whether an entry of the index is one that a run writes, and names a file beside it."""
    fits = all(k in entry and isinstance(entry[k], kind) for k, kind in _KINDS.items())
    return fits and Path(entry["file"]).name == entry["file"]


def array(variable: keras.Variable) -> np.ndarray:
    """A weight, slot or metric variable as a NumPy array, under any strategy."""
    return keras.ops.convert_to_numpy(variable)


def taken(model: GenerativeModel) -> int:
    """Training steps taken."""
    return int(array(model.step))


def drawn(model: GenerativeModel) -> int:
    """Batches that were trained on: of each step taken, and of each that loss scaling skipped."""
    return taken(model) + skipped_steps(model.optimizers)


def variables(model: GenerativeModel) -> list:
    """Every array that a checkpoint holds: weights, then each player's optimizer."""
    slots = [v for optimizer in model.optimizers.values() for v in optimizer.variables]
    return [*model.weights, *slots]


def finite(model: GenerativeModel) -> bool:
    """Whether all weights and slots are finite."""
    arrays = (array(v) for v in variables(model))
    return all(np.isfinite(a).all() for a in arrays if a.dtype.kind == "f")


def reportable(values: Mapping[str, float]) -> dict[str, float | None]:
    """Values as JSON has them: numbers, None for what is not finite."""
    return {k: float(v) if math.isfinite(v) else None for k, v in values.items()}
