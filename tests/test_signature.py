"""Drawing of inputs from seeds, and the errors of what is given."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfgen.signature import Input, Signature, as_seeds


def signature():
    return Signature(
        lambda z, label, image: {"image": image},
        {"z": Input.noise(3), "label": Input.label(10), "image": Input.image((4, 4, 1))},
    )


GIVEN = {"image": np.zeros((3, 4, 4, 1))}


def test_rows_depend_on_their_own_seed():
    drawn = signature().draw([5, 6, 5], **GIVEN)
    assert drawn["z"].shape == (3, 3) and drawn["label"].dtype == np.int32
    np.testing.assert_array_equal(drawn["z"][0], drawn["z"][2])
    np.testing.assert_array_equal(
        signature().draw([6], image=GIVEN["image"][:1])["z"][0], drawn["z"][1]
    )


def test_the_graph_draws_what_numpy_draws():
    seeds = [0, 1, -7, 2**62]

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64)])
    def graph(seed):
        image = tf.zeros((tf.shape(seed)[0], 4, 4, 1))
        return signature().draw(seed, "tensorflow", image=image)

    expected = signature().draw(seeds, image=np.zeros((4, 4, 4, 1)))
    received = graph(tf.constant(seeds, tf.int64))
    np.testing.assert_allclose(received["z"], expected["z"], atol=1e-6)
    np.testing.assert_array_equal(received["label"], expected["label"])


def test_uniform_range():
    u = Signature(lambda u: {"u": u}, {"u": Input.uniform(2, 2, low=-1.0, high=3.0)})
    drawn = u.draw(range(500))["u"]
    assert drawn.shape == (500, 2, 2) and -1.0 <= drawn.min() < -0.9 and 2.9 < drawn.max() < 3.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"cannot be drawn and must be given: \['image'\]"),
        ({**GIVEN, "zz": 1}, r"Unknown inputs \['zz'\]. Known: z, label, image"),
        ({"image": np.zeros((2, 4, 4, 1))}, r"'image' must have shape \(3, 4, 4, 1\).*\(2, 4"),
        ({**GIVEN, "label": [0, 1, 10]}, r"'label' must lie in 0 .. 9. Received: 0 .. 10"),
    ],
)
def test_wrong_inputs_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        signature().draw(range(3), **given)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label", [0.0, 1.0, 2.0], r"'label' takes whole numbers \(int32\). Received: float64"),
        ("label", [True, False, True], "'label' takes whole numbers .* Received: bool"),
        ("label", ["a", "b", "c"], "'label' takes whole numbers"),
        ("label", [0, 1, 2**32], r"'label' must lie in 0 .. 9. Received: 0 .. 4294967296"),
        ("label", [[0], [1], [2]], r"'label' must have shape \(3,\)"),
        ("z", np.full((3, 3), np.nan), "'z' must be finite"),
        ("z", np.full((3, 3), 1e300), "'z' must be finite"),
        ("z", np.full((3, 3), 1j), "'z' takes numbers .* Received: complex"),
        ("z", [[1.0], [1.0, 2.0]], "'z': the rows have different shapes"),
        ("image", np.full((3, 4, 4, 1), 255), r"'image' .* \[-1, 1\].* x / 127.5 - 1"),
        ("image", np.full((3, 4, 4, 1), np.nan), "'image' must be finite"),
    ],
)
def test_other_kinds_and_values_are_refused_by_name(name, value, message):
    with pytest.raises(ValueError, match=message):
        signature().draw(range(3), **{**GIVEN, name: value})


def test_one_value_serves_all_rows_and_no_seeds_give_no_rows():
    drawn = signature().draw(range(3), label=7, image=np.ones((4, 4, 1)))
    assert drawn["label"].tolist() == [7, 7, 7] and drawn["label"].dtype == np.int32
    assert drawn["image"].shape == (3, 4, 4, 1) and drawn["image"].dtype == np.float32
    empty = signature().draw([], image=np.ones((0, 4, 4, 1)))
    assert {name: v.shape for name, v in empty.items()} == {
        "z": (0, 3),
        "label": (0,),
        "image": (0, 4, 4, 1),
    }


@pytest.mark.parametrize("seeds", [[0.5], ["a"], [2**65], 3])
def test_wrong_seeds_are_refused(seeds):
    with pytest.raises(ValueError, match="Seeds must be integers of 64 bits"):
        as_seeds(seeds)


def test_seeds_of_64_bits_keep_their_bits():
    assert as_seeds([2**64 - 1, -1, 2**63]).tolist() == [-1, -1, -(2**63)]


def test_signatures_and_random_import_without_tensorflow():
    code = "import sys, tfgen.random, tfgen.signature; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_texts_are_drawn_from_choices_alike_in_numpy_and_in_a_graph():
    spoken = Signature(lambda text: {"text": text}, {"text": Input.text(("red", "grün"))})
    assert spoken.drawable
    drawn = spoken.draw(range(30))["text"].tolist()
    assert set(drawn) == {b"red", "grün".encode()}
    graph = spoken.draw(tf.range(30, dtype=tf.int64), "tensorflow")["text"]
    assert graph.numpy().tolist() == drawn
    assert spoken.draw([0, 1], text=["a", "b"])["text"].tolist() == ["a", "b"]
    assert spoken.manifest()["text"]["choices"] == ("red", "grün")
    assert not Signature(spoken.fn, {"text": Input.text()}).drawable


def test_classes_are_given_by_name():
    spec = Input.label(3, ("bags", "hats", "shoes"))
    signature = Signature(None, {"label": spec})
    for given in (
        "hats",
        b"hats",
        1,
        np.int64(1),
        ["hats", "hats"],
        np.array(["hats", b"hats"], "O"),
    ):
        np.testing.assert_array_equal(signature.draw([0, 1], label=given)["label"], [1, 1])
    assert signature.draw([0], label="shoes")["label"].dtype == np.int32
    with pytest.raises(ValueError, match="'label' has no class 'hat'. Known: bags, hats, shoes."):
        signature.draw([0, 1], label=["hats", "hat"])
    assert signature.manifest()["label"]["class_names"] == ("bags", "hats", "shoes")
    assert Input.label(3, ("a", "b")).class_names is None  # Of another data set.
    with pytest.raises(ValueError, match="takes whole numbers"):
        Signature(None, {"label": Input.label(3)}).draw([0], label="hats")


def test_tokens_are_checked_and_cannot_be_drawn():
    tokens = Signature(lambda tokens: {"tokens": tokens}, {"tokens": Input.tokens(3, 5)})
    assert not tokens.drawable
    with pytest.raises(ValueError, match="must lie in 0 .. 4"):
        tokens.draw([0], tokens=[[1, 5, 0]])
