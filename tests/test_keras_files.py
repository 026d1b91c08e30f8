"""What `model.save` and `load_model` keep: the compilation, and with it slots and averages."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.models import MODELS

# One and several players, a pool, stages, a frozen network; the others' with `make slow`.
ALWAYS = ("vae", "gan", "cyclegan", "progan", "texttoimage")
models = [pytest.param(n, marks=() if n in ALWAYS else pytest.mark.slow) for n in MODELS]


@pytest.mark.parametrize("name", models)
def test_a_loaded_model_goes_on_as_the_saved_one(name, tmp_path):
    tiny = TINY[name]
    model = tiny.build()
    model.compile(run_eagerly=True)
    averaging = {
        n: type(o).from_config({**o.get_config(), "use_ema": True, "ema_momentum": 0.5})
        for n, o in model.optimizers.items()
    }
    model.compile(**averaging, run_eagerly=True)
    stream = tf.data.Dataset.from_tensors(tiny.batch(8))
    model.fit(stream.repeat(2), verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.run_eagerly and int(loaded.step) == 2
    assert list(loaded.optimizers) == list(model.optimizers)
    for key, optimizer in model.optimizers.items():
        other = loaded.optimizers[key]
        assert type(other) is type(optimizer) and other.get_config() == optimizer.get_config()
        for one, two in zip(optimizer.variables, other.variables, strict=True):
            np.testing.assert_array_equal(one, two)
    with model.averaged(), loaded.averaged():
        for one, two in zip(model.weights, loaded.weights, strict=True):
            np.testing.assert_array_equal(one, two)
    assert loaded.fit(stream, verbose=0).history == model.fit(stream, verbose=0).history
    for one, two in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(one, two)
