"""The commands about data sets: data pack, dispatcher, worker. TensorFlow is imported in them."""

import argparse
import signal
import threading
from collections.abc import Callable
from typing import Any


def data(arguments: argparse.Namespace):
    """Packs a data set, or serves batches to training processes."""


def pack(arguments: argparse.Namespace):
    """Packs a data set into sharded TFRecords, which `tfrecord:DIR` names as a data set."""
    from tfgen import data
    from tfgen.data import tfrecord

    size = arguments.image_size and [int(side) for side in arguments.image_size.split("x")]
    options: dict[str, Any] = {"channels": arguments.channels, "resize": arguments.resize}
    options["image_size"] = tuple(size * 2)[:2] if size else None
    options["data_dir"] = arguments.data_dir
    for split in arguments.splits.split(","):
        source = data.source(arguments.source, split.strip(), **options)
        found = tfrecord.pack(source, arguments.to, min(arguments.shards, source.size))
        print(
            f"{arguments.to}/{source.split}: {found['size']:,} pictures in "
            f"{len(found['shards'])} shards, fingerprint {found['fingerprint'][:12]}"
        )
    print(f"Next: data.name='tfrecord:{arguments.to}' in a config")


def dispatcher(arguments: argparse.Namespace):
    """Runs the dispatcher of TensorFlow's data service, which `data.service` names."""
    from tfgen.data import service

    server = service.dispatcher(arguments.port, arguments.work_dir)
    port = server.target.rpartition(":")[2]
    print(f"Dispatcher on port {port}. Next, here or on other machines:")
    print(f"  tfgen data worker --dispatcher HOST:{port} --address HOST:PORT --port PORT")
    print(f"  tfgen train CONFIG data.service=grpc://HOST:{port}", flush=True)
    _until_stopped(server)


def worker(arguments: argparse.Namespace):
    """Runs a worker of TensorFlow's data service, which makes batches for a dispatcher."""
    from tfgen.data import service

    print(f"Looking for the dispatcher at {arguments.dispatcher}.", flush=True)
    server = service.worker(arguments.dispatcher, arguments.port, arguments.address)
    print("Working.", flush=True)
    _until_stopped(server)


def _until_stopped(server):
    """Until Ctrl-C or SIGTERM, which the server's own `join` does not hear."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
    server.stop()


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    outer = command(commands, "data", data)
    actions = outer.add_subparsers(dest="action", required=True, metavar="ACTION")
    one = command(actions, "pack", pack)
    one.add_argument("source", metavar="SOURCE", help="a data set, such as folder:pictures")
    one.add_argument("--to", required=True, metavar="DIR", help="a folder, or gs://bucket/folder")
    one.add_argument("--shards", type=int, default=16, help="files a split (default: %(default)s)")
    one.add_argument("--splits", default="train,test", help="(default: %(default)s)")
    one.add_argument("--image-size", metavar="N|HxW", help="as data.image_size of a config")
    one.add_argument("--channels", type=int, help="as data.channels")
    one.add_argument("--resize", default="crop", help="as data.resize (default: %(default)s)")
    one.add_argument("--data-dir", help="for tfds:, where prepared sets lie")

    one = command(actions, "dispatcher", dispatcher)
    one.add_argument("--port", type=int, default=5050, help="(default: %(default)s)")
    one.add_argument("--work-dir", help="where its state is kept for a dispatcher started anew")

    one = command(actions, "worker", worker)
    one.add_argument("--dispatcher", required=True, metavar="HOST:PORT", help="where it is")
    one.add_argument("--port", type=int, default=0, help="to listen on (default: any free one)")
    one.add_argument(
        "--address", metavar="HOST:PORT", help="by which training processes reach this one"
    )
