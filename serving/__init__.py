"""TensorFlow Serving's contract from one `pip install`, for laptops, tests and CI.

    tfgen.serving.serve("exports/dcgan")                 # REST on 8501, gRPC on 8500, until Ctrl-C
    python -m tfgen.serving --rest_api_port=8501 --model_name=dcgan --model_base_path=/exports/dcgan

    with tfgen.serving.Server(tfgen.serving.Options(model_base_path=path, rest_api_port=-1)) as it:
        ...                                              # inside a program: it.rest_port

It reads SavedModels, of tfgen or not, and needs nothing of the library that trained them.
Importing this package does not import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "client.client": ("Client",),
        "serve_path": ("found", "serve"),
        "server": ("Server",),
        "settings.options": ("Options",),
        "status": ("Failure",),
        "studio.pages": ("Studio",),
    },
)
