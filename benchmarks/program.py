"""The training steps of a config as one XLA program, for an accelerator where TensorFlow is not.

    python -m benchmarks.program export vae_mnist --to programs/vae --steps 300 --set fit.epochs=200
    python benchmarks/run_program.py programs/vae --to trained/vae
    python -m benchmarks.program adopt programs/vae trained/vae --run runs/vae

`export` compiles so many steps, data and random draws included, into one program, and writes it
with the data and the state that it begins with. The second command needs NumPy and jaxlib only: it
calls the program until the config's steps are taken, in the config's order of examples. `adopt`
makes a run of what came of it, as `tfgen train` would have left it, slots of the optimizers
included; `tfgen train` goes on from there.

The program is that of `jit_compile`; on another device its sums are rounded differently. What a
step checks by assertions is not in it: `export` checks the first batch.
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen import files
from tfgen.data.order import Orders
from tfgen.training import checkpoints, config, experiment, record, run


def built(name, overrides):
    """The config, its model and its training stream."""
    settings = config.load(name, overrides)
    settings.run["validation"] = settings.run["best"] = None
    stream, _ = experiment.batches(settings)
    model = experiment.build(settings)
    experiment.check(settings, model, stream)
    return settings, model, stream


def export(name, folder, steps, overrides=()):
    """Writes program.hlo.gz, inputs.npz, state.npz and program.json into a folder."""
    settings, model, stream = built(name, overrides)
    state = [v.value for v in checkpoints.variables(model)]
    means = [v.value for mean in model.means.values() for v in mean.variables]
    orders = stream.order.both if isinstance(stream.order, Orders) else [stream.order]
    many = isinstance(stream.order, Orders)

    @tf.function(jit_compile=True, autograph=False)
    def program(first, *rows):
        def one(i):
            parts = [(first + tf.cast(i, tf.int64), tf.cast(r[i], tf.int64)) for r in rows]
            model.train_step(stream.fetch(*parts) if many else stream.fetch(*parts[0]))
            return i + 1

        tf.while_loop(lambda i: i < steps, one, [tf.constant(0)])
        return [tf.identity(v) for v in state + means]

    arguments = [tf.constant(0, tf.int64)]
    arguments += [tf.zeros((steps, order.batch_size), tf.int32) for order in orders]
    inputs, data = [], {}
    for x in program.get_concrete_function(*arguments).captured_inputs:
        if x.dtype == tf.resource:
            number = next(n for n, v in enumerate(state + means) if v.handle is x)
            inputs.append(f"s{number}" if number < len(state) else f"m{number - len(state)}")
        else:
            inputs.append(f"x{len(data)}")
            data[inputs[-1]] = x.numpy()
    folder.mkdir(parents=True, exist_ok=True)
    hlo = program.experimental_get_compiler_ir(*arguments)(stage="hlo_serialized")
    (folder / "program.hlo.gz").write_bytes(gzip.compress(hlo))
    np.savez_compressed(folder / "inputs.npz", **data)
    np.savez_compressed(folder / "state.npz", **{f"s{n}": v.numpy() for n, v in enumerate(state)})
    epoch = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
    note = {
        "config": str(name),
        "overrides": list(overrides),
        "steps": steps,
        "total": epoch * settings.fit["epochs"],
        "inputs": inputs,
        "orders": [
            {"size": o.size, "batch_size": o.batch_size, "steps": o.steps, "shuffle": o.shuffle}
            | {"words": [int(word) for word in o.words]}
            for o in orders
        ],
        "means": {name: len(mean.variables) for name, mean in model.means.items()},
        "shapes": [list(v.shape) for v in means],
    }
    files.write_text(folder / "program.json", json.dumps(note, indent=1) + "\n")
    return note


def adopt(program, trained, folder):
    """Makes a run folder of a trained state.

    Raises:
        ValueError: The state is of another program, or the folder holds a run.
    """
    note = json.loads((program / "program.json").read_text())
    settings, model, stream = built(note["config"], note["overrides"])
    if (folder / "config.yaml").exists():
        raise ValueError(f"{folder} holds a run already. Give an empty folder.")
    variables = checkpoints.variables(model)
    with np.load(trained / "state.npz") as state:
        if len(state.files) != len(variables):
            raise ValueError(
                f"{trained / 'state.npz'} holds {len(state.files)} arrays, and {note['config']} "
                f"has {len(variables)} weights and slots: it is of another program."
            )
        for number, variable in enumerate(variables):
            variable.assign(state[f"s{number}"])
    model.class_names = stream.source.class_names
    lines = json.loads((trained / "metrics.json").read_text())
    steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
    folder.mkdir(parents=True, exist_ok=True)
    record.begin(settings, folder, model, stream, 0)
    kept = run.checkpoints_of(settings, folder)
    values = {name: lines[-1][name] for name in note["means"]}
    kept.save(model, checkpoints.taken(model) // steps, values=values)
    text = "".join(json.dumps({**line, "epoch": line["step"] // steps}) + "\n" for line in lines)
    files.write_text(folder / "metrics.jsonl", text)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    first = verbs.add_parser("export", help="write a program")
    first.add_argument("config")
    first.add_argument("--to", type=Path, required=True)
    first.add_argument("--steps", type=int, default=100, help="in one call (default: 100)")
    first.add_argument("--set", nargs="*", default=[], help="overrides, such as fit.epochs=10")
    second = verbs.add_parser("adopt", help="make a run of a trained state")
    second.add_argument("program", type=Path)
    second.add_argument("trained", type=Path)
    second.add_argument("--run", type=Path, required=True)
    given = parser.parse_args(argv)
    if given.verb == "export":
        export(given.config, given.to, given.steps, given.set)
    else:
        adopt(given.program, given.trained, given.run)


if __name__ == "__main__":
    main()
