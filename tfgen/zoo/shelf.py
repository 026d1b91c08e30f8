"""Where the zoo is and what lies in it, read from its index without TensorFlow.

The distribution tfgen-zoo is a folder of entries. In a clone that is `zoo/tfgen_zoo/`; elsewhere
the installed package `tfgen_zoo`.

    index.json              name -> what `Entry` holds, with the SHA-256 of the weights
    NAME/config.yaml        the experiment, with every default filled in
    NAME/model.weights.h5   see `tfgen.zoo.weights`
    NAME/run.json           of the run that trained it, without folders and host
    NAME/figures.json       what was measured of these weights, see `tfgen.evaluation.store`
    NAME/README.md          the model card
    NAME/inputs.npz         what it was given for the samples, where seeds alone do not do
    NAME/samples.png        seeds 0 to 7
"""

import importlib.util
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tfgen import files
from tfgen.construct import no_such

PREFIX = "zoo:"
PACKAGE = "tfgen_zoo"
INDEX = "index.json"
INSTALL = "pip install ./zoo"
CONFIG, WEIGHTS, FIGURES, INPUTS, SAMPLES = (
    "config.yaml", "model.weights.h5", "figures.json", "inputs.npz", "samples.png",
)  # fmt: skip
SEEDS = tuple(range(8))  # Of the samples beside every model.
_CLONE = Path(__file__).parent.parent.parent / "zoo" / PACKAGE


@dataclass(frozen=True)
class Entry:
    """One model of the zoo, as the index has it.

    Args:
        name: Without "zoo:".
        folder: Of its files.
        model: Name in `tfgen.models.MODELS`.
        line: What it is, in a line.
        data: Name of its data set.
        image_shape: (H, W, C) of its pictures.
        step: Training steps taken.
        parameters: Number of its weights.
        sha256: Of the weight file, in hexadecimal.
        license: Of the weights, an identifier of the Hugging Face Hub.
        data_license: Of the data, in words.
        notes: What a reader must know, such as epochs that were left out.
    """

    name: str
    folder: Path
    model: str
    line: str
    data: str
    image_shape: tuple[int, ...]
    step: int
    parameters: int
    sha256: str
    license: str
    data_license: str
    notes: tuple[str, ...] = ()

    @property
    def weights(self) -> Path:
        """The weight file."""
        return self.folder / WEIGHTS

    def check(self) -> None:
        """Compares the weight file with its hash.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is another file than the index says.
        """
        if not self.weights.is_file():
            raise FileNotFoundError(
                f"{self.weights}: no such file, though the zoo's {INDEX} names it. Install the zoo "
                f"again: `{INSTALL} --force-reinstall --no-deps` in the clone of tfgen."
            )
        found = files.sha256(self.weights)
        if found != self.sha256:
            raise ValueError(
                f"{self.weights}: SHA-256 {self.sha256[:12]}... expected by the zoo's {INDEX}, "
                f"{found[:12]}... found: the file was damaged or changed, and is not loaded. Get "
                f"it back: `git checkout zoo` in a clone of tfgen, or there "
                f"`{INSTALL} --force-reinstall --no-deps`."
            )


def place() -> Path:
    """The folder of the zoo: the clone's own, or that of the installed package.

    Raises:
        FileNotFoundError: Neither is there.
    """
    if (_CLONE / INDEX).is_file():
        return _CLONE
    try:
        spec = importlib.util.find_spec(PACKAGE)
    except ImportError:
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / INDEX).is_file():
            return Path(folder)
    raise FileNotFoundError(
        "The zoo is not installed: trained models come in a distribution of their own. "
        f"`{INSTALL}` in the clone of tfgen installs it."
    )


def names() -> list[str]:
    """The names of all models of the zoo, in the order of the index.

    Raises:
        FileNotFoundError: The zoo is not installed; the message says how to.
    """
    return list(read(place()))


def find(name: str) -> Entry:
    """The entry of a model.

    Args:
        name: Such as "dcgan-mnist5k", or "zoo:dcgan-mnist5k".

    Raises:
        FileNotFoundError: The zoo is not installed.
        ValueError: There is no such model; the nearest name is said.
    """
    known, name = read(place()), name.removeprefix(PREFIX)
    if name not in known:
        said = no_such("model of the zoo", name, known)
        raise ValueError(f"{said} `tfgen zoo list` says what each of them is.")
    return known[name]


def entries() -> list[Entry]:
    """All entries, in the order of the index; errors as of `names`."""
    return list(read(place()).values())


def read(folder: Path) -> dict[str, Entry]:
    """Name -> entry, of the index in a folder; none where there is no index.

    Raises:
        ValueError: The index is damaged.
    """
    path = folder / INDEX
    if not path.is_file():
        return {}
    try:
        models = files.parsed(path.read_text(encoding="utf-8"))["models"]
        return {name: _entry(name, folder, values) for name, values in models.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: is no index of a zoo that can be read ({error!r}).") from error


def write(folder: Path, known: dict[str, Entry]) -> None:
    """Puts the index into a folder, models in alphabetical order."""
    models = {name: _values(known[name]) for name in sorted(known)}
    text = json.dumps({"models": models}, indent=1, ensure_ascii=False)
    files.write_text(folder / INDEX, text + "\n")


_OWN = ("name", "folder")  # Where an entry lies says these.


def _entry(name: str, folder: Path, values: dict[str, Any]) -> Entry:
    lists = {k: tuple(values[k]) for k in ("image_shape", "notes")}
    return Entry(name, folder / name, **{**values, **lists})


def _values(entry: Entry) -> dict[str, Any]:
    return {f.name: getattr(entry, f.name) for f in fields(entry) if f.name not in _OWN}
