"""What a run will take, before hours of it: counted from its graph, and planned for many devices.

Counted: weights, operations of a step and of a sample, bytes of weights, slots and gradients, bytes
that a step sends around. Planned, from a rate that the user names or a trial has reached, and a
network that the user names: seconds of a step on n devices, as computing divided by n and a ring
that moves each gradient 2 (n - 1) / n times.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfgen.optimizers import inner
from tfgen.training import devices, experiment, flops, record, trial
from tfgen.training.config import Config


@dataclass(frozen=True)
class Cost:
    """Of one config.

    Args:
        parameters: Network -> weights.
        rows: Examples of a step.
        steps: Of the whole run.
        step_flop: Matrix products and convolutions of a step; a multiplication and an addition are
            two. What is elementwise is left out.
        sample_flop: The same of one sample; None where it is drawn in a loop.
        state_bytes: Of weights, statistics and slots.
        gradient_bytes: Of all players' gradients at once.
        updates: Player's optimizer -> updates in a step.
        reduced_bytes: Of the gradients that a step sums over devices.
    """

    parameters: dict[str, int]
    rows: int
    steps: int
    step_flop: float
    sample_flop: float | None
    state_bytes: int
    gradient_bytes: int
    updates: dict[str, int]
    reduced_bytes: int

    def seconds(
        self, devices: int, rate: float, bandwidth: float = 1e9, latency: float = 5e-5
    ) -> float:
        """Of a step.

        Args:
            devices: That share the batch.
            rate: Operations a second that one device reaches on such a step.
            bandwidth: Bytes a second between two neighbours.
            latency: Seconds of one message.
        """
        messages = 2 * (devices - 1)
        moved = messages / devices * self.reduced_bytes / bandwidth
        return self.step_flop / rate / devices + moved + messages * latency * self.reductions

    @property
    def reductions(self) -> int:
        """Sums over devices in a step: one an update, and two for the mean of what it reports."""
        return sum(self.updates.values()) + 2


def cost(settings: Config) -> Cost:
    """Builds the model and takes one step on one batch; nothing is written.

    Raises:
        ValueError: As `tfgen.training.trial.take`.
    """
    stream, _ = experiment.batches(settings)
    with devices.precision(settings.run["precision"]):
        return _counted(settings, stream)


def _counted(settings, stream):
    model = trial.built(settings, stream)
    batch = next(iter(stream.from_step(0)))
    step = tf.function(lambda data: model.train_step(data), autograph=False)
    graph = step.get_concrete_function(batch).graph
    before = {name: int(inner(o).iterations) for name, o in model.optimizers.items()}
    step(batch)
    updates = {n: int(inner(o).iterations) - before[n] for n, o in model.optimizers.items()}
    gradients = {
        name: sum(_bytes(v) for v in inner(o)._trainable_variables)
        for name, o in model.optimizers.items()
    }
    slots = [v for o in model.optimizers.values() for v in o.variables]
    steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
    return Cost(
        parameters=record.parameters(model),
        rows=experiment.rows(settings),
        steps=steps * settings.fit["epochs"],
        # The parts of a step are the rounds of its loop.
        step_flop=flops.count(graph) * settings.fit["accumulate"],
        sample_flop=_of_sample(model),
        state_bytes=sum(_bytes(v) for v in {id(v): v for v in [*model.weights, *slots]}.values()),
        gradient_bytes=sum(gradients.values()),
        updates=updates,
        reduced_bytes=sum(gradients[name] * number for name, number in updates.items()),
    )


def lines(
    found: Cost,
    devices: tuple[int, ...] = (1,),
    rate: float | None = None,
    bandwidth: float = 1e9,
    latency: float = 5e-5,
    taken: trial.Trial | None = None,
) -> list[str]:
    """A cost in words; hours and images a second where a rate is given, or a trial has one."""
    weights = ", ".join(f"{name} {number:,}" for name, number in found.parameters.items())
    sample = "drawn in a loop" if found.sample_flop is None else _scaled(found.sample_flop, "FLOP")
    said = [
        f"weights     {weights}",
        f"step        {found.rows} rows, {_scaled(found.step_flop, 'FLOP')}; "
        + ", ".join(f"{name} {number}" for name, number in found.updates.items()),
        f"sample      {sample}",
        f"memory      weights and slots {_scaled(found.state_bytes, 'B')}, gradients "
        f"{_scaled(found.gradient_bytes, 'B')}; activations come on top",
        f"all-reduce  {_scaled(found.reduced_bytes, 'B')} a step, where devices share it",
        f"run         {found.steps:,} steps, {_scaled(found.steps * found.step_flop, 'FLOP')}",
    ]
    if taken is not None:
        reached, hours = found.step_flop / taken.seconds, taken.seconds * found.steps / 3600
        said.append(
            f"here        on one device {taken.seconds:.3g} s a step (mean of {taken.steps}), "
            f"{_scaled(reached, 'FLOP')}/s, {hours:.3g} h of steps"
        )
        if taken.peak_bytes is not None and taken.before_bytes is not None:
            said.append(
                f"            {_scaled(taken.peak_bytes, 'B')} of memory at its peak, "
                f"{_scaled(taken.before_bytes, 'B')} of these before the model was built"
            )
        rate = reached if rate is None else rate
    if rate is not None:
        alone = found.seconds(1, rate)
        for count in devices:
            seconds = found.seconds(count, rate, bandwidth, latency)
            said.append(
                f"on {count:<8} {found.rows / seconds:,.0f} images/s, "
                f"{seconds * found.steps / 3600:.3g} h, {alone / seconds / count:.0%} of {count} "
                "times one"
            )
    return said


def _of_sample(model: Any) -> float | None:
    signature = next((s for s in model.signatures().values() if s.drawable), None)
    if signature is None:
        return None
    names = list(signature.inputs)
    specs = [tf.TensorSpec((1, *i.shape), i.dtype, n) for n, i in signature.inputs.items()]
    one = tf.function(
        lambda *values: signature.fn(**dict(zip(names, values, strict=True))), autograph=False
    )
    graph = one.get_concrete_function(*specs).graph
    return None if flops.loops(graph) else flops.count(graph)


def _bytes(variable):
    return tf.as_dtype(variable.dtype).size * int(tf.TensorShape(variable.shape).num_elements())


def _scaled(number, unit):
    for size, name in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {name}{unit}"
    return f"{number:.3g} {unit}"
