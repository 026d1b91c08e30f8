"""Wrong requests to every signature of every model: an error that says so, or a right answer."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import TINY
from tfgen.export import endpoints
from tfgen.models import MODELS
from tfgen.serving.models.saved_model import Runtime, SavedModel
from tfgen.serving.status import Code, Failure

MAIN = {name: tiny for name, tiny in TINY.items() if name == tiny.model}
# Labels, pictures, latents and noise; the other models' with `make slow`.
ALWAYS = ("conditionalgan", "vae")
ROWS = 2


def models():
    for name in MAIN:
        yield pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow)


def test_every_model_is_asked():
    assert set(MAIN) == set(MODELS)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A SavedModel in a session as the server has it: no layer above looks at what is fed."""

    table: dict
    session: SavedModel

    def __call__(self, name, feeds):
        signature = self.session.signatures[name]
        given = {signature.inputs[k].name: v for k, v in feeds.items()}
        names = sorted(signature.outputs)
        fetches = tuple(signature.outputs[k].name for k in names)
        return dict(zip(names, self.session.run(given, fetches), strict=True))


@pytest.fixture(scope="module", params=models())
def asked(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "1"
    table = endpoints.endpoints(MAIN[request.param].build())
    endpoints.write(table, folder)
    session = SavedModel(Path(folder), Runtime())
    yield Asked(table, session)
    session.close()


def shapes(spec, shape):
    """Shapes that do not fit: ranks, sides, rows; `shape` is the right one."""
    yield from ((), shape[1:], (1, *shape), (*shape, 1), (3, *shape[1:]), (0, *shape[1:]))
    yield from ((len(shape),), (4,) * 9)
    for axis, side in enumerate(spec.shape, 1):
        if side is not None:
            yield from ((*shape[:axis], n, *shape[axis + 1 :]) for n in (0, side + 1, side * 2))
    if len(shape) > 2:
        yield (shape[0], int(np.prod(shape[1:])))
        yield (*shape[:1], *shape[:0:-1]) if shape[:0:-1] != shape[1:] else (shape[0],)


def wrong_values(spec, value):
    """Values of the right shape that do not fit, and the dtype's neighbours."""
    if spec.dtype == "string":
        for text in (b"", b"\xff\xfe", b"\x89PNG\r\n\x1a\n" + b"\xff" * 40, b"\xff\xd8\xff" * 9):
            yield np.full(value.shape, text, object)
        yield np.zeros(value.shape, np.float32)
    elif value.dtype.kind == "f":
        for number in (np.nan, np.inf, -np.inf):
            one = value.copy()
            one.reshape(-1)[-1] = number
            yield one
        if spec.is_image:
            yield from (value * 0 + 255, value * 0 - 1.01)
        yield from (value.astype(np.float64), value.astype(np.int32), value.astype(str))
    else:
        if spec.num_classes:
            limits = np.iinfo(value.dtype)
            for number in (-1, spec.num_classes, limits.max, limits.min):
                one = value.copy()
                one.reshape(-1)[-1] = number
                yield one
        yield from (value.astype(np.float32), value.astype(np.int8), value.astype(str))


@pytest.mark.trace
def test_wrong_requests_are_refused(asked, record_property):
    count = 0

    def refused(name, feeds, what):
        nonlocal count
        count += 1
        try:
            outputs = asked(name, feeds)
        except Failure as failure:
            assert failure.code == Code.INVALID_ARGUMENT, (name, what, failure)
        else:
            sides = {key: value.shape for key, value in outputs.items()}
            pytest.fail(f"{name}: {what} gave {sides}")

    for name, endpoint in asked.table.items():
        good = endpoint.typical(range(ROWS))
        right = asked(name, good)
        count += 1
        assert all(len(value) == ROWS for value in right.values())
        assert all(np.isfinite(v).all() for v in right.values() if v.dtype.kind == "f"), name
        for key, spec in endpoint.signature.inputs.items():
            value = good[key]
            others = len(good) > 1
            for shape in shapes(spec, value.shape):
                if shape[1:] == value.shape[1:] and len(shape) == value.ndim and not others:
                    continue  # Another number of rows alone is right.
                reshaped = (
                    np.resize(value, shape) if np.prod(shape) else np.empty(shape, value.dtype)
                )
                refused(name, {**good, key: reshaped}, f"{key} of shape {shape}")
            for wrong in wrong_values(spec, value):
                refused(name, {**good, key: wrong}, f"{key} = {wrong.dtype} {wrong.ravel()[-1:]}")
        empty = {key: value[:0] for key, value in good.items()}
        count += 1
        if any(k.endswith("_bytes") for k in good) and "b_to_a" in asked.table:
            refused(name, empty, "no files, where they would give the sides")
            continue
        for key, value in asked(name, empty).items():
            assert value.shape == (0, *right[key].shape[1:]), (name, key)
            assert value.dtype == right[key].dtype
    assert count > 20
    record_property("requests", count)
