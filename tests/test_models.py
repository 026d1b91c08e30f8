"""The conformance suite: what is true of every model, over every entry of tests/tiny.py."""

import contextlib
import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.export import export
from tfgen.models import MODELS
from tfgen.optimizers import inner

# Properties of the shared machinery, checked once a model and not once a variant.
MAIN = {name: tiny for name, tiny in TINY.items() if name == tiny.model}
# Variants that serve other functions than their model, or in another form.
SERVED_DIFFERENTLY = ("aae_supervised", "cvae_label", "cvae_mask", "stargan_joint", "vae_mixture")


def over(entries, slow=()):
    """The test once for each entry; those in `slow` with `make test-all` only."""
    marks = {name: pytest.mark.slow if name in slow else () for name in entries}
    found = [pytest.param(tiny, id=name, marks=marks[name]) for name, tiny in entries.items()]
    return pytest.mark.parametrize("tiny", found)


every_model = over(TINY)
main_models = over(MAIN)
variants = over({name: tiny for name, tiny in TINY.items() if name not in MAIN})
# What traces graphs of its own: a variant has the graphs of its model, but for its options.
every_graph = over(TINY, slow=set(TINY) - set(MAIN))
every_export = over(TINY, slow=set(TINY) - set(MAIN) - set(SERVED_DIFFERENTLY))


def compiled(tiny, eager=False, **changes):
    model = tiny.build(**changes)
    model.compile(run_eagerly=eager)
    return model


def arrays(variables):
    return [v.numpy() for v in variables]


def variables(model):
    """What training changes: weights, moving averages, step, optimizer slots."""
    return [*model.weights, *(v for o in model.optimizers.values() for v in o.variables)]


def state(model):
    """Every number that training changes."""
    return arrays(variables(model))


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def stream(tiny, rows, steps):
    batches = [tiny.batch(rows, seed) for seed in range(steps)]
    whole = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    return tf.data.Dataset.from_tensor_slices(whole).batch(rows, drop_remainder=True)


def fit(model, tiny, rows=8, steps=3, skip=0, **arguments):
    return model.fit(stream(tiny, rows, steps).skip(skip), verbose=0, **arguments).history


