"""`python -m tfgen.serving`: TensorFlow Serving's flags, its APIs, on one machine."""

import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import tfgen
from tfgen.lazy import missing
from tfgen.serving.settings import flags
from tfgen.serving.status import Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is told to stop by SIGINT or SIGTERM; the exit status."""
    options = flags.parse(arguments)
    if options is None:
        serving, tensorflow = tfgen.__version__, version("tensorflow")
        print(f"tfgen.serving: {serving}\nTensorFlow Library: {tensorflow}")
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        from tfgen.serving.foreground import run

        run(options)
    except ModuleNotFoundError as error:
        said = missing(error)
        if said is None:
            raise
        print(f"Failed to start server. Error: {said}", file=sys.stderr)
        return 1
    except Failure as failure:
        print(f"Failed to start server. Error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
