"""The conformance suite: what is true of every model, over every entry of tests/tiny.py."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.export import export
from tfgen.model import inner
from tfgen.models import MODELS

every_model = pytest.mark.parametrize("tiny", TINY.values(), ids=TINY.keys())
# Properties of the shared machinery, checked once a model and not once a variant.
MAIN = {name: tiny for name, tiny in TINY.items() if name == tiny.model}
main_models = pytest.mark.parametrize("tiny", MAIN.values(), ids=MAIN.keys())


def compiled(tiny, **changes):
    model = tiny.build(**changes)
    model.compile()
    return model


def arrays(variables):
    return [v.numpy() for v in variables]


def state(model):
    """Every number that training changes: weights, moving averages, step, optimizer slots."""
    slots = [v for o in model.optimizers.values() for v in o.variables]
    return arrays(model.weights) + arrays(slots)


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def stream(tiny, rows, steps):
    batches = [tiny.batch(rows, seed) for seed in range(steps)]
    whole = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    return tf.data.Dataset.from_tensor_slices(whole).batch(rows, drop_remainder=True)


def fit(model, tiny, rows=8, steps=3, **arguments):
    return model.fit(stream(tiny, rows, steps), verbose=0, **arguments).history


@functools.lru_cache(maxsize=1)
def _reference(name):
    """(model, weights before, history, state after) of three steps; shared, not to be changed.

    Of one model at a time, which the order of the tests allows: graphs take much memory.
    """
    tiny = TINY[name]
    model = compiled(tiny)
    before = arrays(model.weights)
    history = fit(model, tiny)
    return model, before, history, state(model)


@pytest.fixture
def reference(tiny):
    """Three steps of one device, taken once for all tests of a tiny model."""
    return _reference(next(name for name, entry in TINY.items() if entry is tiny))


def test_every_model_has_a_tiny_version():
    assert set(MAIN) == set(MODELS)


@every_model
def test_step_is_finite_and_moves_every_weight(tiny, reference):
    model, before, history, _ = reference
    assert set(history) == set(model.reports)
    assert np.isfinite([v for values in history.values() for v in values]).all()
    assert int(model.step) == 3
    initial = {w.path: b for w, b in zip(model.weights, before, strict=True)}
    still = [v.path for v in model.trainable_variables if np.array_equal(initial[v.path], v)]
    assert not still


@every_model
def test_players_own_every_weight(tiny, reference):
    model = reference[0]
    owned = {id(v) for o in model.optimizers.values() for v in inner(o)._trainable_variables}
    assert owned == {id(v) for v in model.trainable_variables}


@every_model
def test_each_players_step_moves_its_own_weights_only(tiny):
    players = compiled(tiny).optimizers
    if len(players) == 1:
        pytest.skip("one player")
    for player in players:
        model = tiny.build()
        model.compile(
            **{p: keras.optimizers.SGD(0.1 if p == player else 0.0) for p in players},
            run_eagerly=True,  # One step is taken sooner than traced.
        )
        own = {id(v) for v in model.optimizers[player]._trainable_variables}
        frozen = [v for v in model.trainable_variables if id(v) not in own]
        before = arrays(frozen)
        fit(model, tiny, steps=1)
        assert frozen and same(before, arrays(frozen)), player


@every_model
def test_seed_reproduces_and_averages_leave_training_alone(tiny, reference):
    _, initial, history, _ = reference
    model = compiled(tiny)
    assert same(initial, arrays(model.weights))
    assert not same(initial, arrays(tiny.build(seed=1).weights))
    model.compile(
        **{
            name: type(o).from_config({**o.get_config(), "use_ema": True, "ema_momentum": 0.5})
            for name, o in model.optimizers.items()
        }
    )
    assert fit(model, tiny) == history
    weights = arrays(model.weights)
    assert same(weights, arrays(reference[0].weights))
    with model.averaged():
        assert not same(weights, arrays(model.weights))
    assert same(weights, arrays(model.weights))


@every_model
def test_config_round_trip(tiny):
    model = tiny.build(seed=3)
    copy = type(model).from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    assert same(arrays(model.weights), arrays(copy.weights))


@every_model
def test_resume_from_a_file_is_exact(tiny, reference, tmp_path):
    first = compiled(tiny)
    fit(first, tiny, steps=1)
    first.save_weights(tmp_path / "x.weights.h5")
    rest = compiled(tiny, seed=tiny.build().seed)
    rest.load_weights(tmp_path / "x.weights.h5")
    assert same(state(first), state(rest))
    rest.fit(stream(tiny, 8, 3).skip(1), verbose=0)
    assert same(reference[3], state(rest))


@every_model
def test_keras_file_keeps_every_output(tiny, reference, tmp_path):
    model = reference[0]
    model.save(tmp_path / "x.keras")
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    for name, signature in model.signatures().items():
        feeds = tiny.feeds(signature, 3)
        for key, value in model.call_signature(name, feeds).items():
            np.testing.assert_array_equal(value, loaded.call_signature(name, feeds)[key])


@every_model
def test_rows_do_not_depend_on_the_batch(tiny, reference):
    model = reference[0]
    for name, signature in model.signatures().items():
        feeds = tiny.feeds(signature, 7)
        whole = model.call_signature(name, feeds)
        for start, stop in ((0, 1), (1, 4)):
            part = model.call_signature(name, {k: v[start:stop] for k, v in feeds.items()})
            for key, value in part.items():
                expected = whole[key][start:stop]
                if value.dtype.is_floating:
                    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
                else:
                    np.testing.assert_array_equal(value, expected)


@every_model
def test_seeds_give_the_same_pictures_at_every_batch_size(tiny, reference):
    model = reference[0]
    name = next(iter(model.signatures()))
    if not model.signatures()[name].drawable:
        pytest.skip("the default signature needs an input that cannot be drawn")
    whole = model.sample(range(5))
    np.testing.assert_allclose(model.sample(range(5), batch_size=2), whole, atol=1e-5)
    np.testing.assert_allclose(model.sample([3]), whole[3:4], atol=1e-5)
    assert np.abs(whole[0] - whole[1]).max() > 0


@every_model
def test_replicas_train_as_one_device(tiny, reference, strategy):
    one, _, alone, _ = reference
    with strategy.scope():
        two = compiled(tiny)
    together = fit(two, tiny)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=tiny.tolerance, err_msg=a.path)
    for name, values in alone.items():
        np.testing.assert_allclose(values, together[name], rtol=1e-3, atol=1e-4, err_msg=name)


@main_models
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains(tiny, precision):
    keras.config.set_dtype_policy(precision)
    model = compiled(tiny)
    history = fit(model, tiny, steps=2)
    assert np.isfinite([v for values in history.values() for v in values]).all()
    assert all(np.isfinite(v.numpy()).all() for v in model.trainable_variables)


@main_models
def test_xla_draws_the_same_numbers(tiny):
    plain, jitted = tiny.build(), tiny.build()
    plain.compile(run_eagerly=True)
    jitted.compile(jit_compile=True)
    expected, received = fit(plain, tiny, steps=1), fit(jitted, tiny, steps=1)
    for name, values in expected.items():
        np.testing.assert_allclose(values, received[name], rtol=1e-4, atol=1e-5, err_msg=name)


@every_model
def test_exports_agree(tiny, reference, tmp_path):
    model = reference[0]
    feeds = {name: tiny.feeds(s, 7) for name, s in model.signatures().items()}
    report = export(model, tmp_path, examples=feeds)
    for kind, found in report["verification"]["max_abs_error"].items():
        assert set(found) >= set(model.signatures()), kind
        errors = {f"{kind} {n} {k}": e for n, outputs in found.items() for k, e in outputs.items()}
        assert {name: e for name, e in errors.items() if not e <= 1e-4} == {}
