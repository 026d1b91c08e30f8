"""Errors that end a run. This module imports without TensorFlow."""


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says from where it can be continued."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop, and its checkpoint is written."""

    def __init__(self, number: int, step: int):
        super().__init__(f"stopped at step {step}, which is saved; the same command continues.")
        self.signal = number
