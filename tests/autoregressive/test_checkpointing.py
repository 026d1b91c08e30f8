"""Blocks computed again for their gradient: the same weights and draws, in less memory."""

import subprocess
import sys
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tests.batches.test_accumulation import agree, fit
from tests.tiny import TINY
from tfgen.autoregressive.checkpointing import block
from tfgen.construct import ConfigError
from tfgen.step import drawing, draws
from tfgen.training import config, devices, experiment

# Those of pictures in colour have labels, and so has pixelcnnpp, with dropout besides.
TAKEN = (
    "pixelcnn",
    "pixelcnn_rgb",
    "gatedpixelcnn_rgb",
    "pixelcnnpp",
    "pixelrnn",
    "pixelrnn_row_rgb",
    pytest.param("pixelcnnpp_halvings", marks=pytest.mark.slow),
)


def trained(name, checkpointing, **compiled):
    model = TINY[name].build()
    model.compile(**{"run_eagerly": True, **compiled})
    model.gradient_checkpointing = checkpointing
    return model, fit(model, TINY[name], steps=2)


@pytest.mark.parametrize("name", TAKEN)
def test_the_weights_are_those_without(name):
    plain, expected = trained(name, False)
    model, reported = trained(name, True)
    agree(plain, model, 1e-6)
    for key, values in expected.items():
        np.testing.assert_allclose(reported[key], values, rtol=1e-6, err_msg=key)


GRAPHS = [
    pytest.param(name, compiled, id=f"{name}-{how}", marks=marks)
    for name in ("pixelcnn", "pixelcnnpp", "pixelrnn")
    for how, compiled in (("graph", {}), ("xla", {"jit_compile": True}))
    for marks in [() if name == "pixelcnn" else pytest.mark.slow]
]


@pytest.mark.parametrize(("name", "compiled"), GRAPHS)
def test_a_graph_trains_the_same(name, compiled):
    plain, _ = trained(name, False)
    model, _ = trained(name, True, run_eagerly=False, **compiled)
    agree(plain, model)


@pytest.mark.slow
def test_replicas_train_as_one_device(strategy):
    plain, _ = trained("pixelcnnpp", False)
    with strategy.scope():
        model = TINY["pixelcnnpp"].build()
        model.compile()
    model.gradient_checkpointing = True
    fit(model, TINY["pixelcnnpp"], steps=2)
    agree(plain, model)


@pytest.mark.parametrize("name", TAKEN)
def test_every_block_is_computed_once_more(name, monkeypatch):
    # A block has convolutions of its own: what a step does beside is the same with and without.
    def convolutions(checkpointing):
        model = TINY[name].build()
        model.compile()
        model.gradient_checkpointing = checkpointing
        batch = {k: tf.constant(v) for k, v in TINY[name].batch(4, 0).items()}
        step = tf.function(model.train_step, autograph=False).get_concrete_function(batch)
        graphs = [step.graph, *step.graph._functions.values()]
        graphs = [getattr(g, "graph", g) for g in graphs]
        return sum(o.type == "Conv2D" for g in graphs for o in g.get_operations())

    assert convolutions(True) > convolutions(False)


@pytest.mark.parametrize(
    ("name", "eager"),
    [
        ("pixelcnnpp", True),
        ("gatedpixelcnn", False),
        pytest.param("pixelcnnpp", False, marks=pytest.mark.slow),
    ],
)
def test_with_parts_of_a_batch(name, eager):
    plain, _ = trained(name, False)
    model = TINY[name].build()
    model.compile(run_eagerly=eager)
    model.accumulate, model.gradient_checkpointing = 2, True
    fit(model, TINY[name], steps=2)
    agree(plain, model)


def test_in_half_precision():
    with devices.precision("mixed_bfloat16"):
        plain, _ = trained("gatedpixelcnn_rgb", False)
        model, _ = trained("gatedpixelcnn_rgb", True)
    agree(plain, model, 1e-7)


def test_a_draw_is_the_same_both_times_and_the_next_one_is_another():
    seen = []

    def noisy(x):
        seen.append(draws().uniform("noise", [4]))
        return x * seen[-1]

    with drawing(0, 0, "train") as current:
        current.recompute = True
        x = tf.ones(4)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = block(noisy, x) + block(noisy, x)
        gradient = tape.gradient(y, x)
        following = draws().uniform("noise", [4])
    with drawing(0, 0, "train"):
        expected = [draws().uniform("noise", [4]) for _ in range(3)]
    first, second, *again = seen
    np.testing.assert_array_equal([first, second, following], expected)
    np.testing.assert_array_equal(gradient, first + second)
    assert len(again) == 2  # Each once more, for its gradient.


def test_a_step_that_is_traced_takes_the_change():
    model, _ = trained("pixelcnn", False, run_eagerly=False)
    traced = model.train_function
    model.gradient_checkpointing = True
    assert model.train_function is not traced
    model.gradient_checkpointing = False
    fit(model, TINY["pixelcnn"], steps=1)


def test_models_without_blocks_refuse_it():
    model = TINY["vae"].build()
    with pytest.raises(ValueError, match="VAE has no blocks to compute again: .*pixelcnn"):
        model.gradient_checkpointing = True
    model.gradient_checkpointing = False
    values = {"model": {"name": "vae"}, "data": {"name": "digits", "batch_size": 4}}
    settings = config.parse({**values, "fit": {"gradient_checkpointing": True}})
    with pytest.raises(ConfigError, match=r"fit\.gradient_checkpointing: .*VAE"):
        experiment.build(settings)


def test_what_lies_between_is_not_kept_by_an_eager_step():
    seen = []

    def function(x):
        seen.append(weakref.ref(between := tf.exp(x)))
        return tf.exp(between)

    with drawing(0, 0, "train") as current, tf.GradientTape() as tape:
        current.recompute, x = True, tf.zeros(4)
        tape.watch(x)
        y = block(function, x)
    assert seen[0]() is None
    np.testing.assert_allclose(tape.gradient(y, x), np.full(4, np.e), rtol=1e-6)


PEAK = """
import sys
import numpy as np, tensorflow as tf
import tfgen
from tfgen.training.trial import peak
tf.config.threading.set_inter_op_parallelism_threads(int(sys.argv[2]))
model = tfgen.models.GatedPixelCNN((28, 28, 1), filters=16, blocks=12, head_filters=8)
model.compile()
model.gradient_checkpointing = sys.argv[1] == "True"
images = tf.data.Dataset.from_tensors(np.ones((64, 28, 28, 1), "float32")).repeat(2)
model.fit(images, verbose=0)
print(peak())
"""


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_memory_is_less(threads):
    def peak(checkpointing):
        command = [sys.executable, "-c", PEAK, str(checkpointing), str(threads)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert peak(True) < peak(False) - 100e6
