"""Load on the embedded server: what it adds to a call in process, and what batching gives.

    python -m benchmarks.serving                          # an untrained DCGAN, a few minutes
    python -m benchmarks.serving --side 64                # the paper's, 64 x 64 in colour
    python -m benchmarks.serving --export exports/dcgan --seconds 20
    python -m benchmarks.serving --sustained-minutes 10   # does memory grow?

The server is a process of its own; the clients share the cores with it. Closed loop: each client
sends when it has its answer. Open loop: requests arrive at random times, whether or not earlier
ones are answered, so that queueing shows. A batch waits for further requests a tenth of the time
that a full one takes, and 10 ms at least. Needs the extra `serving`.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks.load import (
    GrpcCall,
    RestCall,
    closed_loop,
    open_loop,
    processor_seconds,
    summary,
)

BATCHING = """
max_batch_size {{ value: {size} }}
batch_timeout_micros {{ value: {micros} }}
max_enqueued_batches {{ value: 1000 }}
num_batch_threads {{ value: {threads} }}
{allowed}
"""
SIGNATURES = {"png": "sample_png", "float": "sample"}


def exported(folder: Path, side: int) -> Path:
    """An export folder of an untrained DCGAN: gray pictures with a side of 28, or 64 in colour."""
    from tfgen import export
    from tfgen.models import DCGAN

    model = DCGAN(image_shape=(side, side, 1 if side == 28 else 3), seed=0)
    export.saved_model(model, folder / "model" / "1")
    return folder / "model"


class InProcess:
    """The SavedModel in this process, as a program without a server would call it."""

    def __init__(self, export: Path):
        import tensorflow as tf

        newest = max((p for p in export.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
        self._loaded = tf.saved_model.load(str(newest))
        self._constant = tf.constant

    def call(self, signature, rows):
        """Runs `rows` seeds; the outputs as arrays."""
        seeds = self._constant(np.arange(rows, dtype=np.int64))
        outputs = self._loaded.signatures[signature](seed=seeds)
        return {name: value.numpy() for name, value in outputs.items()}

    def latencies(self, signature, rows, seconds):
        """Seconds of each call, one after the other."""
        self.call(signature, rows)
        taken, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            self.call(signature, rows)
            taken.append(time.perf_counter() - start)
        return taken


@contextlib.contextmanager
def served(export: Path, batching=None):
    """A server process: (process, REST port, gRPC port)."""
    with tempfile.TemporaryDirectory() as folder:
        ports = [_free_port() for _ in range(2)]
        command = [sys.executable, "-m", "tfgen.serving", "--model_name=model"]
        command += [f"--rest_api_port={ports[0]}", f"--port={ports[1]}"]
        command += [f"--model_base_path={export.absolute()}"]
        if batching:
            path = Path(folder, "batching.config")
            # Few sizes: TensorFlow prepares each shape that it meets for the first time.
            sizes = [n for n in (1, 2, 4, *range(8, batching["size"], 8)) if n < batching["size"]]
            sizes.append(batching["size"])
            allowed = " ".join(f"allowed_batch_sizes: {n}" for n in sizes)
            path.write_text(BATCHING.format(allowed=allowed, **batching))
            command += ["--enable_batching", f"--batching_parameters_file={path}"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr:
                if "Serving gRPC" in line:
                    break
            yield process, *ports
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def overhead(export, inside, seconds):
    """One row, one client: the server against the call in process."""
    print("One row, one client, closed loop, no batching")
    base = {}
    for kind, signature in SIGNATURES.items():
        taken = inside.latencies(signature, 1, seconds)
        base[kind] = np.median(taken) * 1e3
        print(f"  in process {kind:5}  {summary(taken)}")
    with served(export) as (_, rest, rpc):
        for api, make, port in (("REST", RestCall, rest), ("gRPC", GrpcCall, rpc)):
            for kind, signature in SIGNATURES.items():
                call = lambda m=make, p=port, s=signature: m(p, s, 1)  # noqa: E731
                taken, *_ = asyncio.run(closed_loop(call, 1, seconds))
                extra = np.median(taken) * 1e3 - base[kind]
                print(f"  {api:10} {kind:5}  {summary(taken)}  p50 overhead {extra:+.2f} ms")


def throughput(export, inside, seconds, clients, rows, threads):
    """Many clients with batching, as a fraction of the best that the process itself does."""
    print(f"{clients} clients, {rows} row(s) a request; images a second")
    print("  (in brackets: milliseconds of a core an image, of the process that runs the model,")
    print("  and of the clients, which take their share of the same cores)")
    best = {}
    for kind, signature in SIGNATURES.items():
        rates, used = {}, {}
        for size in (1, 8, 16, 32, 64, 128):
            before = processor_seconds("self")
            taken = inside.latencies(signature, size, seconds / 3)
            rates[size] = size / np.median(taken)
            used[size] = (processor_seconds("self") - before) * 1e3 / (size * (len(taken) + 1))
        best[kind] = max(rates.values())
        shown = "  ".join(f"{n}: {rate:.0f} ({used[n]:.2f})" for n, rate in rates.items())
        print(f"  in process {kind:5} by batch size  {shown}")
    size = max(64, rows)
    wait = max(0.01, 0.1 * size / max(best.values()))
    print(f"  batches of at most {size}, {threads} at a time, wait {wait * 1e3:.0f} ms at most")
    batching = {"size": size, "threads": threads, "micros": round(wait * 1e6)}
    with served(export, batching) as (process, rest, rpc):
        for api, make, port in (("gRPC", GrpcCall, rpc), ("REST", RestCall, rest)):
            for kind, signature in SIGNATURES.items():
                call = lambda m=make, p=port, s=signature: m(p, s, rows)  # noqa: E731
                asyncio.run(closed_loop(call, clients, seconds / 2))  # Warms up.
                watched = (process.pid, "self")
                taken, rate, used = asyncio.run(closed_loop(call, clients, seconds, watched))
                images = rate * rows
                shown = f"{images:7.0f} ({used[0] / rows:.2f}, {used[1] / rows:.2f})"
                print(f"  {api} {kind:5} {shown} = {images / best[kind]:4.0%} of in process")
                print(f"    closed loop                          {summary(taken)}")
                later = asyncio.run(open_loop(call, rate / 2, seconds))
                print(f"    open loop at half that rate          {summary(later)}")


def sustained(export, minutes):
    """A mix of requests for minutes; the server's memory as it goes."""
    print(f"{minutes:g} minutes, 16 clients, gRPC and REST, with batching")
    batching = {"size": 64, "threads": os.cpu_count(), "micros": 10_000}
    with served(export, batching) as (process, rest, rpc):

        def resident():
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

        async def part(seconds):
            made = [(RestCall, rest, "sample"), (RestCall, rest, "sample_png")]
            made += [(GrpcCall, rpc, "sample"), (GrpcCall, rpc, "sample_png")]
            loops = [closed_loop(lambda m=m, p=p, s=s: m(p, s, 2), 4, seconds) for m, p, s in made]
            return sum(rate for _, rate, _ in await asyncio.gather(*loops))

        asyncio.run(part(min(30.0, minutes * 60 / 4)))
        first, step = resident(), minutes * 60 / 10
        print(f"  after warm-up  {first:7.1f} MiB")
        for turn in range(10):
            rate = asyncio.run(part(step))
            seconds = step * (turn + 1)
            print(f"  {seconds:6.0f} s  {resident():9.1f} MiB  {rate:6.0f} requests/s", flush=True)
        print(f"  grown by {resident() - first:+.1f} MiB")


def main():
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--export", type=Path, help="export folder (default: an untrained DCGAN)")
    parser.add_argument("--side", type=int, choices=(28, 64), default=28)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rows", type=int, default=1, help="rows of each request under load")
    parser.add_argument("--batch-threads", type=int, default=os.cpu_count())
    parser.add_argument("--sustained-minutes", type=float, help="measure memory over this time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        export = arguments.export or exported(Path(folder), arguments.side)
        if arguments.sustained_minutes:
            sustained(export, arguments.sustained_minutes)
            return
        inside = InProcess(export)
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
        overhead(export, inside, arguments.seconds)
        clients, rows = arguments.clients, arguments.rows
        throughput(export, inside, arguments.seconds, clients, rows, arguments.batch_threads)


if __name__ == "__main__":
    main()
