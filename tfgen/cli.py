"""The command `tfgen`. TensorFlow is imported inside the commands only."""

import argparse
import contextlib
import os
import sys
import tempfile
import warnings
from pathlib import Path

import tfgen
from tfgen import cli_evaluate

EPILOG = """\
examples:
  tfgen list models
  tfgen train configs/dcgan_mnist.yaml --run runs/dcgan --dry-run
  tfgen train configs/dcgan_mnist.yaml --run runs/dcgan model.latent_dim=64 fit.epochs=5
  tfgen sample runs/dcgan --seeds 0-63 --out grid.png
  tfgen evaluate runs/dcgan --metrics fid,kid,prdc --samples 10000
  tfgen report runs/dcgan
  tfgen translate runs/cyclegan --input pictures --to b --out translated
  tfgen export runs/dcgan --to exports/dcgan
  tfgen serve exports/dcgan

A run that was interrupted goes on with the command that started it.
Exit status: 0 done, 2 bad input or training that cannot go on, 130 stopped by Ctrl-C.
"""


def train(arguments):
    """Trains the model of a config into a run folder, or goes on with it."""
    from tfgen import config, run

    settings = config.load(arguments.config, arguments.overrides)
    if arguments.dry_run:
        print(_outline(run.dry_run(settings)))
        return
    done = run.train(settings, arguments.run)
    if done.metrics:
        print(_values(done.metrics[-1]))
    print(f"Next: tfgen sample {arguments.run} --seeds 0-63 --out grid.png")


def sample(arguments):
    """Draws samples from the model of a run."""
    from tqdm import tqdm

    from tfgen import run, sampling

    chosen = sampling.seeds(arguments.seeds)
    given = sampling.given(arguments.input, arguments.label, len(chosen))
    name = f"seeds-{arguments.seeds}.png"
    out = Path(arguments.out or Path(arguments.run, "samples", name))
    model = run.load(arguments.run, arguments.checkpoint)
    with tqdm(total=len(chosen), desc="Sampling", unit="rows", disable=None) as bar:
        images = model.sample(chosen, arguments.signature, progress=bar.update, **given)
    folder = str(arguments.out or "").endswith(("/", os.sep))
    print(sampling.save(images, chosen, out, folder))


def translate(arguments):
    """Translates pictures of your own, with CycleGAN or StarGAN."""
    from tfgen import run, translate

    model = run.load(arguments.run, arguments.checkpoint)
    number, failures = translate.translate(model, arguments.input, arguments.to, arguments.out)
    for line in failures:
        print(f"tfgen: warning: left out {line}", file=sys.stderr)
    print(f"{arguments.out}: {number} pictures")


def export(arguments):
    """Writes SavedModel, ONNX and LiteRT files of the model of a run, verified."""
    from tfgen import checkpoints, export, run
    from tfgen.export.report import lines
    from tfgen.reports import card

    model = run.load(arguments.run, arguments.checkpoint)
    extra = {"run": str(arguments.run), "config": run.read(arguments.run).resolved()}
    report = export.export(
        model,
        arguments.to,
        manifest_extra=extra,
        formats=_names(arguments.formats),
        variants=_names(arguments.quantize),
    )
    print(f"{arguments.to}: version {report['version']}, step {checkpoints.taken(model)}")
    print("\n".join(lines(report)))
    print(f"  model card: {card.write(arguments.to, arguments.run, report, arguments.license)}")
    if arguments.serving_config:
        from tfgen.serving import kit_files

        print(f"  TensorFlow Serving: {kit_files.write(arguments.to)}")


def serve(arguments):
    """Serves an export folder, a folder of them, or a run, as TensorFlow Serving does."""
    from tfgen import serving

    def ready(server):
        for api, port in (("REST", server.rest_port), ("gRPC", server.grpc_port)):
            print(f"{api:4}  {arguments.host}:{port}", flush=True)
        if server.rest_port:
            print(f"page  http://{arguments.host}:{server.rest_port}/", flush=True)
        for name in server.core.manager.models():
            print(f"      http://{arguments.host}:{server.rest_port}/v1/models/{name}", flush=True)

    with contextlib.ExitStack() as stack:
        path = Path(arguments.path)
        if (path / "run.json").exists():
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            path = _exported(path, arguments.checkpoint, Path(folder))
        try:
            serving.serve(
                path,
                pages=serving.Studio(serving.found(path)),
                on_ready=ready,
                host=arguments.host,
                rest_api_port=arguments.rest_port,
                port=arguments.grpc_port,
                enable_batching=arguments.batching,
            )
        except serving.Failure as failure:
            raise ValueError(failure.message) from failure


def show(arguments):
    """Lists the models, the data sets or the metrics."""
    from tfgen import catalog

    entries = getattr(catalog, arguments.what)()
    width = max(len(name) for name, _ in entries)
    for name, line in entries:
        print(f"{name:<{width}}  {line}")


