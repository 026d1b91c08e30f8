"""Experiments as YAML files.

The sections `model`, `data`, `compile` and `fit` are the keyword arguments of the Python calls with
these names; `run` holds those of `RunOptions`; `seed` stands beside them. `metrics` is a list of
metrics (names, or mappings with `name`) that are measured when training ends; `evaluation` says on
what. There are no includes, no interpolation and no inheritance between files. Importing this
module does not import TensorFlow; `load` does, because it checks every key against the real
signatures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tfgen import construct
from tfgen.construct import ConfigError, fill, nearest, resolved, unknown
from tfgen.metrics.table import METRICS
from tfgen.training.options import EvaluationOptions, FitOptions, RunOptions, one_of
from tfgen.training.yaml_text import override, read

__all__ = [
    "Config",
    "ConfigError",
    "EvaluationOptions",
    "FitOptions",
    "RunOptions",
    "difference",
    "load",
    "parse",
]

SECTIONS = ("seed", "model", "data", "compile", "fit", "run", "evaluation", "metrics")
REQUIRED = ("model", "data", "fit")

# What the run gives to the data itself.
_DATA_HIDDEN = ("name", "seed", "start")
_KERAS_COMPILE = ("jit_compile", "run_eagerly", "steps_per_execution")


@dataclass(frozen=True)
class Config:
    """A checked experiment, as plain values with every default filled in.

    Args:
        seed: Of the initial weights, the order of the data and every random number of training.
        model: `name` of `tfgen.models.MODELS` and the constructor's arguments.
        data: Arguments of `tfgen.data.load`.
        compile: Arguments of the model's `compile`; null for what the paper used.
        fit: See `FitOptions`.
        run: See `RunOptions`.
        evaluation: See `EvaluationOptions`.
        metrics: What is measured when training ends: names in `METRICS` with their options.
    """

    seed: int
    model: dict
    data: dict
    compile: dict
    fit: dict
    run: dict
    evaluation: dict
    metrics: list = field(default_factory=list)

    def resolved(self) -> dict[str, Any]:
        """The whole experiment as a plain mapping; YAML of it loads to an equal Config."""
        return {section: getattr(self, section) for section in SECTIONS}

    def text(self) -> str:
        """`resolved()` as YAML."""
        return yaml.safe_dump(self.resolved(), sort_keys=False, default_flow_style=None, width=100)


def load(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Reads a YAML file.

    Args:
        path: The file.
        overrides: "section.key=value" with the value in YAML, at any depth:
            "compile.generator_optimizer.learning_rate=1.0e-4".

    Raises:
        ConfigError: The file is missing or no YAML, or it holds an unknown name, an unknown key or
            a value of another type. The message begins with the file's name.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        near = nearest(path.name, [p.name for p in path.parent.glob("*.yaml")])
        hint = f" Did you mean {path.with_name(near)}?" if near else ""
        raise ConfigError(f"{path}: no such file.{hint}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}.") from error
    try:
        values = read(text)
        for change in overrides:
            override(values, change)
        return parse(values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse(values: dict[str, Any]) -> Config:
    """A Config from plain values; errors as for `load`."""
    from tfgen import data
    from tfgen.models import MODELS

    if not isinstance(values, dict):
        raise ConfigError(f"expected a mapping with the sections {', '.join(REQUIRED)}.")
    for section in values:
        if section not in SECTIONS:
            raise ConfigError(f"{section}: {unknown(section, SECTIONS)}")
    for section in REQUIRED:
        if values.get(section) is None:
            raise ConfigError(f"{section}: missing section. Needed: {', '.join(REQUIRED)}.")
    given = {s: {} if values.get(s) is None else values[s] for s in SECTIONS[1:-1]}
    for section, value in given.items():
        if not isinstance(value, dict):
            raise ConfigError(f"{section}: expected a mapping. Received: {value!r}.")
    seed = values.get("seed", 0)
    if type(seed) is not int or not -(2**63) <= seed < 2**63:
        raise ConfigError(f"seed: expected a whole number of 64 bits. Received: {seed!r}.")
    for section in ("model", "data"):
        if "seed" in given[section]:
            raise ConfigError(f"{section}.seed: the seed stands beside the sections, as `seed`.")
    model = resolved(MODELS, given["model"], "model", hidden=("seed",))
    chosen: Any = MODELS[model["name"]]
    for key in chosen.network_names:
        if model[key] is not None:
            where = f"model.{key}"
            model[key] = resolved(construct.elsewhere(model[key], where), model[key], where)
    return Config(
        seed=seed,
        model=model,
        data=_data(data, given["data"]),
        compile=_compile(chosen, given["compile"]),
        fit=_options(FitOptions, given["fit"], "fit"),
        run=_options(RunOptions, given["run"], "run"),
        evaluation=_options(EvaluationOptions, given["evaluation"], "evaluation"),
        metrics=_metrics(values.get("metrics") or []),
    )


def difference(old: dict, new: dict, where: str = "") -> list[str]:
    """One line for each key whose value differs: "model.latent_dim: 64 -> 100"."""
    lines = []
    for key in [*old, *(k for k in new if k not in old)]:
        name = f"{where}.{key}" if where else str(key)
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += difference(before, after, name)
        elif before != after or isinstance(before, bool) != isinstance(after, bool):
            lines.append(f"{name}: {before!r} -> {after!r}")
    return lines


def _data(data, given):
    if not isinstance(given.get("name"), str):
        raise ConfigError(f"data.name: missing. Known: {', '.join(data.DATASETS)}.")
    arguments = {k: v for k, v in given.items() if k != "name"}
    options = {**construct.parameters(data.source), **construct.parameters(data.batches)}
    del options["source"], options["batch_size"]
    return {"name": given["name"], **fill(data.load, arguments, "data", _DATA_HIDDEN, options)}


def _compile(model, given):
    from keras import Model

    keras_parameters = construct.parameters(Model.compile)
    extra = {name: keras_parameters[name] for name in _KERAS_COMPILE}
    # Keras's default "auto" also takes true and false.
    free = {k: v for k, v in given.items() if k != "jit_compile"}
    filled = fill(model.compile, free, "compile", extra=extra)
    if "jit_compile" in given:
        one_of("compile.jit_compile", given["jit_compile"], (True, False, "auto"))
        filled["jit_compile"] = given["jit_compile"]
    for key, value in filled.items():
        if key.endswith("optimizer") and value is not None:
            filled[key] = resolved(construct.OPTIMIZERS, value, f"compile.{key}")
    return filled


def _options(kind, given, where):
    filled = fill(kind, given, where)
    kind(**filled)
    return filled


def _metrics(given):
    if not isinstance(given, list):
        raise ConfigError(f"metrics: expected a list. Received: {given!r}.")
    return [resolved(METRICS, spec, f"metrics[{n}]") for n, spec in enumerate(given)]
