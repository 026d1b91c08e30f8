"""Load on the embedded server: what it adds to a call in process, and what batching gives.

    python benchmarks/serving.py                          # an untrained DCGAN, a few minutes
    python benchmarks/serving.py --side 64                # the paper's, 64 x 64 in colour
    python benchmarks/serving.py --export exports/dcgan --seconds 20
    python benchmarks/serving.py --sustained-minutes 10   # does memory grow?

The server is a process of its own; the clients share the cores with it. Closed loop: each client
sends when it has its answer. Open loop: requests arrive at random times, whether or not earlier
ones are answered, so that queueing shows. Needs tfgen[serving].
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import grpc
import numpy as np

BATCHING = """
max_batch_size {{ value: {size} }}
batch_timeout_micros {{ value: 10000 }}
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


class RestCall:
    """One keep-alive connection that posts the same body again and again."""

    def __init__(self, port, signature, rows):
        body = {"signature_name": signature, "instances": list(range(rows))}
        text = json.dumps(body).encode()
        head = "POST /v1/models/model:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"
        self._request = head.format(len(text)).encode() + text
        self._port = port

    async def open(self):
        """Connects."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def __call__(self):
        """One request; raises unless it is answered with 200."""
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        length = int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if b" 200 " not in head[:20]:
            raise RuntimeError(body[:200])

    async def close(self):
        """Disconnects."""
        self._writer.close()
        await self._writer.wait_closed()


class GrpcCall:
    """One channel that sends the same Predict again and again."""

    def __init__(self, port, signature, rows):
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = "model"
        request.model_spec.signature_name = signature
        request.inputs["seed"].dtype = 9
        request.inputs["seed"].tensor_shape.dim.add().size = rows
        request.inputs["seed"].tensor_content = np.arange(rows, dtype=np.int64).tobytes()
        # Answers are taken as bytes: decoding them is the client's affair.
        self._request = request.SerializeToString()
        self._port = port

    async def open(self):
        """Connects, on a connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self._port}", options)
        await self._channel.channel_ready()
        self._call = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

    async def __call__(self):
        """One request; raises unless it succeeds."""
        await self._call(self._request)

    async def close(self):
        """Disconnects."""
        await self._channel.close()


async def closed_loop(make, clients, seconds, watched=()):
    """Latencies of clients that each wait for their answer, and requests a second.

    Third come the milliseconds of a core that each watched process used for a request.
    """
    calls = [make() for _ in range(clients)]
    for call in calls:
        await call.open()
        await call()
    taken, end = [], time.perf_counter() + seconds

    async def client(call):
        while time.perf_counter() < end:
            start = time.perf_counter()
            await call()
            taken.append(time.perf_counter() - start)

    before, began = [processor_seconds(one) for one in watched], time.perf_counter()
    await asyncio.gather(*map(client, calls))
    rate = len(taken) / (time.perf_counter() - began)
    after = [processor_seconds(one) for one in watched]
    used = [(b - a) * 1e3 / len(taken) for a, b in zip(before, after, strict=True)]
    for call in calls:
        await call.close()
    return taken, rate, used


async def open_loop(make, rate, seconds, connections=64):
    """Latencies, from the time of arrival, of requests that arrive at `rate` a second."""
    idle = asyncio.Queue()
    calls = [make() for _ in range(connections)]
    for call in calls:
        await call.open()
        await call()
        idle.put_nowait(call)
    taken, tasks = [], []

    async def one(arrival):
        call = await idle.get()
        await call()
        idle.put_nowait(call)
        taken.append(time.perf_counter() - arrival)

    rng, arrival = np.random.default_rng(0), time.perf_counter()
    end = arrival + seconds
    while arrival < end:
        arrival += rng.exponential(1 / rate)
        await asyncio.sleep(max(0.0, arrival - time.perf_counter()))
        tasks.append(asyncio.create_task(one(arrival)))
    await asyncio.gather(*tasks)
    for call in calls:
        await call.close()
    return taken


def processor_seconds(process) -> float:
    """What a process has used of the cores: unlike time, it does not depend on who else runs."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def summary(taken) -> str:
    """The percentiles of latencies, in milliseconds."""
    p50, p95, p99 = np.percentile(taken, [50, 95, 99]) * 1e3
    return f"p50 {p50:7.2f}  p95 {p95:7.2f}  p99 {p99:7.2f} ms"


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
    print(f"{clients} clients, {rows} row(s) a request, batching; images a second")
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
    batching = {"size": max(64, rows), "threads": threads}
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
    with served(export, {"size": 64, "threads": os.cpu_count()}) as (process, rest, rpc):

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
