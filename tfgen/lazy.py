"""Packages whose names are imported when they are first used, and what is missing for them."""

import glob
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Module that only an extra installs -> the extra.
EXTRAS = {
    "apache_beam": "beam",
    "grpc": "serving",
    "grpc_health": "serving",
    "orjson": "serving",
    "starlette": "serving",
    "tensorflow_serving": "serving",
    "urllib3": "serving",
    "uvicorn": "serving",
    "uvloop": "serving",
}
# Keras backends: what `import keras` fails for where one is asked for that is not installed.
_BACKENDS = ("jax", "openvino", "torch")
_SUMMARY = "Classic generative models on TensorFlow"


def attach(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a package's `__init__` needs to hand on its modules and names of theirs.

        __getattr__, __dir__, __all__ = attach(__name__, {"basic": ("mlp", "upsampling")})

    A module must not be called like a name that is handed on: importing it would set it as an
    attribute of the package, in the place of that name.

    Args:
        package: Name of the package.
        homes: Module of the package -> names that it hands on.

    Returns:
        The package's `__getattr__`, `__dir__` and `__all__`.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def get(name):
        if name in home:
            try:
                module = importlib.import_module(f"{package}.{home[name]}")
            except ModuleNotFoundError as error:
                _explain(error)
                raise
            return getattr(module, name)
        full = f"{package}.{name}"
        if not name.startswith("_"):
            try:
                return importlib.import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:  # It is there, and what it needs is not.
                    _explain(error)
                    raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names():
        modules = pkgutil.iter_modules(sys.modules[package].__path__)
        return sorted({*vars(sys.modules[package]), *home, *(m.name for m in modules)})

    return get, names, sorted(home)


def missing(error: ModuleNotFoundError) -> str | None:
    """What to install for an import that failed, in one line; None where that is not known."""
    name = (error.name or "").partition(".")[0]
    if name in EXTRAS:
        extra = EXTRAS[name]
        return (
            f"{name} is not installed, which the extra `{extra}` of tfgen brings: "
            f"`pip install -e '.[{extra}]'` in the clone of tfgen."
        )
    if name in _BACKENDS:
        return (
            f"Keras is set to the backend {name}, which is not installed, and tfgen needs "
            "TensorFlow: set KERAS_BACKEND=tensorflow, or `backend` in ~/.keras/keras.json."
        )
    return None


def namesake(folders: Sequence[str]) -> str | None:
    """What to do about another distribution called tfgen among installed ones, or None.

    Args:
        folders: Where packages are installed, such as `sys.path`.
    """
    for folder in folders:
        pattern = os.path.join(glob.escape(folder), "tfgen-*.dist-info", "METADATA")
        for path in glob.glob(pattern) if folder else ():
            with open(path, encoding="utf-8", errors="replace") as file:
                if _SUMMARY not in file.read():
                    return (
                        f"{os.path.dirname(path)}: another project called tfgen is installed here, "
                        "and the two overwrite each other's files. `pip uninstall tfgen`, then "
                        "`pip install -e .` in the clone of this one (tfgen-models)."
                    )
    return None


def _explain(error):
    said = missing(error)
    if said:
        raise ModuleNotFoundError(said, name=error.name, path=error.path) from error
