"""Clients of a served model that do nothing but ask, and loops that drive many of them."""

import asyncio
import json
import os
import time
from pathlib import Path

import grpc
import numpy as np


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
