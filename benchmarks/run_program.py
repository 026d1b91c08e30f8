"""Runs a program of `benchmarks.program` by jaxlib; needs no TensorFlow and nothing of tfgen.

    python run_program.py programs/vae --to trained/vae [--seconds 500]

Writes state.npz and metrics.json as it goes, twenty times in all, and begins from the state that
it finds there. Tried with jax 0.11.2.
"""

import argparse
import gzip
import json
import os
import time
from pathlib import Path

import numpy as np


class Rows:
    """The examples of each step, as `tfgen.data.order.Order` has them."""

    def __init__(self, size, batch_size, steps, shuffle, words):
        self.size, self.batch_size, self.steps = size, batch_size, steps
        self.shuffle, self.words = shuffle, words
        self.epoch = None

    def at(self, step):
        """(B,) int32"""
        epoch, within = divmod(step, self.steps)
        if epoch != self.epoch:
            seed = [*self.words, epoch & 0xFFFFFFFF, epoch >> 32]
            shuffled = np.random.RandomState(seed).permutation if self.shuffle else np.arange
            self.epoch, self.order = epoch, shuffled(self.size).astype(np.int32)
        return self.order[within * self.batch_size : (within + 1) * self.batch_size]


def compiled(path, device):
    """The program as a function of a list of arrays."""
    from jax._src.lib import xla_client

    program = xla_client.XlaComputation(gzip.decompress(path.read_bytes()))
    text = xla_client._xla.mlir.xla_computation_to_mlir_module(program)
    # What crosses to a device plugin is StableHLO, which has no copy.
    text = text.replace("mhlo.copy", "stablehlo.optimization_barrier")
    devices = xla_client.DeviceList((device,))
    loaded = device.client.compile_and_load(text, devices, xla_client.CompileOptions())

    def call(arrays):
        found = loaded.execute_sharded(arrays).disassemble_into_single_device_arrays()
        return [each[0] for each in found]

    return call


def means_of(totals, note):
    """Name -> mean of what the steps reported."""
    found, at = {}, 0
    for name, count in note["means"].items():
        found[name] = float(totals[at] / max(totals[at + 1], 1e-9))
        at += count
    return found


def write(folder, state, lines):
    """Both files under temporary names, then renamed."""
    np.savez(folder / "unfinished.npz", **{f"s{n}": np.asarray(v) for n, v in enumerate(state)})
    (folder / "unfinished.json").write_text(json.dumps(lines))
    os.replace(folder / "unfinished.npz", folder / "state.npz")
    os.replace(folder / "unfinished.json", folder / "metrics.json")


def train(program, folder, total=None, seconds=float("inf")):
    """Takes the program's steps until `total` are taken or the time is over; the lines it wrote."""
    import jax

    jax.config.update("jax_enable_x64", True)
    began = time.monotonic()
    note = json.loads((program / "program.json").read_text())
    device, steps, total = jax.devices()[0], note["steps"], total or note["total"]
    call = compiled(program / "program.hlo.gz", device)
    with np.load(program / "inputs.npz") as data:
        data = {name: jax.device_put(data[name], device) for name in data.files}
    folder.mkdir(parents=True, exist_ok=True)
    begun = (folder / "state.npz").exists()
    with np.load((folder if begun else program) / "state.npz") as stored:
        state = [jax.device_put(stored[f"s{n}"], device) for n in range(len(stored.files))]
    lines = json.loads((folder / "metrics.json").read_text()) if begun else []
    step = lines[-1]["step"] if begun else 0
    rows = [Rows(**order) for order in note["orders"]]
    every = max(1, (total - step) // steps // 20) * steps
    totals = 0.0
    while step < total:
        # Each call gives the program zeros of its own: it takes them over.
        zeros = [np.zeros(shape, np.float32) for shape in note["shapes"]]
        named = {f"s{n}": v for n, v in enumerate(state)} | data
        named |= {f"m{n}": jax.device_put(v, device) for n, v in enumerate(zeros)}
        chosen = [np.stack([order.at(step + i) for i in range(steps)]) for order in rows]
        before = [jax.device_put(x, device) for x in (np.int64(step), *chosen)]
        found = call(before + [named[name] for name in note["inputs"]])
        state, step = found[: len(state)], step + steps
        totals = totals + np.asarray(found[len(state) : len(state) + len(zeros)], np.float64)
        late = time.monotonic() - began > seconds
        if step % every == 0 or step >= total or late:
            lines.append({"step": step, **means_of(totals, note)})
            lines[-1]["seconds"] = time.monotonic() - began
            print(json.dumps(lines[-1]), flush=True)
            write(folder, state, lines)
            totals = 0.0
        if late:
            break
    return lines


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args(argv)
    train(given.program, given.to, seconds=given.seconds)


if __name__ == "__main__":
    main()
