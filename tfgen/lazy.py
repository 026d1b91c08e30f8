"""Packages whose names are imported when they are first used."""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


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
            return getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        full = f"{package}.{name}"
        if not name.startswith("_"):
            try:
                return importlib.import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:  # It is there, and what it needs is not.
                    raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names():
        modules = pkgutil.iter_modules(sys.modules[package].__path__)
        return sorted({*vars(sys.modules[package]), *home, *(m.name for m in modules)})

    return get, names, sorted(home)
