"""An exported graph refuses what does not fit, before TensorFlow's kernels see it."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.export.network import Network, pictures
from tfgen.export import endpoints

# By the server's own session and by a loaded signature; TensorFlow would end the process.
ASK = """
import sys
import numpy as np, tensorflow as tf
from pathlib import Path
from tfgen.serving.models.saved_model import Runtime, SavedModel
from tfgen.serving.status import Failure

path = sys.argv[1]
alone, loaded = SavedModel(Path(path), Runtime()), tf.saved_model.load(path)
signature = alone.signatures["discriminate"]
image = signature.inputs["image"].name
fetches = tuple(output.name for output in signature.outputs.values())
for shape in ((8, 8), (8, 8, 3), (3,), (), (1, 2, 8, 8, 3), (2, 8, 8, 1), (2, 9, 8, 3), (2, 64)):
    value = np.zeros(shape, np.float32)
    for run, refusal in (
        (lambda: alone.run({image: value}, fetches), Failure),
        (lambda: loaded.signatures["discriminate"](image=tf.constant(value)), tf.errors.OpError),
        (lambda: loaded.discriminate(tf.constant(value)), tf.errors.OpError),
    ):
        try:
            run()
        except refusal as error:
            said = str(error).replace(chr(92), "")
            sides = " ".join(map(str, shape))
            assert f"Input 'image' must have shape (N, 8, 8, 3). Received shape:] [{sides}]" in said
        else:
            sys.exit(f"{shape} was taken")
print("all refused")
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guards") / "1"
    endpoints.write(endpoints.endpoints(Network()), folder)
    return folder


@pytest.fixture(scope="module")
def served(path):
    return tf.saved_model.load(str(path)).signatures


def test_shapes_that_would_end_the_process(path):
    done = subprocess.run([sys.executable, "-c", ASK, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "all refused\n"


NOISE = np.zeros((2, 6), np.float32)


@pytest.mark.parametrize(
    ("name", "feeds", "said"),
    [
        ("generate", {"z": NOISE * np.nan, "label": [0, 1]}, "'z.* must be finite"),
        ("generate", {"z": NOISE + np.inf, "label": [0, 1]}, "'z.* must be finite"),
        ("generate", {"z": NOISE[0], "label": [0, 1]}, r"'z.* must have shape \(N, 6\).*\[6\]"),
        ("generate", {"z": NOISE, "label": [0]}, r"as many rows. Received:\] \[2 1\]"),
        ("generate", {"z": NOISE, "label": [[0, 1]]}, r"'label.* must have shape \(N,\)"),
        ("generate_png", {"z": NOISE * np.nan, "label": [0, 1]}, "'z.* must be finite"),
        ("sample_label", {"seed": np.array([1]), "label": [4]}, r"0 .. 3. Received:\] \[4\] "),
        ("sample", {"seed": np.array([[1, 2]])}, r"'seed.* must have shape \(N,\).*\[1 2\]"),
        ("discriminate", {"image": pictures(2) * 2}, r"'image.* must lie in \[-1, 1\]"),
        ("discriminate", {"image": pictures(2) * np.nan}, "'image.* must be finite"),
        ("discriminate_png", {"image_bytes": [["a"]]}, r"'image_bytes.* must have shape \(N,\)"),
        ("discriminate_png", {"image_bytes": ["a"]}, "PNG and JPEG"),
        *[
            ("generate", {"z": NOISE, "label": [0, wrong]}, r"'label.* must lie in 0 .. 3")
            for wrong in (4, -1, 99, 2**31 - 1)
        ],
    ],
)
def test_what_is_refused(served, name, feeds, said):
    given = {k: tf.constant(np.array(v) if k != "image_bytes" else v) for k, v in feeds.items()}
    given = {k: tf.cast(v, tf.int32) if k == "label" else v for k, v in given.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        served[name](**given)


def test_no_rows_give_no_rows(served):
    table = endpoints.endpoints(Network())
    for name, endpoint in table.items():
        feeds = {k: tf.constant(v) for k, v in endpoint.typical([0]).items()}
        for key, value in served[name](**{k: v[:0] for k, v in feeds.items()}).items():
            one = served[name](**feeds)[key]
            assert value.dtype == one.dtype and value.shape == (0, *one.shape[1:]), (name, key)
