"""Experiments as files and runs as folders: everything around `fit`.

    settings = tfgen.training.config.load("configs/gan_digits.yaml", ["fit.epochs=5"])
    tfgen.training.train(settings, "runs/gan")

`config` reads and checks YAML, `experiment` makes model and data of it, `run` trains into a folder
and continues exactly where it stood, from `checkpoints`; `record` is what a folder says of itself,
`callbacks` what happens between steps, `devices` replicas and precision, and `doctor` watches the
game of a GAN. `recipe` writes a config for a folder of pictures, `trial` tells how long a step
takes. The training step itself is the model's. Importing this package does not import
TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "config": (
            "Config",
            "ConfigError",
        ),
        "doctor": ("TrainingDoctor",),
        "errors": (
            "Interrupted",
            "TrainingError",
        ),
        "run": (
            "Run",
            "dry_run",
            "load",
            "read",
            "train",
        ),
    },
)
