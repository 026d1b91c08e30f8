"""Data, counts and attributes that a model is given: they mean something or are refused at once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.keras_face.small import compiled, pictures
from tests.tiny import TINY
from tfgen import data


@pytest.fixture(scope="module")
def models():
    return {name: compiled(name) for name in ("dcgan", "vae")}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, x: m.fit(), "array of pictures.*Received: nothing"),
        (lambda m, x: m.fit("mnist-5k"), "'mnist-5k', a name: tfgen.data.load"),
        (lambda m, x: m.fit(data.array(x)), r"tfgen.data.batches\(source, 64\)"),
        (lambda m, x: m.fit(list(x)), "a list of 8: make one array"),
        (lambda m, x: m.fit((x, x)), "a tuple of 2: make one array"),
        (lambda m, x: m.fit(x.astype(object)), "an array of dtype object"),
        (lambda m, x: m.fit({"image": x.astype(object)}), "'image' must be an array of floats"),
        (lambda m, x: m.fit({"image": "x.npy"}), "'image' must be an array .* Received: a str"),
        (lambda m, x: m.fit({"image": x, "label": np.zeros(7, int)}), "8, 'label' has 7"),
        (lambda m, x: m.fit({"image": x}, np.zeros(8, int)), "'image', 'label'}, and `y`"),
        (lambda m, x: m.fit({"images": x}), "Unknown key .* 'image'. Did you mean 'images'"),
        (lambda m, x: m.fit(x, x), "these models need no targets"),
        (lambda m, x: m.fit(x, epochs=1.5), "`epochs` of .* of 0 or more. Received: 1.5"),
        (lambda m, x: m.fit(x, epochs=-1), "`epochs` of .* of 0 or more. Received: -1"),
        (lambda m, x: m.fit(x, batch_size=0), "`batch_size` of .* of 1 or more. Received: 0"),
        (lambda m, x: m.fit(x, batch_size=2.0), "`batch_size` of .* 1 or more. Received: 2.0"),
        (lambda m, x: m.fit(x, steps_per_epoch=-1), "`steps_per_epoch` of .* Received: -1"),
        (lambda m, x: m.fit(x, callbacks=[None]), "takes callbacks of Keras. Received: None"),
        (lambda m, x: m.fit(x, callbacks=["x"]), "takes callbacks of Keras. Received: 'x'"),
        (lambda m, x: m.compile(steps_per_execution=0), "`steps_per_execution` must be"),
        (lambda m, x: m.quantize("int8"), "has no `quantize`"),
        (lambda m, x: setattr(m, "optimizer", keras.optimizers.SGD()), "`optimizer` .* be set"),
        (lambda m, x: setattr(m, "seed", 9), "`seed` .* cannot be changed once the model is"),
        (lambda m, x: setattr(m, "latent_dim", 9), "`latent_dim` .* cannot be changed once"),
        (lambda m, x: m.sample([1], batch_size="2"), "`batch_size` must be at least 1"),
        (lambda m, x: m.sample([1], batch_size=1.5), "`batch_size` must be at least 1"),
        (lambda m, x: m.call_signature("generate", {"z": tf.zeros((1, 9))}), "must have shape"),
    ],
)
@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_what_means_nothing_is_refused(models, name, call, said):
    with pytest.raises(ValueError, match=said) as refused:
        call(models[name], pictures(name))
    assert "\n" not in str(refused.value)
    assert int(models[name].step) == 0


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_batches_of_which_a_filter_leaves_none():
    model, none = compiled("vae"), tf.data.Dataset.from_tensors(pictures()).filter(nothing)
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="The data hold no examples"):
            call(none, verbose=0)


def nothing(batch):
    return tf.constant(False)


def test_tensors_are_checked_as_arrays_are():
    model = compiled("conditionalgan")
    feeds = model.signatures()["generate"].draw([0, 1], label=[0, 1])
    drawn = model.call_signature("generate", feeds)["image"]
    tensors = {name: tf.constant(value) for name, value in feeds.items()}
    np.testing.assert_array_equal(model.call_signature("generate", tensors)["image"], drawn)
    for change, said in (
        ({"label": tf.constant([0, 99])}, "must lie in 0 .. 2"),
        ({"z": tensors["z"] * np.nan}, "must be finite"),
        ({"z": tensors["z"][0]}, "must have shape"),
    ):
        with pytest.raises(ValueError, match=said):
            model.call_signature("generate", {**tensors, **change})


def test_an_optimizer_of_another_model_is_refused():
    model, one = compiled("vae"), keras.optimizers.Adam()
    model.compile(one, run_eagerly=True)
    model.compile(one, run_eagerly=True)
    with pytest.raises(ValueError, match="This Adam holds the slots of other weights") as refused:
        TINY["vae"].build().compile(one)
    assert "\n" not in str(refused.value)


def test_a_generator_at_rest_keeps_its_weights_and_its_statistics():
    model = TINY["dcgan"].build()
    model.generator.trainable = False
    model.compile(run_eagerly=True)
    before = model.generator.get_weights()
    model.fit(pictures("dcgan"), verbose=0)
    assert int(model.step) == 1
    for one, other in zip(model.generator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    "batches",
    [
        lambda x: (part for part in (x, x)),
        lambda x: ([part] for part in (x, x)),
        lambda x: iter([{"image": x}, {"image": x}]),
        lambda x: map(lambda part: (part, np.zeros(8, int)), (x, x)),
    ],
    ids=["arrays", "lists", "iterator", "pairs"],
)
def test_any_iterator_of_batches_trains(batches):
    model = compiled("vae")
    model.fit(batches(pictures()), verbose=0)
    assert int(model.step) == 2


def test_labels_may_be_a_list():
    model = compiled("conditionalgan")
    model.fit(pictures("conditionalgan"), [0, 1, 2, 0, 1, 2, 0, 1], verbose=0)
    assert int(model.step) == 1


def test_numbers_of_steps_may_change_and_are_taken():
    model = compiled("gan")
    taken = model.discriminator_optimizer.iterations
    model.fit(pictures("gan"), batch_size=8, verbose=0)
    model.discriminator_steps = 2
    before = int(taken)
    model.fit(pictures("gan"), batch_size=8, verbose=0)
    assert int(taken) - before == 2
