"""TensorFlow Serving's command line."""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from tfgen.serving.settings.options import Options

# Flags that TensorFlow Serving has and this server cannot honour: what it would have to say.
_REFUSED = {
    "prefer_tflite_model": "SavedModels only are served here",
    "use_tflite_model": "SavedModels only are served here",
    "enable_profiler": "profiling over gRPC is not served here",
    "flush_filesystem_caches": "no file system cache is kept here",
    "platform_config_file": "use --enable_batching and the other flags",
    "tensorflow_session_config_file": "use the parallelism flags",
    "mixed_precision": "graphs are run as they were saved",
    "skip_initialize_tpu": "TPUs are not served here",
    "remove_unused_fields_from_bundle_metagraph": "the whole MetaGraphDef is kept for metadata",
}


def parser() -> argparse.ArgumentParser:
    """The parser; `--flag=value`, `--flag value` and, for switches, `--flag` alone."""
    made = argparse.ArgumentParser(
        prog="python -m tfgen.serving",
        description="Serves SavedModels as TensorFlow Serving does: its REST and gRPC APIs, its "
        "flags and its configuration files.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="store_true", help="print the version and exit")
    for one in fields(Options):
        default = one.default_factory() if callable(one.default_factory) else one.default
        shown = f"{one.metadata['help']} (default: {default!r})".replace("%", "%%")
        if isinstance(default, bool):
            made.add_argument(
                f"--{one.name}", type=_switch, nargs="?", const=True, default=default, help=shown
            )
        else:
            made.add_argument(f"--{one.name}", type=type(default), default=default, help=shown)
    for name in _REFUSED:
        made.add_argument(f"--{name}", nargs="?", const="true", help=argparse.SUPPRESS)
    return made


def parse(arguments: Sequence[str] | None = None) -> Options | None:
    """The options of a command line, None for `--version`.

    A flag that cannot be honoured, set to more than its default, ends the process with status 2.
    """
    made = parser()
    given = vars(made.parse_args(arguments))
    if given.pop("version"):
        return None
    for name, reason in _REFUSED.items():
        value = given.pop(name)
        if value is not None and value.lower() not in ("false", "0", ""):
            made.error(f"--{name} is not supported: {reason}.")
    return Options(**given)


def _switch(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1"):
        return True
    if lowered in ("false", "0"):
        return False
    raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")
