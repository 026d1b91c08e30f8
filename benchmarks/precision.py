"""What reduced precision, XLA and several steps in one execution gain and lose, model by model.

    python -m benchmarks.precision [CONFIG ...] [--set SECTION.KEY=VALUE] [--steps 200]
                                   [--rounds 5] [--json FILE]

For each config (by default one of each model that needs no download) and each setting of SETTINGS,
from the same weights and the same batches: how many times as fast a step is as float32's, and what
it learns, as the sum of the losses that it reports (of pixel models the negative log-likelihood), a
mean over the last round. Settings take turns in each round, so that a neighbour's load falls on all
alike; a ratio is the median over rounds. What a model refuses is printed as its reason. A config
has a process of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.train import as_fitted, usual

SETTINGS = {
    "float32": [],
    "bfloat16": ["run.precision=mixed_bfloat16"],
    "float16": ["run.precision=mixed_float16"],
    "xla": ["compile.jit_compile=true"],
    "8 steps": ["compile.steps_per_execution=8"],
}
EACH = 8  # Steps of one turn at least: those of one execution.


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("configs", nargs="*", help="YAML files; by default one of each model")
    parser.add_argument("--set", action="append", default=[], help="a change to every config")
    parser.add_argument("--steps", type=int, default=200, help="steps of each setting")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="file for the same figures")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        path, steps, rounds = arguments.configs[0], arguments.steps, arguments.rounds
        print(json.dumps(measure(path, steps, rounds, arguments.set)))
        return
    rows = []
    for path in arguments.configs or usual():
        command = [sys.executable, "-m", "benchmarks.precision", "--one", str(path)]
        command += ["--steps", str(arguments.steps), "--rounds", str(arguments.rounds)]
        command += [f"--set={change}" for change in arguments.set]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{path}: {done.stderr.strip().splitlines()[-1]}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(line(rows[-1]), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


def line(row):
    """One config for the eye: for each setting its speed, and its loss or its reason."""
    parts = [f"{row['config']:22}"]
    for name, found in row["settings"].items():
        if "refused" in found:
            parts.append(f"{name}: refused ({found['refused']})")
        else:
            parts.append(f"{name}: {found['times_as_fast']:.2f}x, loss {found['loss']:.4g}")
    return "  ".join(parts)


def measure(path, steps, rounds, more=()):
    """The row of one config, with `more` changes to it."""
    from tfgen.training import config

    players, refused = {}, {}
    for name, changes in SETTINGS.items():
        try:
            players[name] = Player(config.load(path, [*more, *changes]))
        except ValueError as error:
            refused[name] = str(error).splitlines()[0]
    turns = max(1, steps // (rounds * EACH))
    for _ in range(rounds):
        for player in players.values():
            player.play(turns)
    base = players["float32"]
    found = {}
    for name, player in players.items():
        ratios = [b / a for a, b in zip(player.seconds, base.seconds, strict=True)]
        found[name] = {
            "times_as_fast": statistics.median(ratios),
            "least": min(ratios),
            "largest": max(ratios),
            "loss": player.loss,
            "first_step_s": player.first,
        }
    settings = {name: found.get(name, {"refused": refused.get(name)}) for name in SETTINGS}
    return {"config": Path(path).stem, "steps": turns * EACH * rounds, "settings": settings}


class Player:
    """One setting of a config: its model, and what its turns took."""

    def __init__(self, settings):
        from tfgen.training import devices, experiment

        self.policy = settings.run["precision"]
        self.seconds, self.loss = [], None
        with devices.precision(self.policy):
            self.model = experiment.build(settings)
            stream, _ = experiment.batches(settings)
            self.batches = iter(as_fitted(self.model, stream.from_step(0)))
            self.each = EACH // (settings.compile.get("steps_per_execution") or 1)
            self.model.make_train_function()
            begun = time.perf_counter()
            for value in self.step().values():
                float(value)  # Waits for it.
            self.first = time.perf_counter() - begun
            for _ in range(self.each - 1):  # As many steps as of one execution.
                self.step()

    def step(self):
        """One execution; what it reports, as means since the turn began."""
        return self.model.train_function(self.batches)

    def play(self, turns):
        """So many turns of EACH steps."""
        from tfgen.training import devices

        with devices.precision(self.policy):
            self.model.reset_metrics()
            begun = time.perf_counter()
            for _ in range(turns * self.each):
                logs = self.step()
            found = {name: float(value) for name, value in logs.items()}
            self.seconds.append(time.perf_counter() - begun)
        self.loss = sum(value for name, value in found.items() if name.endswith(("loss", "nll")))


if __name__ == "__main__":
    main()
