"""Pictures as files: the endpoints that take them, and what they refuse."""

import io
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.export.network import Serves
from tfgen.export import endpoints, picture_files
from tfgen.signature import Input, Signature

RNG = np.random.default_rng(0)


def file(levels, kind="PNG", mode=None, **options):
    """Levels (H, W[, C]) as a file."""
    image, target = Image.fromarray(np.asarray(levels, np.uint8)), io.BytesIO()
    (image.convert(mode) if mode else image).save(target, kind, **options)
    return target.getvalue()


def read(data, mode):
    """The levels of a file as Pillow reads them, (H, W, C)."""
    levels = np.asarray(Image.open(io.BytesIO(data)).convert(mode), np.float32)
    return levels.reshape(*levels.shape[:2], -1)


def function(shape):
    """`decoded` in a graph of its own."""
    spec = tf.TensorSpec((None,) * (len(shape) - 2), tf.string)
    graph = tf.function(autograph=False, input_signature=[spec])
    return graph(lambda files: picture_files.decoded(files, shape, "image_bytes"))


GRAY, COLOUR, FREE = (function(s) for s in ((4, 6, 1), (4, 6, 3), (None, None, 3)))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA"])
def test_any_png_becomes_what_the_model_takes(mode):
    colours = file(RNG.integers(0, 256, (4, 6, 3)))
    data = file(read(colours, "RGB"), mode=mode)
    exact = read(data, "RGB") / 127.5 - 1
    np.testing.assert_allclose(COLOUR([data])[0], exact, atol=1e-6)
    # Brightness is rounded here and there: at most one level apart.
    np.testing.assert_allclose(GRAY([data])[0], read(data, "L") / 127.5 - 1, atol=1.01 / 127.5)


def test_jpeg_and_many_files():
    files = [file(SMOOTH + 2 * n, "JPEG" if n % 2 else "PNG", quality=95) for n in range(20)]
    got = (GRAY(files) + 1) * 127.5
    assert got.shape == (20, 4, 6, 1)
    expected = np.stack([read(one, "L") for one in files])
    assert np.abs(got[::2] - expected[::2]).max() < 1e-3
    assert np.abs(got - expected).max() <= 2  # Two decoders of JPEG.
    assert GRAY(tf.constant([], tf.string)).shape == (0, 4, 6, 1)


def test_free_sides():
    levels = RNG.integers(0, 256, (2, 5, 9, 3))
    got = FREE([file(one) for one in levels])
    np.testing.assert_allclose(got, levels / 127.5 - 1, atol=1e-6)


SMOOTH = np.indices((4, 6)).sum(0) * 20
BROKEN = {"png": file(SMOOTH), "jpeg": file(SMOOTH, "JPEG")}
GOOD = file(np.zeros((4, 6)))
WIDE = file(np.zeros((4, 5000), np.uint8))
HUGE = file(np.zeros((1 + math.isqrt(picture_files.LARGEST),) * 2))


@pytest.mark.parametrize(
    ("graph", "files", "message"),
    [
        (GRAY, [GOOD, b""], r"takes PNG and JPEG files. Neither is the file of row:\] \[1\]"),
        (GRAY, [b"GIF89a" + GOOD], "takes PNG and JPEG files"),
        (GRAY, [GOOD[:40]], "PNG"),
        (GRAY, [b"\xff\xd8\xff" + bytes(40)], "JPEG"),
        (GRAY, [GOOD, file(np.zeros((6, 4)))], r"4 high and 6 wide.*\[\[6 4\]\]"),
        (GRAY, [file(np.zeros((6, 4)), "JPEG")], r"4 high and 6 wide.*\[\[6 4\]\]"),
        (GRAY, [WIDE], "4 high and 6 wide"),
        (FREE, [GOOD, WIDE], "of one size, any x any"),
        (FREE, [HUGE], f"at most {picture_files.LARGEST} pixels"),
        (FREE, [], "at least one file"),
    ],
)
def test_refused(graph, files, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        graph(tf.constant(files, tf.string))


@given(
    name=st.sampled_from(["png", "jpeg"]),
    cut=st.integers(0, 200),
    changes=st.dictionaries(st.integers(0, 400), st.integers(0, 255), max_size=5),
    free=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_broken_files_are_refused_and_nothing_else(name, cut, changes, free):
    data = bytearray(BROKEN[name])
    for at, value in changes.items():
        data[at % len(data)] = value
    graph = FREE if free else GRAY
    try:
        found = graph(tf.constant([bytes(data[: len(data) - cut])]))
    except tf.errors.InvalidArgumentError:
        return
    assert np.isfinite(found).all() and np.abs(found).max() <= 1


class Assembler(Serves):
    """Several pictures a row, a mask that is none, and an answer without a picture."""

    def __init__(self):
        patches, mask = Input.image((None, 4, 6, 3)), Input((4, 6, 1))
        sign = Input((), "int32", num_classes=2)
        super().__init__(
            {
                "assemble": Signature(self.assemble, {"patches": patches, "sign": sign}),
                "cover": Signature(self.cover, {"image": Input.image((4, 6, 1)), "mask": mask}),
            }
        )

    def assemble(self, patches, sign):
        signs = tf.cast(1 - 2 * sign, tf.float32)[:, None, None, None]
        return {"image": signs * tf.reduce_mean(patches, 1)}

    def cover(self, image, mask):
        return {"score": tf.reduce_sum(image * mask, (1, 2, 3))}


def test_parity_of_several_pictures_and_of_plain_answers(tmp_path):
    from tfgen import export

    patches = RNG.uniform(-1, 1, (7, 2, 4, 6, 3)).astype(np.float32)
    path = export.saved_model(Assembler(), tmp_path / "1", {"assemble": {"patches": patches}})
    loaded = tf.saved_model.load(str(path)).signatures
    assert set(loaded) == {
        *("assemble", "assemble_png", "cover", "cover_png", "serving_default"),
    }
    feeds = picture_files.packed(Assembler().signatures()["assemble"], {"patches": patches})
    assert feeds["patches_bytes"].shape == (7, 2)
    answer = loaded["assemble_png"](
        patches_bytes=tf.constant(feeds["patches_bytes"]), sign=tf.ones(7, tf.int32)
    )
    picture = read(answer["image_bytes"].numpy()[3], "RGB")
    np.testing.assert_allclose(picture, (1 - patches[3].mean(0)) * 127.5, atol=1.01)
    inputs = loaded["cover_png"].structured_input_signature[1]
    assert inputs["image_bytes"].dtype == tf.string and inputs["mask"].dtype == tf.float32


def test_files_do_not_copy_the_network():
    """The `_png` endpoint calls the graph that is there."""
    table = endpoints.endpoints(Assembler())
    kinds = {op.type for op in table["cover_png"].function.graph.get_operations()}
    assert kinds & {"PartitionedCall", "StatefulPartitionedCall"}
