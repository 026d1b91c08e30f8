"""What is fed to a signature: shapes, files and numbers that do not fit, refused before a run."""

import base64
import io
import shutil
import struct

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.serving import saved_models
from tests.serving.clients import Grpc, predict_request, rest
from tfgen.serving import Options, Server
from tfgen.serving.models import picture_heads
from tfgen.serving.models.input_checks import explained
from tfgen.serving.status import invalid
from tfgen.signature import MOST_PIXELS


class Convolving(tf.Module):
    """Kernels that end the process of TensorFlow 2.21 for pictures of rank 3 and less."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.ones((3, 3, 1, 2)))

    def convolve(self, image):
        return {"y": tf.nn.conv2d(image, self.kernel, 1, "SAME")}

    def signatures(self):
        spec = tf.TensorSpec((None, None, 6, 1), tf.float32, "image")
        return {"serving_default": tf.function(self.convolve, input_signature=[spec])}


@pytest.fixture(scope="module")
def both(painter, tmp_path_factory):
    """One server with a foreign SavedModel `foreign` and an export of ours, `painter`."""
    folder = tmp_path_factory.mktemp("both")
    saved_models.save(Convolving(), folder / "foreign" / "1")
    shutil.copytree(painter[1], folder / "painter")
    (folder / "models.config").write_text(
        "model_config_list {"
        + "".join(
            f'config {{ name: "{name}" base_path: "{folder / name}" model_platform: "tensorflow" }}'
            for name in ("foreign", "painter")
        )
        + "}"
    )
    options = Options(
        port=-1,
        rest_api_port=-1,
        model_config_file=str(folder / "models.config"),
        enable_model_warmup=False,
        file_system_poll_wait_seconds=0,
    )
    with Server(options) as server:
        yield server


@pytest.fixture
def http(both):
    with rest(both) as client:
        yield client


@pytest.fixture(scope="module")
def stubs(both):
    client = Grpc(both)
    yield client
    client.close()


PICTURE = np.zeros((6, 6), np.float32)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (PICTURE, "[6,6]: it has 2 sides in place of 4."),
        (PICTURE[0], "[6]: it has 1 sides in place of 4."),
        (np.float32(1), "[]: it has 0 sides in place of 4."),
        (PICTURE[None], "[1,6,6]: the first side counts rows"),
        (PICTURE[None, None, :, :, None], "[1,1,6,6,1]: it is nested one list too deep."),
        (np.zeros((1, 6, 5, 1), np.float32), "[1,6,5,1]."),
        (np.zeros((1, 6, 6, 3), np.float32), "these pictures have 3 channels in place of 1."),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(np.shape(value)),
)
def test_a_foreign_convolution_is_shielded(http, stubs, value, text):
    answer = http.predict({"inputs": value.tolist()}, "foreign")
    assert answer.status == 400
    assert answer.error.startswith("Input image takes shape [?,?,6,1], but was sent [")
    assert text in answer.error
    with pytest.raises(grpc.RpcError) as raised:
        stubs.prediction.Predict(predict_request("foreign", image=value))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == answer.error


SIGNATURES = {
    "generate": {"z": (None, 3), "label": (None,)},
    "decode": {"z": (None, 3)},
    "encode": {"image": (None, 8, 8, 1)},
    "reconstruct": {"image": (None, 8, 8, 1)},
    "translate": {"image": (None, 8, 8, 1), "domain": (None,)},
    "b_to_a": {"image": (None, None, None, 3)},
    "complete": {"image": (None, 8, 8, 1), "mask": (None, 8, 8, 1)},
    "assemble": {"patches": (None, None, 8, 8, 1)},
    "sample": {"seed": (None,)},
}


@st.composite
def requests(draw):
    """(signature, input name -> shape, whether each fits)"""
    signature = draw(st.sampled_from(sorted(SIGNATURES)))
    shapes, fits = {}, True
    for name, wanted in SIGNATURES[signature].items():
        near = st.tuples(
            *(st.sampled_from([2] if s is None else [s, s, s, 1, s + 1]) for s in wanted)
        )
        shape = draw(st.one_of(near, near, st.lists(st.integers(1, 4), max_size=6).map(tuple)))
        shapes[name] = shape
        fits &= len(shape) == len(wanted) and all(
            w in (None, s) for w, s in zip(wanted, shape, strict=True)
        )
    return signature, shapes, fits


@settings(
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(requests())
def test_any_shape_is_refused_or_fits(http, request):
    signature, shapes, fits = request
    inputs = {name: np.ones(shape, int).tolist() for name, shape in shapes.items()}
    answer = http.predict({"signature_name": signature, "inputs": inputs}, "painter")
    if not fits:
        assert answer.status == 400
        assert answer.error.startswith("Input ") and " takes shape [" in answer.error
    elif answer.status != 200:  # Rows of different number, which only the graph can tell.
        assert answer.status == 400 and len({shape[0] for shape in shapes.values()}) > 1


def _file(mode="L", kind="PNG"):
    target = io.BytesIO()
    Image.new(mode, (8, 8)).save(target, kind)
    return base64.b64encode(target.getvalue()).decode()


@pytest.mark.parametrize(
    ("signature", "key", "value", "text"),
    [
        ("sample", "inputs", {"seed": 3}, "Input seed takes shape [?], but was sent []: the first"),
        ("sample", "instances", [[1, 2]], "but was sent [1,2]: it is nested one list too deep."),
        ("encode_png", "instances", [_file()], "row 0 is base64 text: send {"),
        ("encode_png", "instances", [_file(kind="JPEG")], "row 0 is base64 text: send {"),
        ("encode_png", "instances", ["data:image/png;base64," + _file()], "is base64 text"),
        ("encode_png", "inputs", {"b64": _file()}, "Input image_bytes takes shape [?]"),
    ],
)
def test_the_message_names_the_cause(http, signature, key, value, text):
    answer = http.predict({"signature_name": signature, key: value}, "painter")
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_our_exports_take_finite_numbers_only(http, number):
    row = f"[0.5, {number}, 1]"
    for signature in ("decode", "decode_png"):
        body = f'{{"signature_name": "{signature}", "instances": [[0, 1, 2], {row}]}}'
        answer = http.predict(body, "painter")
        assert answer.status == 400
        assert answer.error.startswith("Input z takes finite numbers, but holds ")
        assert "at [1, 1]" in answer.error


def _png_head(height, width):
    """A small PNG that says it is large."""
    target = io.BytesIO()
    Image.new("L", (8, 8)).save(target, "PNG")
    file = bytearray(target.getvalue())
    file[16:24] = struct.pack(">II", width, height)
    return bytes(file)


def test_pictures_that_would_fill_the_memory_are_refused_by_their_head(http):
    bomb = base64.b64encode(_png_head(13000, 13001)).decode()
    body = {"signature_name": "b_to_a_png", "instances": [{"b64": _file("RGB")}, {"b64": bomb}]}
    answer = http.predict(body, "painter")
    assert answer.status == 400
    assert answer.error.startswith(f"Input image_bytes takes pictures of at most {MOST_PIXELS} ")
    assert "row 1, 13000 high and 13001 wide" in answer.error
    half = base64.b64encode(_png_head(8000, 4200)).decode()
    for count, is_bound in ((1, False), (2, True)):
        body["instances"] = [{"b64": half}] * count
        answer = http.predict(body, "painter")
        assert answer.status == 400 and (f"{MOST_PIXELS} pixels in all" in answer.error) == is_bound


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_the_head_tells_the_sides(kind):
    target = io.BytesIO()
    Image.new("RGB", (30, 20)).save(target, kind)
    assert picture_heads.sides(target.getvalue()) == (20, 30)
    for end in (0, 3, 10, 20):
        assert picture_heads.sides(target.getvalue()[:end]) in ((0, 0), (20, 30))
    assert picture_heads.sides(b"\xff\xd8\xff" + bytes(range(256))) == (0, 0)


@pytest.mark.parametrize("text", ["BMW, red, on a road in the rain", "GIF89a is a format, says he"])
def test_a_text_is_no_picture(http, text):
    body = {"signature_name": "describe", "inputs": {"z": [[0, 1, 2]], "text": [text]}}
    assert picture_heads.sides(text.encode()) == (0, 0)
    assert " pixels " not in http.predict(body, "painter").body.decode()


def test_a_failure_names_a_jpeg_in_cmyk():
    cmyk, rgb = (base64.b64decode(_file(mode, "JPEG")) for mode in ("CMYK", "RGB"))
    failure = invalid("Invalid JPEG data")
    named = explained(failure, [np.zeros(2), np.array([rgb, cmyk], object)])
    assert named.message.startswith("Row 1 is a JPEG in CMYK")
    assert named.message.endswith("send it as RGB. (Invalid JPEG data)")
    assert explained(failure, [np.array([rgb, b"", b"\xff\xd8\xff"], object)]) is failure


def test_a_jpeg_in_cmyk_is_drawn_or_named(http):
    body = {"signature_name": "encode_png", "instances": [{"b64": _file("CMYK", "JPEG")}]}
    answer = http.predict(body, "painter")
    if answer.status != 200:  # A model of gray pictures, which the decoder does not make of CMYK.
        assert answer.status == 400
        assert answer.error.startswith("Row 0 is a JPEG in CMYK")
        assert "send it as RGB" in answer.error


def test_no_rows_are_no_rows(http):
    for signature, name in (("encode", "image"), ("decode", "z"), ("sample", "seed")):
        answer = http.predict({"signature_name": signature, "inputs": {name: []}}, "painter")
        assert (answer.status, answer.json) == (200, {"outputs": []})
