"""What a SavedModel holds, and the state of the model that it is made from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen.export
from tests.export.network import Network, Serves, pictures
from tfgen.export import ExportError, endpoints, warmup
from tfgen.signature import Input, Signature


def test_saved_model_alone(tmp_path):
    model = Network()
    path = tfgen.export.saved_model(model, tmp_path / "exports" / "1")
    assert path == tmp_path / "exports" / "1"
    assert [p.name for p in path.parent.iterdir()] == ["1"]
    loaded = tf.saved_model.load(str(path))
    assert set(loaded.signatures) == {
        *("generate", "discriminate", "sample", "serving_default"),
        *("generate_png", "discriminate_png", "sample_png"),
        *("sample_label", "sample_label_png"),
    }
    feeds = model.signatures()["generate"].draw([5])
    default = loaded.signatures["serving_default"](**{k: tf.constant(v) for k, v in feeds.items()})
    np.testing.assert_allclose(default["image"], model.sample([5]), atol=1e-6)
    # Nothing but the weights that are served: no optimizer slots, no step, no metrics.
    stored = [name for name, _ in tf.train.list_variables(str(path / "variables" / "variables"))]
    weights = [n for n in stored if n.endswith("VARIABLE_VALUE")]
    assert len(weights) == len(model.generator.weights + model.discriminator.weights)
    with pytest.raises(ExportError, match="exists"):
        tfgen.export.saved_model(model, path)
    replay_warmup(path, loaded)


def replay_warmup(path, loaded):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    records = tf.data.TFRecordDataset(str(path / "assets.extra" / "tf_serving_warmup_requests"))
    seen = set()
    for record in records.as_numpy_iterator():
        log = logs.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        name = request.model_spec.signature_name
        feeds = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        assert all(len(value) == 1 for value in feeds.values())
        loaded.signatures[name](**{key: tf.constant(value) for key, value in feeds.items()})
        seen.add(name)
    assert seen == set(loaded.signatures) - {"serving_default"}


def test_huge_signatures_are_not_warmed_up(tmp_path):
    small, huge = np.zeros((1, 4), np.float32), np.zeros((1, warmup.LARGEST + 1), np.float32)
    warmup.write(tmp_path, {"small": {"z": small}, "huge": {"z": huge}})
    records = tf.data.TFRecordDataset(str(tmp_path / "assets.extra" / "tf_serving_warmup_requests"))
    assert len(list(records)) == 1


@pytest.mark.parametrize("value", [0, 127, 128, 300, 1 << 21])
def test_varint(value):
    from google.protobuf.internal.encoder import _VarintBytes

    assert warmup.varint(value) == _VarintBytes(value)


def test_averages_are_exported_and_weights_kept(tmp_path):
    model = Network()
    model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(pictures(12), batch_size=4, verbose=0)
    before = [w.numpy() for w in model.weights]
    raw = model.call_signature("generate", model.signatures()["generate"].draw([1]))["image"]
    path = tfgen.export.saved_model(model, tmp_path / "1")
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    sample = tf.saved_model.load(str(path)).signatures["sample"]
    got = sample(seed=tf.constant([1], tf.int64))["image"]
    np.testing.assert_allclose(got, model.sample([1]), atol=1e-5)
    assert np.abs(got - raw).max() > 1e-3


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_left_behind(policy):
    reference = Network()
    keras.config.set_dtype_policy(policy)
    model = Network()
    model.set_weights(reference.get_weights())
    feeds = model.signatures()["generate"].draw(range(4))
    half = model.call_signature("generate", feeds)["image"]
    with endpoints.exporting(model):
        served = endpoints.endpoints(model)["generate"].function
        exact = served(**{k: tf.constant(v) for k, v in feeds.items()})["image"]
        inside = model.call_signature("generate", feeds)["image"]
    expected = reference.call_signature("generate", feeds)["image"]
    assert exact.dtype == tf.float32
    np.testing.assert_allclose(exact, expected, atol=1e-6)
    np.testing.assert_allclose(inside, expected, atol=1e-6)
    assert model.generator.layers[0].dtype_policy.name == policy
    np.testing.assert_array_equal(model.call_signature("generate", feeds)["image"], half)


def test_replicated_weights(strategy, tmp_path):
    with strategy.scope():
        model = Network()
    path = tfgen.export.saved_model(model, tmp_path / "1")
    sample = tf.saved_model.load(str(path)).signatures["sample"]
    got = sample(seed=tf.constant([1], tf.int64))["image"]
    np.testing.assert_allclose(got, Network().sample([1]), atol=1e-5)


@pytest.mark.parametrize("name", ["sample", "serving_default", "generate_png"])
def test_reserved_names(name, tmp_path):
    signature = Signature(lambda z: {"y": z}, {"z": Input.noise(2)})
    with pytest.raises(ExportError, match=f"{name}.*is taken"):
        tfgen.export.saved_model(Serves({name: signature}), tmp_path / "1")


def test_a_seed_and_a_condition(tmp_path):
    loaded = written(Network(), tmp_path)
    seed, label = tf.constant([0, 5], tf.int64), tf.constant([2, 1])
    got = loaded.signatures["sample_label"](seed=seed, label=label)["image"]
    np.testing.assert_allclose(got, Network().sample([0, 5], label=[2, 1]), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'label.* must lie in 0 .. 3"):
        loaded.signatures["sample_label"](seed=seed, label=label + 2)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"z": Input.noise(2)}, [()]),
        ({"z": Input.noise(2), "label": Input.label(3)}, [(), ("label",)]),
        ({"z": Input.noise(2), "text": Input.text()}, [("text",)]),
        (
            {"z": Input.noise(2), "code": Input.label(3), "label": Input.label(2)},
            [(), ("code",), ("label",), ("code", "label")],
        ),
        ({"image": Input.image((4, 4, 1))}, []),
        ({"label": Input.label(3)}, [()]),
        ({"z": Input((2,)), "label": Input.label(3)}, [("z",)]),
    ],
)
def test_what_is_drawn_and_what_is_given(inputs, expected):
    assert endpoints.conditioned(Signature(lambda: {}, inputs)) == expected


def test_a_layer_of_keras_takes_a_dict(tmp_path):
    model = Network()
    written(model, tmp_path)
    layer = keras.layers.TFSMLayer(str(tmp_path / "1"), call_endpoint="generate")
    feeds = model.signatures()["generate"].draw([0, 1], label=[3, 2])
    np.testing.assert_allclose(layer(feeds)["image"], model.sample([0, 1], label=[3, 2]), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'z.* must have shape .N, 6."):
        layer({**feeds, "z": np.zeros((2, 5), np.float32)})
    label = keras.Input((), dtype="int32", name="label")
    symbolic = {"z": keras.Input((6,), name="z"), "label": label}
    assert layer(symbolic)["image"].shape == (None, 8, 8, 3)
    built = keras.Model(symbolic, layer(symbolic))
    np.testing.assert_allclose(built(feeds)["image"], layer(feeds)["image"], atol=1e-6)
    critic = keras.layers.TFSMLayer(str(tmp_path / "1"), call_endpoint="discriminate")
    images = pictures(2)
    np.testing.assert_array_equal(critic(images)["logit"], critic({"image": images})["logit"])


def written(model, folder):
    """The SavedModel as it is written, not verified."""
    endpoints.write(endpoints.endpoints(model), folder / "1")
    return tf.saved_model.load(str(folder / "1"))


def test_no_signatures_and_no_dict(tmp_path):
    with pytest.raises(ExportError, match="nothing to export"):
        tfgen.export.saved_model(Serves({}), tmp_path / "1")
    bare = Signature(lambda z: z, {"z": Input.noise(2)})
    with pytest.raises(ExportError, match="must return a dict"):
        tfgen.export.saved_model(Serves({"bare": bare}), tmp_path / "1")


def test_nan_at_the_ends_is_found(tmp_path):
    logarithm = Signature(lambda u: {"y": tf.math.log(u)}, {"u": Input.uniform(3)})
    with pytest.raises(ExportError, match="output 'y'.* gives NaN or infinity"):
        tfgen.export.saved_model(Serves({"logarithm": logarithm}), tmp_path / "1")
    assert not list(tmp_path.iterdir())


def test_a_row_that_depends_on_its_batch_is_found(tmp_path):
    centred = Signature(lambda z: {"y": z - tf.reduce_mean(z, 0)}, {"z": Input.noise(3)})
    with pytest.raises(ExportError, match="'centred'.*batch size 1: differs from Keras"):
        tfgen.export.saved_model(Serves({"centred": centred}), tmp_path / "1")


def test_free_sides_strings_and_bytes(tmp_path):
    table = {
        "blur": Signature(
            lambda image: {"image": tf.nn.avg_pool2d(image, 3, 1, "SAME")},
            {"image": Input.image((None, None, 1))},
        ),
        "echo": Signature(
            lambda text: {"length": tf.strings.length(text), "text": text},
            {"text": Input((), "string")},
        ),
    }
    path = tfgen.export.saved_model(Serves(table), tmp_path / "1")
    loaded = tf.saved_model.load(str(path))
    assert "sample" not in loaded.signatures  # The default needs a picture.
    sent = tf.io.encode_png(tf.zeros((2, 5, 9, 1), tf.uint8))
    files = loaded.signatures["blur_png"](image_bytes=sent)["image_bytes"]
    assert tf.io.decode_png(files[1]).shape == (5, 9, 1)
    assert loaded.signatures["echo"](text=tf.constant(["ab", "c"]))["length"].numpy().tolist() == [
        2,
        1,
    ]
