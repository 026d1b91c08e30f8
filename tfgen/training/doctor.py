"""The training doctor: a Keras callback that examines an adversarial training, in words.

    doctor = TrainingDoctor(probe=next(iter(batches)), folder="runs/mine", stop_on=("collapse",))
    model.fit(batches, epochs=100, callbacks=[doctor])

Its numbers join the epoch's, so they are in `History`, in TensorBoard and, in a run, in
metrics.jsonl; what it says goes to metrics.jsonl and TensorBoard as text. It works on what a model
serves (`signatures()`), so with every model that has a discriminator, and draws from seeds of its
own: a training with the doctor is bit for bit the training without, as long as it does not
intervene.
"""

import contextlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import files
from tfgen.optimizers import inner
from tfgen.step import as_batch
from tfgen.training import diagnosis

# Numbers of the training steps that are judged, and reported by the model itself.
SAID = ("real_probability", "fake_probability")

NO_STEP = -1.0  # In place of the norm of a gradient.


class TrainingDoctor(keras.callbacks.Callback):
    """Examines a training at every so many epochs or steps.

    Measured on a fixed probe batch and as many samples of fixed seeds, with the networks as they
    are served (moving averages of batch normalisation): discriminator_accuracy, logit_gap,
    real_logit, fake_logit, diversity, feature_variance, ms_ssim, real_ms_ssim, mean_difference
    (see `tfgen.training.diagnosis`). Of each player: gradient_norm/<player> of its last step, and
    update/<player>, the distance that its weights have moved since the last examination, over
    their norm.

    Args:
        probe: A batch of real data as `fit` takes it, at least two pictures; held-out data is best.
        epochs: Between examinations.
        steps: Between further examinations within an epoch; None for none.
        folder: Of a run, whose metrics.jsonl and tensorboard/ get the findings, made where there
            is none; None for neither.
        generate: Name of the served function that makes pictures; by default the first.
        discriminate: Name of the one whose first output is the logit.
        stop_on: Names in `tfgen.training.diagnosis.FINDINGS` that end the training, or "all".
        patience: Examinations in a row that must agree before the doctor intervenes; what is not
            finite is acted upon at once.
        balance: Whether "discriminator_wins" and "discriminator_blind" change the model's
            `generator_steps` and `discriminator_steps`. The change is noted in metrics.jsonl and
            holds when the run is continued with a doctor.
        batch_size: Of the training, on each replica: `discriminator_steps` is raised to its
            divisors only. Without it, it is never raised above what the model began with.
        most_steps: Of either player in one training step.
        say: Called with each finding; None for silence.
        of_run: Whether a run keeps what is found (`noted`): nothing is written here or put into
            the epoch's numbers, MS-SSIM is not measured, and a finding is said when it has lasted
            `patience` examinations and not again until it has gone; little diversity is not said.

    Attributes:
        findings: Of the last examination.
        measured: Its numbers.
        stopped: Whether it has ended the training.
        noted: What a run keeps of the epoch that ends, {} for one without an examination.

    Raises:
        ValueError: An unknown finding, a probe of fewer than two pictures, or, when training
            begins, a model without the served function.
    """

    def __init__(
        self,
        probe: Any,
        epochs: int = 1,
        steps: int | None = None,
        folder: Path | str | None = None,
        generate: str | None = None,
        discriminate: str = "discriminate",
        stop_on: Sequence[str] | str = (),
        patience: int = 3,
        balance: bool = False,
        batch_size: int | None = None,
        most_steps: int = 5,
        say: Callable[[str], Any] | None = print,
        of_run: bool = False,
    ):
        super().__init__()
        self.probe = {k: np.asarray(v) for k, v in as_batch(probe).items()}
        self.rows = len(next(iter(self.probe.values())))
        if self.rows < 2:
            raise ValueError(f"`probe` must hold at least two pictures. Received: {self.rows}.")
        self.epochs, self.steps = epochs, steps
        self.folder = None if folder is None else Path(folder)
        self.generate, self.discriminate = generate, discriminate
        self.stop_on = tuple(diagnosis.FINDINGS) if stop_on == "all" else tuple(stop_on)
        for name in self.stop_on:
            if name not in diagnosis.FINDINGS:
                known = ", ".join(diagnosis.FINDINGS)
                raise ValueError(f"`stop_on`: unknown finding {name!r}. Known: {known}.")
        self.patience, self.balance = patience, balance
        self.batch_size, self.most_steps = batch_size, most_steps
        self.say, self.of_run = say, of_run
        self.findings, self.measured, self.streaks = [], {}, {}
        self.noted: dict[str, Any] = {}
        self.attached = self.stopped = False

    def on_train_begin(self, logs=None):
        self.leaves = not self.attached
        if not self.attached:
            self.attach(self.model)

    def on_train_end(self, logs=None):
        if self.leaves:
            self.detach()

    def attach(self, model: keras.Model) -> None:
        """Begins to watch a model's players: for several calls of `fit`, else `fit` does it."""
        self.set_model(model)
        self.attached = True
        table = self.model.signatures()
        self.maker = self.generate or next(iter(table))
        if self.maker not in table:
            raise ValueError(f"`generate`: unknown {self.maker!r}. Known: {', '.join(table)}.")
        self.critic = self.discriminate if self.discriminate in table else None
        self.loss = getattr(self.model, "loss", None)
        self.loss = self.loss if isinstance(self.loss, str) else None
        self._restore_steps()
        self.norms = {}
        for name, optimizer in self.model.optimizers.items():
            self.norms[_player(name)] = _watch(self.model, optimizer)
        self.model.make_train_function(force=True)
        self.weights = self._weights()

    def detach(self) -> None:
        """Leaves the model as it was."""
        self.attached = False
        for optimizer in self.model.optimizers.values():
            del optimizer.apply  # The class's own is behind it.
        self.model.train_function = None

    def on_train_batch_end(self, batch, logs=None):
        if any(not math.isfinite(value) for value in (logs or {}).values()):
            self.measured = dict(logs)
            self._conclude(epoch=None)
        elif self.steps and int(self.model.step.numpy()) % self.steps == 0:
            self.examine(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.noted = {}

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.epochs == 0:
            self.examine(logs, epoch + 1)

    def examine(
        self, logs: dict | None = None, epoch: int | None = None
    ) -> list[diagnosis.Finding]:
        """Measures, concludes, and puts the numbers that are finite into `logs`."""
        reported = logs or {}
        said = {k: float(reported[k]) for k in SAID if k in reported}
        self.measured = {**self._players(), **self._probe(), **said}
        numbers = {
            f"doctor/{k}": v for k, v in self.measured.items() if math.isfinite(v) and k not in SAID
        }
        if self.of_run:
            # A resumed epoch has lost the weights that "update/..." counts from.
            self.noted = {k: v for k, v in numbers.items() if "update/" not in k}
        elif logs is not None:
            logs.update(numbers)
        self._conclude(epoch)
        return self.findings

    def _players(self):
        weights, measured = self._weights(), {}
        for player, values in weights.items():
            norm = float(self.norms[player].numpy())
            self.norms[player].assign(NO_STEP)
            if norm == NO_STEP:  # A player that has its turn at another time.
                continue
            moved = np.linalg.norm(values - self.weights[player])
            measured[f"update/{player}"] = float(moved / max(float(np.linalg.norm(values)), 1e-12))
            measured[f"gradient_norm/{player}"] = norm
        self.weights = weights
        return measured

    def _weights(self):
        """Player -> all its weights as one vector."""
        return {
            _player(name): np.concatenate(
                [np.ravel(v.numpy()) for v in inner(optimizer)._trainable_variables],
                dtype=np.float64,
            )
            for name, optimizer in self.model.optimizers.items()
        }

    def _probe(self):
        """What the served functions do with the probe."""
        real, inputs = self.probe["image"], self.model.signatures()[self.maker].inputs
        given = self._given(inputs)
        # What is made of the real pictures themselves, as by a translator, is no sample.
        if "image" in given or any(
            n not in given and not i.distribution for n, i in inputs.items()
        ):
            return {}
        feeds = self.model.signatures()[self.maker].draw(range(self.rows), **given)
        made = next(iter(self.model.call_signature(self.maker, feeds).values())).numpy()
        if not np.isfinite(made).all():
            return {"samples": math.nan}
        shown = _shrunk(real, made.shape[1:3])
        measured = (
            {} if shown is None else diagnosis.of_samples(shown, made, similar=not self.of_run)
        )
        names = self.model.signatures()[self.critic].inputs if self.critic else {}
        if self.critic is None or self._given(names).keys() != names.keys():
            return measured
        of_real, of_fake = (
            next(iter(self.model.call_signature(self.critic, batch).values()))
            for batch in (
                {name: self.probe[name] for name in names},
                {name: {**self.probe, "image": made}[name] for name in names},
            )
        )
        return {**measured, **diagnosis.of_logits(of_real, of_fake, self.loss)}

    def _given(self, inputs):
        """What the probe has of a signature's inputs."""
        ranks = {name: len(given.shape) + 1 for name, given in inputs.items()}
        has = [n for n in ranks if n in self.probe]
        return {n: self.probe[n] for n in has if self.probe[n].ndim == ranks[n]}

    def _conclude(self, epoch):
        self.findings = diagnosis.diagnose(self.measured, self.loss, self.model)
        names = [finding.name for finding in self.findings]
        self.streaks = {name: self.streaks.get(name, 0) + 1 for name in names}
        due = [n for n in names if n == "not_finite" or self.streaks[n] == self.patience]
        lasting = [n for n in names if n == "not_finite" or self.streaks[n] >= self.patience]
        actions = self._rebalance(lasting) if self.balance else []
        if any(name in self.stop_on for name in lasting):
            self.model.stop_training = self.stopped = True
            actions.append("training stopped")
        if self.say:
            told = [f for f in self.findings if not self.of_run or f.name in due]
            if self.of_run:  # Every young training has it.
                told = [f for f in told if f.name != "little_diversity"]
            for line in [*map(str, told), *actions]:
                self.say(f"doctor, step {int(self.model.step.numpy())}: {line}")
        if not self.findings and not actions:
            return
        note = {
            "findings": [vars(finding) for finding in self.findings],
            "actions": actions,
            "discriminator_steps": getattr(self.model, "discriminator_steps", None),
            "generator_steps": getattr(self.model, "generator_steps", None),
        }
        if self.of_run:
            self.noted["doctor"] = note
        elif self.folder is not None:
            self._write(self.folder, epoch, note)

    def _rebalance(self, lasting):
        """Another ratio of steps, if one of the two is losing; what was done, in words."""
        model = self.model
        if not hasattr(model, "generator_steps") or not hasattr(model, "discriminator_steps"):
            return []
        before = model.discriminator_steps, model.generator_steps
        if "discriminator_wins" in lasting:
            if model.discriminator_steps > 1:
                self._set_steps(self._fitting(model.discriminator_steps, -1), model.generator_steps)
            else:
                self._set_steps(1, min(model.generator_steps + 1, self.most_steps))
        elif "discriminator_blind" in lasting:
            if model.generator_steps > 1:
                self._set_steps(model.discriminator_steps, model.generator_steps - 1)
            else:
                self._set_steps(self._fitting(model.discriminator_steps, +1), 1)
        after = model.discriminator_steps, model.generator_steps
        if after == before:
            return []
        self.streaks = {}  # The new ratio gets its time.
        return [
            f"discriminator_steps:generator_steps {before[0]}:{before[1]} -> {after[0]}:{after[1]}"
        ]

    def _fitting(self, steps, direction):
        """The next number of discriminator steps by which the batch can be divided."""
        rows = self.batch_size or steps
        wanted = range(steps + direction, self.most_steps + 1 if direction > 0 else 0, direction)
        return next((n for n in wanted if rows % n == 0), steps)

    def _set_steps(self, discriminator_steps, generator_steps):
        self.model.discriminator_steps = discriminator_steps
        self.model.generator_steps = generator_steps
        self.model.make_train_function(force=True)

    def _write(self, folder, epoch, note):
        step = int(self.model.step.numpy())
        line = {"step": step, "epoch": epoch, "doctor": note}
        folder.mkdir(parents=True, exist_ok=True)
        files.append_line(folder / "metrics.jsonl", json.dumps(line, allow_nan=False))
        writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
        with writer.as_default(step=step):
            tf.summary.text("doctor", in_words(note))
        writer.close()

    def _restore_steps(self):
        """The ratio that a doctor of the same run has left."""
        path = None if self.folder is None else self.folder / "metrics.jsonl"
        if not self.balance or path is None or not path.exists():
            return
        now = int(self.model.step.numpy())
        for text in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # Killed in the middle of a line.
                line = files.parsed(text)
                if "doctor" in line and line["step"] <= now:
                    note = line["doctor"]
                    self.model.discriminator_steps = note["discriminator_steps"]
                    self.model.generator_steps = note["generator_steps"]


def in_words(note: dict) -> str:
    """Findings and actions of a note, as paragraphs."""
    found = [f"{finding['says']} Try: {finding['advice']}" for finding in note["findings"]]
    return "\n\n".join([*found, *note["actions"]])


def _shrunk(images, sides):
    """Images averaged down to the sides of a model that still grows; None if that cannot be."""
    rows, height, width, channels = images.shape
    if sides[0] == 0 or height % sides[0] or height // sides[0] != width / sides[1]:
        return None
    n = height // sides[0]
    return images.reshape(rows, sides[0], n, sides[1], n, channels).mean((2, 4))


def _player(optimizer_name):
    return optimizer_name.removesuffix("_optimizer")


def _watch(model, optimizer):
    """A variable that holds the norm of the optimizer's last gradient, from now on."""
    with model.distribute_strategy.scope():
        norm = tf.Variable(
            NO_STEP, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
    apply = type(optimizer).apply

    def watching(gradients, trainable_variables=None):
        # Of the whole batch: `tfgen.optimizers.update` has summed what the replicas found.
        scale = 1.0 / tf.cast(getattr(optimizer, "dynamic_scale", 1.0), tf.float32)
        known = [tf.cast(g, tf.float32) for g in gradients if g is not None]
        norm.assign(scale * tf.linalg.global_norm(known))
        return apply(optimizer, gradients, trainable_variables)

    optimizer.apply = watching
    return norm
