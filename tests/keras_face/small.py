"""What both files of tests make: a tiny model compiled, and pictures for it."""

from tests.tiny import TINY


def compiled(name, **arguments):
    model = TINY[name].build()
    model.compile(run_eagerly=True, **arguments)
    return model


def pictures(name="vae", rows=8):
    return TINY[name].batch(rows)["image"]