def served(model, name, feeds):
    """A signature's outputs by its own function, eagerly."""
    given = {key: tf.convert_to_tensor(value) for key, value in feeds.items()}
    return model.signatures()[name].fn(**given)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model after three steps; shared, not to be changed."""

    model: object
    before: list
    after_one: list
    history: dict
    after: list


@functools.lru_cache(maxsize=2)
def _trained(name, eager):
    """Of one tiny model at a time, which the order of the tests allows: graphs take much memory."""
    tiny = TINY[name]
    model = compiled(tiny, eager)
    before = arrays(model.weights)
    fit(model, tiny, steps=1)
    after_one = state(model)
    history = fit(model, tiny, skip=1)
    return Trained(model, before, after_one, history, state(model))


def name_of(tiny):
    return next(name for name, entry in TINY.items() if entry is tiny)


@pytest.fixture
def eager(tiny):
    """Three steps of one device, taken eagerly: far sooner than traced, and in every detail."""
    return _trained(name_of(tiny), eager=True)


@pytest.fixture
def reference(tiny):
    """Three steps of one device, as one graph for each model; of a variant, taken eagerly."""
    return _trained(name_of(tiny), eager=name_of(tiny) not in MAIN)


def test_every_model_has_a_tiny_version():
    assert set(MAIN) == set(MODELS)


@every_model
def test_step_is_finite_and_moves_every_weight(tiny, reference):
    model, history = reference.model, reference.history
    assert set(history) == set(model.reports)
    assert np.isfinite([v for values in history.values() for v in values]).all()
    assert int(model.step) == 3
    if "real_loss" in history:  # D's loss in its two terms, and no column of a penalty at 0.
        terms = np.add(history["real_loss"], history["fake_loss"])
        np.testing.assert_allclose(terms, history["discriminator_loss"], rtol=1e-4, atol=1e-6)
    assert any(history.get("penalty", [1.0]))
    for kind in ("real_probability", "fake_probability"):
        assert 0.0 <= min(history.get(kind, [0.0])) and max(history.get(kind, [0.0])) <= 1.0
    initial = {w.path: b for w, b in zip(model.weights, reference.before, strict=True)}
    still = [v.path for v in model.trainable_variables if np.array_equal(initial[v.path], v)]
    assert not still


@every_model
def test_players_own_every_weight(tiny, reference):
    model = reference.model
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
def test_seed_reproduces_and_averages_leave_training_alone(tiny, eager):
    model = compiled(tiny)
    assert same(eager.before, arrays(model.weights))
    assert not same(eager.before, arrays(tiny.build(seed=1).weights))
    model.compile(
        **{
            name: type(o).from_config({**o.get_config(), "use_ema": True, "ema_momentum": 0.5})
            for name, o in model.optimizers.items()
        },
        run_eagerly=True,
    )
    fit(model, tiny, steps=1)
    assert fit(model, tiny, skip=1) == eager.history
    weights = arrays(model.weights)
    assert same(weights, arrays(eager.model.weights))
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
def test_resume_from_a_file_is_exact(tiny, eager, tmp_path):
    first = compiled(tiny, eager=True)
    fit(first, tiny, steps=1)
    first.save_weights(tmp_path / "x.weights.h5")
    rest = compiled(tiny, eager=True, seed=tiny.build().seed)
    rest.load_weights(tmp_path / "x.weights.h5")
    assert same(eager.after_one, state(rest))
    assert fit(rest, tiny, skip=1) == eager.history
    assert same(eager.after, state(rest))


@main_models
def test_a_traced_step_goes_on_from_loaded_weights(tiny, reference, tmp_path):
    model = reference.model
    model.save_weights(tmp_path / "three.weights.h5")
    for variable, value in zip(variables(model), reference.after_one, strict=True):
        variable.assign(value)
    model.save_weights(tmp_path / "one.weights.h5")
    try:
        model.load_weights(tmp_path / "three.weights.h5")
        assert same(reference.after, state(model))
        model.load_weights(tmp_path / "one.weights.h5")
        fit(model, tiny, skip=1)
        assert same(reference.after, state(model))
    finally:
        model.load_weights(tmp_path / "three.weights.h5")


@every_model
def test_keras_file_keeps_every_output(tiny, reference, tmp_path):
    model = reference.model
    model.save(tmp_path / "x.keras")
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    for name, signature in model.signatures().items():
        feeds = tiny.feeds(signature, 3)
        for key, value in served(model, name, feeds).items():
            np.testing.assert_array_equal(value, served(loaded, name, feeds)[key])


@every_model
def test_rows_do_not_depend_on_the_batch(tiny, reference):
    model = reference.model
    call = model.call_signature if name_of(tiny) in MAIN else functools.partial(served, model)
    for name, signature in model.signatures().items():
        feeds = tiny.feeds(signature, 7)
        whole = call(name, feeds)
        for start, stop in ((0, 1), (1, 4)):
            part = call(name, {k: v[start:stop] for k, v in feeds.items()})
            for key, value in part.items():
                expected = whole[key][start:stop]
                if value.dtype.is_floating:
                    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
                else:
                    np.testing.assert_array_equal(value, expected)


@every_model
def test_seeds_give_the_same_pictures_at_every_batch_size(tiny, reference):
    model = reference.model
    name = next(iter(model.signatures()))
    if not model.signatures()[name].drawable:
        pytest.skip("the default signature needs an input that cannot be drawn")
    whole = model.sample(range(5))
    np.testing.assert_allclose(model.sample(range(5), batch_size=2), whole, atol=1e-5)
    np.testing.assert_allclose(model.sample([3]), whole[3:4], atol=1e-5)
    assert np.abs(whole[0] - whole[1]).max() > 0


def train_together(tiny, alone, strategy, eager):
    """Three steps of two replicas are those of one device."""
    with strategy.scope():
        two = compiled(tiny, eager)
    fit(two, tiny, steps=1)
    together = fit(two, tiny, skip=1)
    for a, b in zip(alone.model.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=tiny.tolerance, err_msg=a.path)
    for name, values in alone.history.items():
        np.testing.assert_allclose(values, together[name], rtol=1e-3, atol=1e-4, err_msg=name)


@every_graph
def test_replicas_train_as_one_device(tiny, reference, strategy):
    train_together(tiny, reference, strategy, eager=False)


@pytest.mark.slow
@variants
def test_replicas_of_a_variant_train_as_one_device(tiny, eager, strategy):
    train_together(tiny, eager, strategy, eager=True)


def clipped(tiny, clip):
    """Compiled with optimizers that clip and average, taken eagerly."""
    model = tiny.build()
    model.compile(run_eagerly=True)
    own = {key: keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5, **clip)
           for key in model.optimizers}  # fmt: skip
    model.compile(run_eagerly=True, **own)
    return model


@pytest.mark.slow
@main_models
@pytest.mark.parametrize("clip", [{"global_clipnorm": 0.1}, {"clipvalue": 1e-3}], ids="".join)
def test_three_replicas_clip_and_average_as_one_device(tiny, clip, three):
    alone = clipped(tiny, clip)
    with three.scope():
        together = clipped(tiny, clip)
    before = np.concatenate([v.numpy().ravel() for v in alone.trainable_variables])
    for model in (alone, together):
        fit(model, tiny, rows=12)
    for context in (contextlib.nullcontext, lambda model: model.averaged()):
        with context(alone), context(together):
            one, several = (np.concatenate([v.numpy().ravel() for v in m.trainable_variables])
                          for m in (alone, together))  # fmt: skip
        # Clipped before the sum, updates are off by a third and more.
        assert np.linalg.norm(one - several) < 1e-2 * np.linalg.norm(one - before)


@main_models
@pytest.mark.parametrize(
    "precision", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_mixed_precision_trains(tiny, precision):
    keras.config.set_dtype_policy(precision)
    model = compiled(tiny, eager=True)
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


@every_export
def test_exports_agree(tiny, reference, tmp_path):
    model = reference.model
    feeds = {name: tiny.feeds(s, 7) for name, s in model.signatures().items()}
    report = export(model, tmp_path, examples=feeds)
    for kind, found in report["verification"]["max_abs_error"].items():
        assert set(found) >= set(model.signatures()), kind
        errors = {f"{kind} {n} {k}": e for n, outputs in found.items() for k, e in outputs.items()}
        assert {name: e for name, e in errors.items() if not e <= 1e-4} == {}
