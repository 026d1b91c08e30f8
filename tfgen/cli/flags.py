"""Flags that people bring from elsewhere, and words that are nearly right: what to type instead."""

import argparse
import itertools
import re
import shlex
from collections.abc import Sequence

from tfgen.construct import nearest

# What a flag of another program is here; {} is its value. "" is for every command.
FOREIGN = {
    "train": {
        "--epochs": "fit.epochs={}",
        "--num-epochs": "fit.epochs={}",
        "--steps-per-epoch": "fit.steps_per_epoch={}",
        "--batch-size": "data.batch_size={}",
        "--batch": "data.batch_size={}",
        "--lr": "compile.generator_optimizer.learning_rate={}, or the player's whose rate it is",
        "--learning-rate": "compile.generator_optimizer.learning_rate={}, or another player's",
        "--latent-dim": "model.latent_dim={}",
        "--seed": "seed={}",
        "--gpus": "run.devices={}",
        "--devices": "run.devices={}",
        "--precision": "run.precision={}",
        "--fp16": "run.precision=mixed_float16",
        "--amp": "run.precision=mixed_float16",
        "--data": "data.name={}",
        "--dataset": "data.name={}",
        "--image-size": "data.image_size={} and model.image_shape",
        "--model": "model.name={}, or a config of that model (tfgen list configs)",
        "--config": "the config first, without a flag: tfgen train {}",
        "--out": "--run {}",
        "--output": "--run {}",
        "--output-dir": "--run {}",
        "--logdir": "--run {}",
        "--resume": "the same command again: it goes on where the run stands",
    },
    "new": {
        "--output": "--out {}",
        "-o": "--out {}",
        "--image-size": "--size {}",
        "--resolution": "--size {}",
        "--time": "--minutes {}",
    },
    "sample": {
        "--n": "--seeds 0-{last}",
        "-n": "--seeds 0-{last}",
        "--num": "--seeds 0-{last}",
        "--count": "--seeds 0-{last}",
        "--samples": "--seeds 0-{last}",
        "--num-samples": "--seeds 0-{last}",
        "--output": "--out {}",
        "-o": "--out {}",
        "--class": "--label {}",
        "--labels": "--label {}",
        "--text": "--input text={}",
        "--prompt": "--input text={}",
        "--caption": "--input text={}",
        "--zoom": "--scale {}",
        "--size": "--scale 4",
        "--epoch": "--checkpoint STEP",
        "--step": "--checkpoint {}",
    },
    "evaluate": {
        "--n": "--samples {}",
        "-n": "--samples {}",
        "--num-samples": "--samples {}",
        "--output": "--json {}",
        "--out": "--json {}",
        "--dataset": "--split SPLIT, of the run's own data",
    },
    "export": {
        "--out": "--to {}",
        "--output": "--to {}",
        "-o": "--to {}",
        "--onnx": "--formats onnx",
        "--tflite": "--formats tflite",
        "--int8": "--quantize int8",
        "--fp16": "--quantize fp16",
    },
    "serve": {
        "--port": "--rest-port {} (REST) or --grpc-port {} (gRPC)",
        "-p": "--rest-port {}",
        "--rest-api-port": "--rest-port {}",
        "--address": "--host {}",
        "--bind": "--host {}",
        "--model-base-path": "the folder without a flag: tfgen serve {}",
        "--enable-batching": "--batching",
    },
    "": {
        "--gpu": "CUDA_VISIBLE_DEVICES={} before the command",
        "--device": "CUDA_VISIBLE_DEVICES={} before the command",
        "--verbose": "--traceback, where an error is to be shown whole",
        "--debug": "--traceback",
        "-v": "tfgen --version",
    },
}


class Parser(argparse.ArgumentParser):
    """argparse's, whose errors say what was probably meant."""

    given: Sequence[str] = ()

    def parse_known_args(self, args=None, namespace=None):
        self.given = [] if args is None else [*args]
        return super().parse_known_args(args, namespace)

    def error(self, message):
        said = [hint for hint in (self._choice(message), *self._flags()) if hint]
        super().error(f"{message}{'.' if said else ''} {' '.join(said)}".rstrip())

    def _choice(self, message):
        """For a command or another word of a fixed list."""
        found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if not found:
            return None
        near = nearest(found[1], [word.strip(" '") for word in found[2].split(",")])
        return f"Did you mean {near!r}?" if near else None

    def _flags(self):
        """For each flag that this command does not have."""
        known = [flag for action in self._actions for flag in action.option_strings]
        for flag, value in itertools.pairwise([*self.given, ""]):
            name, equals, own = flag.partition("=")
            if not re.match(r"--?[a-zA-Z]", name) or self._known(name, known):
                continue
            value = own if equals else ("" if value.startswith("-") else value)
            yield self._instead(name, value, known)

    def _known(self, name, known):
        return name in known or (name.startswith("--") and any(k.startswith(name) for k in known))

    def _instead(self, name, value, known):
        command = self.prog.rpartition(" ")[2]
        word = name.lower().replace("_", "-")
        how = FOREIGN.get(command, {}).get(word) or FOREIGN[""].get(word)
        if how is None:
            near = nearest(name, [flag for flag in known if flag.startswith("--")])
            return f"{name}: did you mean {near}?" if near else None
        last = str(int(value) - 1) if value.isdigit() and int(value) else "63"
        filled = how.replace("{last}", last).replace("{}", shlex.quote(value) if value else "...")
        return f"{name}: here it is {filled}."
