"""The command `tfgen`: parser and exit status. TensorFlow is imported in the commands only."""

import argparse
import sys
import warnings
from collections.abc import Sequence

import tfgen
from tfgen.cli import bulk, catalog, evaluate, explore, exports, new, packing, runs, zoo
from tfgen.cli.flags import Parser
from tfgen.lazy import missing

# In the order of the help, which is that of the work.
GROUPS = (catalog, zoo, packing, new, runs, evaluate, explore, exports, bulk)

EPILOG = """\
examples:
  tfgen list configs
  tfgen new photos --out configs/mine.yaml
  tfgen zoo list
  tfgen sample zoo:dcgan-mnist5k --seeds 0-63 --scale 4 --out grid.png
  tfgen train dcgan_mnist --dry-run
  tfgen train dcgan_mnist --run runs/dcgan model.latent_dim=64 fit.epochs=5
  tfgen sample runs/dcgan --seeds 0-63 --scale 4 --out grid.png
  tfgen translate runs/cyclegan --input pictures --to b --out translated
  tfgen assemble runs/puzzlegan eye.png nose.png mouth.png --out face.png
  tfgen evaluate runs/dcgan --metrics fid,kid,prdc --samples 10000
  tfgen report runs/dcgan
  tfgen compare runs/dcgan runs/vae --out comparison.png
  tfgen explore transposed
  tfgen export runs/dcgan --to exports/dcgan
  tfgen push exports/dcgan me/dcgan-mnist
  tfgen serve exports/dcgan

A run that was interrupted goes on with the command that started it.
Exit status: 0 done, 2 bad input or training that cannot go on, 130 stopped by Ctrl-C.
"""


def parser():
    """The parser, from plain data alone."""
    result = Parser(
        prog="tfgen",
        description="Classic generative models: train, sample, measure, export, serve.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"tfgen {tfgen.__version__}")
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add(commands, _command)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status."""
    arguments, rest = parser().parse_known_args(sys.argv[1:] if argv is None else argv)
    if rest and (
        arguments.command not in ("train", "cost") or any(r.startswith("-") for r in rest)
    ):
        arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse takes no overrides after an option by itself.
        arguments.overrides += rest
    former, warnings.formatwarning = warnings.formatwarning, _warning
    try:
        light = getattr(arguments, "light", arguments.command in ("list", "zoo", "compare"))
        if not light and not arguments.traceback:
            _quietly()
        arguments.function(arguments)
        return 0
    except KeyboardInterrupt as error:
        print(f"tfgen: {str(error) or 'stopped.'}", file=sys.stderr)
        return 128 + getattr(error, "signal", 2)
    except ModuleNotFoundError as error:
        said = missing(error)
        if arguments.traceback or said is None:
            raise
        print(f"tfgen: {said}", file=sys.stderr)
        return 2
    except (ValueError, OSError, RuntimeError) as error:
        if arguments.traceback or not _ours(error):
            raise
        print(f"tfgen: {_message(error)}", file=sys.stderr)
        return 2
    finally:
        warnings.formatwarning = former


def _command(commands, name, function):
    one = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
    one.add_argument("--traceback", action="store_true", help="show where an error came from")
    one.set_defaults(function=function, parser=one)
    return one


def _quietly():
    from tfgen.quiet import start_tensorflow

    start_tensorflow()


def _ours(error):
    """Whether the message was written for people; anything else is a fault and shows its place."""
    from tfgen.training.errors import TrainingError

    return isinstance(error, ValueError | OSError | TrainingError)


def _message(error):
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or ''}: {error.strerror}".lstrip(": ")
    return str(error)


def _warning(message, category, filename, lineno, line=None):
    return f"tfgen: warning: {message}\n"