def parser():
    """The parser, from plain data alone."""
    result = argparse.ArgumentParser(
        prog="tfgen",
        description="Classic generative models: train, sample, export.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"tfgen {tfgen.__version__}")
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = _command(commands, "train", train)
    one.add_argument(
        "config", metavar="CONFIG", help="a YAML file, such as configs/gan_digits.yaml"
    )
    one.add_argument("--run", required=True, metavar="DIR", help="the run folder")
    one.add_argument("--dry-run", action="store_true", help="take one step, write nothing")
    one.add_argument(
        "overrides", nargs="*", metavar="section.key=value", help="in place of the file's"
    )

    one = _command(commands, "sample", sample)
    one.add_argument("run", metavar="RUN", help="a run folder")
    one.add_argument("--seeds", default="0-63", help="such as 0-63 or 3,5,9 (default: 0-63)")
    one.add_argument("--out", help="picture (grid), folder/ (one file a seed) or .npy")
    one.add_argument("--signature", help="which served function (default: the first)")
    one.add_argument("--label", help="class of all samples, or one each: 0,1,2")
    one.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="any input")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")

    one = _command(commands, "translate", translate)
    one.add_argument("run", metavar="RUN", help="a run folder")
    one.add_argument("--input", required=True, metavar="PICTURES", help="a picture or a folder")
    one.add_argument("--to", required=True, metavar="DOMAIN", help="a, b; a number; or 1,0,1")
    one.add_argument("--out", required=True, metavar="DIR", help="the folder of the results")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")

    one = _command(commands, "export", export)
    one.add_argument("run", metavar="RUN", help="a run folder")
    one.add_argument("--to", required=True, metavar="DIR", help="the export folder")
    one.add_argument("--license", default="unknown", help="of the weights, for the model card")
    one.add_argument(
        "--formats",
        default="saved_model,onnx",
        help="any of saved_model,onnx,tflite (default: %(default)s)",
    )
    one.add_argument(
        "--quantize", default="", metavar="fp16,int8", help="smaller ONNX files, and what they cost"
    )
    one.add_argument(
        "--serving-config", action="store_true", help="also write serving-kit/: Docker, Kubernetes"
    )
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")

    one = _command(commands, "serve", serve)
    one.add_argument("path", metavar="PATH", help="an export folder, a folder of them, or a run")
    one.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0: every address (default: %(default)s)"
    )
    one.add_argument("--rest-port", type=int, default=8501, help="-1: any (default: %(default)s)")
    one.add_argument("--grpc-port", type=int, default=8500, help="-1: any (default: %(default)s)")
    one.add_argument("--batching", action="store_true", help="run requests together")
    one.add_argument("--checkpoint", default="last", help="of a run (default: last)")

    cli_evaluate.add(commands, _command)

    one = _command(commands, "list", show)
    one.add_argument("what", choices=("models", "datasets", "metrics"))
    return result


def main(argv=None) -> int:
    """Runs a command and returns its exit status."""
    arguments, rest = (made := parser()).parse_known_args(argv)
    if rest and (arguments.command != "train" or any(r.startswith("-") for r in rest)):
        made.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse takes no overrides after an option by itself.
        arguments.overrides += rest
    former, warnings.formatwarning = warnings.formatwarning, _warning
    try:
        if arguments.command not in ("list", "compare") and not arguments.traceback:
            _quietly()
        arguments.function(arguments)
        return 0
    except KeyboardInterrupt as error:
        print(f"tfgen: {str(error) or 'stopped.'}", file=sys.stderr)
        return 128 + getattr(error, "signal", 2)
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
    one.set_defaults(function=function)
    return one


def _exported(folder, checkpoint, to):
    """The export folder, in `to`, of the model of a run."""
    from tfgen import export, run

    path = to / folder.absolute().name
    extra = {"run": str(folder), "config": run.read(folder).resolved()}
    model = run.load(folder, checkpoint)
    export.export(model, path, formats=("saved_model",), manifest_extra=extra)
    return path


def _quietly():
    from tfgen.quiet import start_tensorflow

    start_tensorflow()


def _ours(error):
    """Whether the message was written for people; anything else is a fault and shows its place."""
    from tfgen.errors import TrainingError

    return isinstance(error, ValueError | OSError | TrainingError)


def _message(error):
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or ''}: {error.strerror}".lstrip(": ")
    return str(error)


def _warning(message, category, filename, lineno, line=None):
    return f"tfgen: warning: {message}\n"


def _outline(plan):
    """A dry run as text."""
    data, numbers = plan["data"], plan["parameters"]
    shape = "x".join(str(side) for side in data["image_shape"])
    lines = [
        f"model       {plan['model']}: " + ", ".join(f"{k} {v:,}" for k, v in numbers.items()),
        f"data        {data['name']}, {data['split']}: {data['size']:,} pictures {shape}, "
        f"fingerprint {data['fingerprint'][:12]}",
        *(f"batch       {k}: {v[0]} {tuple(v[1:])}" for k, v in plan["batch"].items()),
        f"steps       {plan['steps_per_epoch']:,} an epoch, {plan['steps']:,} in all",
        f"first step  {_values(plan['first_step'])}",
        *(f"note        {note}" for note in data["notes"]),
    ]
    return "\n".join(lines)


def _values(values):
    return ", ".join(f"{k} {v:.6g}" for k, v in values.items() if isinstance(v, int | float))


def _names(text):
    return tuple(name.strip() for name in text.split(",") if name.strip())
