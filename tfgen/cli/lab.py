"""The command `explore lab`: a page on which models learn while one looks on."""

import argparse
from typing import Any


def lab(arguments: argparse.Namespace):
    """A page to play with: GAN, VAE and AAE learn densities while one looks on and changes them."""
    from tfgen.explore.lab import Server

    with Server(arguments.host, arguments.port) as server:
        print(f"lab  {server.address}", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            print("Stopped.", flush=True)


def add(experiments: Any) -> None:
    """Adds the command to the parsers of the experiments."""
    one = experiments.add_parser("lab", help=lab.__doc__, description=lab.__doc__)
    one.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0: every address (default: %(default)s)"
    )
    one.add_argument(
        "--port", type=int, default=8502, help="of the page, -1: any (default: %(default)s)"
    )
    one.add_argument(
        "--traceback",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show where an error came from",
    )
    one.set_defaults(parser=one, function=lab)
