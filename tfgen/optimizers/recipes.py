"""What the first papers' recipes need beside Keras: schedules of the rate and of momentum."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgen")
class GeometricDecay(keras.optimizers.schedules.LearningRateSchedule):
    """The rate divided by `factor` at every update, never below `floor`.

    Args:
        initial: Rate of the first update.
        factor: Above 1.
        floor: Lowest rate.
    """

    def __init__(self, initial: float = 0.1, factor: float = 1.000004, floor: float = 1e-6):
        self.initial = initial
        self.factor = factor
        self.floor = floor

    def __call__(self, step):
        rate = self.initial * ops.power(1.0 / self.factor, ops.cast(step, "float32"))
        return ops.maximum(rate, self.floor)

    def get_config(self):
        return {"initial": self.initial, "factor": self.factor, "floor": self.floor}


@keras.saving.register_keras_serializable("tfgen")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate that then falls linearly to 0.

    The recipe of Zhu et al. 2017 (CycleGAN) and of Choi et al. 2018 (StarGAN).

    Args:
        initial: Rate of the first `constant_steps` updates.
        constant_steps: Updates before the fall begins.
        decay_steps: Updates until the rate is 0, where it stays.
    """

    def __init__(
        self, initial: float = 2e-4, constant_steps: int = 100_000, decay_steps: int = 100_000
    ):
        if decay_steps < 1 or constant_steps < 0:
            raise ValueError(
                "`decay_steps` must be at least 1 and `constant_steps` at least 0. "
                f"Received: {decay_steps}, {constant_steps}."
            )
        self.initial = initial
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        fallen = (ops.cast(step, "float32") - self.constant_steps) / self.decay_steps
        return self.initial * (1.0 - ops.clip(fallen, 0.0, 1.0))

    def get_config(self):
        return {
            "initial": self.initial,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable("tfgen")
class RampedSGD(keras.optimizers.SGD):
    """Gradient descent with a momentum that rises linearly.

    The recipe of Goodfellow et al. 2014 and of Mirza and Osindero 2014.

    Args:
        learning_rate: Number or schedule.
        momentum: At the first update.
        final_momentum: From `ramp_steps` on.
        ramp_steps: Updates over which it rises.
    """

    def __init__(
        self,
        learning_rate=0.1,
        momentum: float = 0.5,
        final_momentum: float = 0.7,
        ramp_steps: int = 125_000,
        name: str = "ramped_sgd",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, momentum=momentum, name=name, **kwargs)
        self.final_momentum = final_momentum
        self.ramp_steps = ramp_steps

    def update_step(self, gradient, variable, learning_rate):
        done = ops.minimum(ops.cast(self.iterations, "float32") / self.ramp_steps, 1.0)
        momentum = self.momentum + (self.final_momentum - self.momentum) * done
        velocity = self.momentums[self._get_variable_index(variable)]
        step = ops.cast(learning_rate, variable.dtype) * ops.cast(gradient, variable.dtype)
        self.assign(velocity, ops.cast(momentum, variable.dtype) * velocity - step)
        self.assign_add(variable, velocity)

    def get_config(self):
        own = {"final_momentum": self.final_momentum, "ramp_steps": self.ramp_steps}
        return {**super().get_config(), **own}
