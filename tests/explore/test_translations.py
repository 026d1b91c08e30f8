import numpy as np
import pytest

from tests.tiny import TINY
from tfgen import data
from tfgen.explore import domains, translations, translators


def tinted(split, rows=120, **others):
    source = data.source("tinted-digits", split)
    arrays = {k: np.asarray(v)[:rows] for k, v in source.arrays.items() if k != "image"}
    names = source.class_names
    return data.array(
        np.asarray(source.arrays["image"])[:rows],
        arrays.pop("label"),
        name="tinted-digits",
        split=split,
        class_names=names,
        **{"attributes": arrays["attributes"], **others},
    )


def inverted(split, rows=60):
    whole = data.source("inverted-digits", split)
    a, b = (np.asarray(s.arrays["image"])[:rows] for s in (whole, whole.second))
    return data.pairs(data.array(a, split=split), data.array(b, split=split))


def stargan(**changes):
    arguments = {"image_shape": (8, 8, 3), "num_domains": 4, "discriminator_layers": 1}
    return TINY["stargan"].build(**{**arguments, **changes})


class Inverting:
    """The true translator of inverted digits."""

    def call_signature(self, name, feeds):
        import tensorflow as tf

        assert name in ("a_to_b", "b_to_a")
        return {"image": -tf.constant(feeds["image"])}

    def signatures(self):
        return dict.fromkeys(("a_to_b", "b_to_a"))

    def averaged(self):
        import contextlib

        return contextlib.nullcontext()


def test_a_perfect_translator_is_read_as_such():
    model = Inverting()
    known, own = (translators.of("domains", model, inverted(s), 40, 0) for s in ("train", "test"))
    assert own.own.tolist() == [0, 1] * 20 and (own.other == 1 - own.own).all()
    assert own.moved("A").tolist() == [False, True] * 20
    reader = translators.Reader(known, own)
    found = translations.measured(model, own, reader)
    assert found["read_as_wanted"]["value"] == 1.0 == reader.accuracy
    assert found["cycle_error"] == 0.0
    # What turns every picture around does not leave alone what is there already.
    assert found["identity_error"] == found["change"] > 1.0


def test_each_picture_goes_where_it_is_sent():
    images = np.stack([np.full((8, 8, 1), value, np.float32) for value in (-0.5, 0.5, 0.2)])
    model = TINY["cyclegan_plain"].build()
    made = translators.translated(model, images, np.array([0, 1, 1]))
    for row, name in enumerate(("b_to_a", "a_to_b", "a_to_b")):
        alone = model.call_signature(name, {"image": images[row : row + 1]})["image"]
        np.testing.assert_allclose(made[row], alone[0], atol=1e-5)


def test_domains_of_cyclegan():
    calls = []
    found = domains(
        TINY["cyclegan"].build(),
        inverted("train"),
        inverted("test"),
        shown=4,
        pictures=20,
        steps=2,
        batch=4,
        progress=lambda *call: calls.append(call),
    )
    assert list(found.numbers["domains"]) == ["A", "B"]
    terms = found.numbers["terms"]
    assert set(terms) == {"steps", "batch", "all terms", "without cycle", "without identity"}
    assert terms["all terms"]["cycle_error"] != terms["without cycle"]["cycle_error"]
    assert calls[0] == (1, 7) and calls[-1] == (7, 7)
    assert set(found.figures) == {"domains", "terms"} and "without cycle: " in found.says


@pytest.mark.trace
def test_trainings_of_one_graph_are_those_of_their_own():
    """After another one in the same graph, a training is what it is in a model built for it."""
    changes, model = {"reconstruction_weight": 0.0, "class_weight": 0.5}, stargan()
    shared = translations._Trainings(model, tinted("train"), 2, 2, 0)
    images, domain = np.asarray(tinted("test").arrays["image"])[:4], np.arange(4)
    with_all = translators.translated(shared({}, print), images, domain)
    one = translators.translated(shared(changes, print), images, domain)
    alone = translations._Trainings(stargan(**changes), tinted("train"), 2, 2, 0)
    np.testing.assert_allclose(
        one, translators.translated(alone({}, print), images, domain), atol=1e-5
    )
    assert np.abs(one - with_all).max() > 1e-3


def test_a_term_that_a_run_is_without_is_switched_on():
    changes = translations._variants(TINY["cyclegan"].build(identity_weight=0.0))
    assert changes["with identity"] == {"identity_weight": 0.5}
    assert changes["without cycle"] == {"cycle_weight": 0.0} and changes["all terms"] == {}


def test_domains_of_stargan_with_classes():
    found = domains(stargan(), tinted("train"), tinted("test"), pictures=40, steps=0)
    assert list(found.numbers["domains"]) == ["0", "1", "2", "3"]
    assert set(found.figures) == {"domains"} and "terms" not in found.numbers
    own = translators.of("domains", stargan(), tinted("test"), 40, 0)
    assert own.own[:4].tolist() == [0, 1, 2, 3]


def test_domains_of_stargan_with_attributes():
    model = stargan(kind="attributes", num_domains=3)
    own = translators.of("domains", model, tinted("test"), 30, 0)
    assert list(own.targets) == ["0 changed", "1 changed", "2 changed"]
    assert all(own.moved(name).all() for name in own.targets)
    assert (np.abs(own.other - own.own).sum(1) == 1).all()
    found = domains(model, tinted("train"), tinted("test"), pictures=40, steps=1, batch=2)
    assert {"without domain", "without cycle", "without penalty"} <= set(found.numbers["terms"])


def test_of_two_label_sets_the_first_is_shown():
    model = TINY["stargan_joint"].build(image_shape=(8, 8, 3), num_domains=3)
    known = np.arange(120) % 2
    source = tinted("test", label_b=np.zeros(120, np.int32), label_set=known.astype(np.int32))
    assert len(translators.of("domains", model, source, 120, 0).images) == 60


def test_what_makes_no_sense():
    with pytest.raises(ValueError, match="explore domains: it makes no sense for DCGAN"):
        domains(TINY["dcgan"].build(), tinted("train"), tinted("test"))
    with pytest.raises(ValueError, match="has no 'label' of its pictures"):
        domains(stargan(), inverted("train"), inverted("test"))
    with pytest.raises(ValueError, match="has one set of pictures, not two"):
        domains(TINY["cyclegan"].build(), tinted("train"), tinted("test"))
    with pytest.raises(ValueError, match="`pictures` 10 or more"):
        domains(stargan(), tinted("train"), tinted("test"), pictures=2)
