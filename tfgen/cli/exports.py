"""The commands about exports: export, push, pull and serve. TensorFlow is imported inside them."""

import argparse
import contextlib
import logging
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgen.cli.trained import HELP


def export(arguments: argparse.Namespace):
    """Writes SavedModel, ONNX and LiteRT files of the model of a run, verified."""
    from tfgen import export
    from tfgen.cli import trained
    from tfgen.export.report import lines
    from tfgen.training import checkpoints

    model = trained.load(arguments.run, arguments.checkpoint)
    extra = _origin(arguments.run, checkpoints.taken(model))
    report = export.export(
        model,
        arguments.to,
        manifest_extra=extra,
        formats=_names(arguments.formats),
        variants=_names(arguments.quantize),
    )
    print(f"{arguments.to}: version {report['version']}, step {checkpoints.taken(model)}")
    print("\n".join(lines(report)))
    card = trained.card(arguments.to, arguments.run, report, arguments.license)
    print(f"  model card: {card}")
    if arguments.serving_config:
        from tfgen.serving.kit import files

        print(f"  TensorFlow Serving: {files.write(arguments.to)}")


def serve(arguments: argparse.Namespace):
    """Serves an export folder, a folder of them, a run or zoo:NAME, as TensorFlow Serving does."""
    from tfgen import serving
    from tfgen.cli import trained

    def ready(server):
        for api, port in (("REST", server.rest_port), ("gRPC", server.grpc_port)):
            print(f"{api:4}  {arguments.host}:{port}", flush=True)
        if server.rest_port:
            print(f"page  http://{arguments.host}:{server.rest_port}/", flush=True)
        for name in server.core.manager.models():
            print(f"      http://{arguments.host}:{server.rest_port}/v1/models/{name}", flush=True)
        if server.rest_port and server.core.metrics_path:
            metrics = f"{arguments.host}:{server.rest_port}{server.core.metrics_path}"
            print(f"metrics  http://{metrics}", flush=True)

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("tfgen.serving").setLevel(logging.INFO)
    with contextlib.ExitStack() as stack:
        path = Path(arguments.path)
        if trained.is_of_zoo(arguments.path) or (path / "run.json").exists():
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            path = _exported(arguments.path, arguments.checkpoint, Path(folder))
        try:
            studio = serving.Studio(serving.found(path))
            serving.serve(
                path,
                pages=studio,
                on_ready=ready,
                on_models=studio.offer,
                metrics=arguments.metrics,
                host=arguments.host,
                rest_api_port=arguments.rest_port,
                port=arguments.grpc_port,
                enable_batching=arguments.batching,
                rest_api_enable_cors_support=arguments.cors,
            )
        except serving.Failure as failure:
            raise ValueError(failure.message) from failure


def push(arguments: argparse.Namespace):
    """Uploads an export with its card to the Hugging Face Hub."""
    from tfgen.export import hub

    print(
        hub.push(
            arguments.export,
            arguments.repo,
            private=arguments.private,
            revision=arguments.revision,
            message=arguments.message,
        )
    )


def pull(arguments: argparse.Namespace):
    """Downloads an export from the Hugging Face Hub."""
    from tfgen.export import hub

    to = arguments.to or str(Path("exports", arguments.repo.rpartition("/")[2]))
    print(f"{hub.pull(arguments.repo, to, arguments.revision)}: downloaded")
    print(f"Next: tfgen serve {shlex.quote(to)}")


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "export", export)
    one.add_argument("run", metavar="RUN", help=HELP)
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

    one = command(commands, "push", push)
    one.add_argument("export", metavar="EXPORT", help="an export folder")
    one.add_argument("repo", metavar="OWNER/NAME", help="the repository, made where there is none")
    one.add_argument("--private", action="store_true", help="make a new one private")
    one.add_argument("--revision", help="a branch (default: the main one)")
    one.add_argument("--message", help="of the commit (default: the model and its step)")

    one = command(commands, "pull", pull)
    one.add_argument("repo", metavar="OWNER/NAME", help="a repository with an export of tfgen")
    one.add_argument("--to", metavar="DIR", help="the export folder (default: exports/NAME)")
    one.add_argument("--revision", help="a branch, tag or commit (default: the main branch)")

    one = command(commands, "serve", serve)
    one.add_argument(
        "path", metavar="PATH", help="an export folder, a folder of them, a run or zoo:NAME"
    )
    one.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0: every address (default: %(default)s)"
    )
    one.add_argument("--rest-port", type=int, default=8501, help="-1: any (default: %(default)s)")
    one.add_argument("--grpc-port", type=int, default=8500, help="-1: any (default: %(default)s)")
    one.add_argument("--batching", action="store_true", help="run requests together")
    one.add_argument(
        "--metrics",
        action="store_true",
        help="metrics for Prometheus at /monitoring/prometheus/metrics",
    )
    one.add_argument(
        "--cors", action="store_true", help="let pages of other sites call the REST API"
    )
    one.add_argument("--checkpoint", default="last", help="of a run (default: last)")


def _exported(given, checkpoint, to):
    """The export folder, in `to`, of the model of a run or of the zoo."""
    from tfgen import export
    from tfgen.cli import trained
    from tfgen.training import checkpoints

    path = to / trained.name(given)
    model = trained.load(given, checkpoint)
    extra = _origin(given, checkpoints.taken(model))
    export.export(model, path, formats=("saved_model",), manifest_extra=extra)
    return path


def _origin(given, step):
    """What an export keeps of its run: the config, the data, when it was trained, its figures."""
    from tfgen.cli import trained
    from tfgen.evaluation import store
    from tfgen.training import record

    if trained.is_of_zoo(given):
        return trained.origin(given)
    folder = Path(given)
    note = record.read(folder, strict=False)
    data, starts = note.get("data", {}), note.get("starts", [])
    epochs = [one for one in record.lines(folder / "metrics.jsonl") if one["step"] <= step]
    kept = ("name", "split", "size", "image_shape", "num_classes")
    return {
        **trained.origin(given),
        "data": {key: data[key] for key in kept if key in data},
        "trained": {
            "started": starts[0]["time"] if starts else None,
            "seconds": round(sum(one.get("seconds", 0.0) for one in epochs), 1),
        },
        "figures": [_figure(one) for one in store.latest(folder / store.NAME)],
    }


def _figure(figure):
    """A measured figure without its stamp: the number, its interval, and at which step."""
    model = figure.stamp.get("model")
    step = model.get("step") if isinstance(model, dict) else None
    whole = figure.as_dict()
    kept = {key: whole[key] for key in ("name", "value", "low", "high", "unit")}
    return {**kept, "better": figure.better, "is_control": figure.is_control, "step": step}


def _names(text):
    return tuple(name.strip() for name in text.split(",") if name.strip())
