"""TensorFlow Serving's contract from one `pip install`, for laptops, tests and CI.

    tfgen.serving.serve("exports/dcgan")                 # REST on 8501, gRPC on 8500, until Ctrl-C
    python -m tfgen.serving --rest_api_port=8501 --model_name=dcgan --model_base_path=/exports/dcgan

    with tfgen.serving.Server(tfgen.serving.Options(model_base_path=path, rest_api_port=-1)) as it:
        ...                                              # inside a program: it.rest_port

It reads SavedModels, of tfgen or not, and needs nothing of the library that trained them.
Importing this package does not import TensorFlow.
"""

import importlib

_HOME = {
    "Client": "client",
    "Failure": "status",
    "Options": "options",
    "Server": "server",
    "Studio": "studio_pages",
    "found": "serve_path",
    "serve": "serve_path",
}

__all__ = ["Client", "Failure", "Options", "Server", "Studio", "found", "serve"]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return sorted({*globals(), *_HOME})
