"""The metrics of what becomes of given pictures, and of codes, on models whose truth is known."""

import numpy as np
import pytest

import tfgen
from tests.evaluation.painters import Painter, digits, painter
from tests.tiny import TINY
from tfgen import data
from tfgen.cli import catalog
from tfgen.construct import entry, parameters
from tfgen.evaluation import drawing, of_codes, of_conditions, progress, reference
from tfgen.metrics.table import METRICS
from tfgen.networks.multi_domain import label_sets
from tfgen.signature import Input

IMAGE = {"image": Input.image((8, 8, 1))}


def test_the_table_is_complete_and_listed_without_importing_it():
    lines = dict(catalog.metrics())
    assert list(lines) == list(METRICS)
    for name in METRICS:
        metric = entry(METRICS, name)
        assert lines[name] == metric.__doc__.splitlines()[0]
        made = metric()  # Every option has a default.
        assert made.needs and all(p.default is not p.empty for p in parameters(metric).values())


@pytest.mark.parametrize(("sign", "error"), [(-1.0, 0.0), (1.0, 1.0)])
def test_domain_error_of_a_perfect_and_of_no_translation(sign, error):
    def inverted(split):
        return data.source("inverted-digits", split)

    model = Painter(
        a_to_b=(lambda image: {"image": sign * image}, IMAGE),
        b_to_a=(lambda image: {"image": sign * image}, IMAGE),
    )
    report = tfgen.evaluate(model, inverted("test"), "domain_transfer", training=inverted("train"))
    for name in ("domain_error", "domain_error_a_to_b", "domain_error_b_to_a"):
        assert report[name].value == pytest.approx(error, abs=0.02)
    assert report["judge_error"].value < 0.02 and report["cycle_error"].value == 0.0


def test_domain_error_between_classes():
    light = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], np.float32)

    def translate(image, domain):
        grey = image.max(-1, keepdims=True) + 1.0
        return {"image": grey * light[domain][:, None, None] - 1.0}

    inputs = {"image": Input.image((8, 8, 3)), "domain": Input.label(4)}
    model = Painter(translate=(translate, inputs))
    model.sets = label_sets("class", 4)
    test, train = (data.source("tinted-digits", split) for split in ("test", "train"))
    report = tfgen.evaluate(
        model, test, [{"name": "domain_transfer", "limit": 100}], training=train
    )
    assert report["domain_error"].value < 0.05 and report["cycle_error"].value < 1e-6
    assert "resize" in report["domain_error"].stamp["features"]


def test_mask_iou_and_reconstruction_of_known_values():
    mask = np.zeros((6, 8, 8, 1), np.float32)
    mask[:, :4] = 1.0

    def assemble(patches, z):
        placed = np.zeros((len(z), 8, 8, 1), np.float32)
        placed[:, :, :4] = 1.0  # A quarter is in both, three quarters in either.
        return {"image": patches[:, 0], "mask": placed}

    inputs = {"patches": Input.image((None, 8, 8, 1)), "z": Input.uniform(2)}
    model = Painter(assemble=(assemble, inputs))
    images = digits()[0][:6]
    batch = {"image": images, "patches": images[:, None], "mask": mask}
    report = tfgen.evaluate(model, batch, [{"name": "mask_iou", "limit": 4}])
    assert report["mask_iou"].value == pytest.approx(1 / 3)
    assert report["mask_iou_shuffled"].value == pytest.approx(1 / 3)
    assert "mask_iou_of_mean" not in report

    def follow(patches, z):
        return {"image": patches[:, 0], "mask": (patches[:, 0] + 1.0) / 2.0}

    model, own = Painter(assemble=(follow, inputs)), np.zeros((4, 8, 8, 1), np.float32)
    for row in range(4):
        own[row, row : row + 2] = 1.0  # Each shares one row of three with the next.
    known = {"image": images[:4], "patches": 2.0 * own[:, None] - 1.0, "mask": own}
    train = {**known, "image": digits()[0][10:14], "mask": np.repeat(own[:1], 4, axis=0)}
    report = tfgen.evaluate(model, known, "mask_iou", training=train)
    assert report["mask_iou"].value == 1.0
    assert report["mask_iou_shuffled"].value == pytest.approx(3 / 4 / 3)
    assert report["mask_iou_of_mean"].value == pytest.approx((1 + 1 / 3) / 4)

    model = Painter(reconstruct=(lambda image: {"image": image + 0.2}, IMAGE))
    report = tfgen.evaluate(model, images, "reconstruction")
    assert report["reconstruction_error"].value == pytest.approx(0.01, rel=1e-4)


def test_diversity_within_a_class_of_known_spread():
    """Samples: a value of 0 or 1 (in [0, 1]) everywhere, by chance; real ones: spread 0.1."""
    generator = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 100).astype(np.int32)
    offset = 0.25 * label[:, None, None, None] - 0.5  # What tells classes apart is not counted.
    real = (offset + 0.2 * generator.choice([-1.0, 1.0], (400, 8, 8, 1))).astype(np.float32)
    asked = []

    def two(z, label):
        asked.extend(label.tolist())
        return np.where(z[:, 0] < 0.5, -1.0, 1.0)[:, None, None, None] * np.ones((1, 8, 8, 1), "f")

    model = painter(two, {"label": Input.label(4)})
    report = tfgen.evaluate(model, (real, label), [{"name": "condition_diversity", "limit": 200}])
    made = report["condition_diversity"]
    assert made.value == pytest.approx(0.5, abs=0.05) and made.low < 0.5 < made.high
    assert report["condition_diversity_of_real"].value == pytest.approx(0.1, abs=0.002)
    assert np.bincount(asked).tolist() == [100] * 4 and made.unit == "standard deviation in [0, 1]"
    model = painter(lambda z, label: real[100 * label], {"label": Input.label(4)})
    report = tfgen.evaluate(model, (real, label), "condition_diversity")
    assert report["condition_diversity"].value == 0.0


def test_pairs_share_a_caption_and_are_different_pictures():
    captions = np.array([[b"a", b"b"], [b"c", b"a"], [b"d", b"d"], [b"a", b"d"], [b"e", b"f"]])
    first, second, shared = of_conditions.pairs(captions, 100, 0)
    assert sorted(shared.tolist()) == [b"a", b"d"]
    for a, b, caption in zip(first, second, shared, strict=True):
        assert a != b and caption in captions[a] and caption in captions[b]
    assert [len(x) for x in of_conditions.pairs(captions, 1, 0)] == [1, 1, 1]
    assert [len(x) for x in of_conditions.pairs(np.arange(9), 100, 0)] == [0, 0, 0]


def test_diversity_needs_a_condition_that_pictures_share():
    images = digits()[0][:9]
    model = painter(lambda z, label: images[label], {"label": Input.label(9)})
    with pytest.raises(ValueError, match="No two pictures of the data have one label in common"):
        tfgen.evaluate(model, (images, np.arange(9, dtype=np.int32)), "condition_diversity")
    with pytest.raises(ValueError, match="not drawn by class or caption alone"):
        tfgen.evaluate(painter(lambda z: images[:1]), images, "condition_diversity")


def test_codes_that_are_the_factors_are_disentangled():
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 4, (600, 2)).astype(np.int32)
    images = np.zeros((600, 8, 8, 1), np.float32)
    images[:, 0, :2, 0] = factors / 2.0 - 1.0
    model = Painter(encode=(lambda image: {"mean": image[:, 0, :2, 0]}, IMAGE))
    report = tfgen.evaluate(model, {"image": images, "factors": factors}, "disentanglement")
    assert report["mig"].value > 0.9 and report["factor_vae"].value > 0.95
    assert np.isfinite([f.value for f in report.figures]).all()


def test_codes_of_the_families():
    for name, width in (("vae", 3), ("aae", 2), ("infogan_codes", 6), ("autoencoder", 3)):
        tiny = TINY[name]
        codes = of_codes.encoded(tiny.build(), tiny.batch(5))
        assert codes.shape == (5, width) and np.isfinite(codes).all(), name


def test_how_samples_of_each_family_are_drawn():
    test = data.source("digits", "test")
    known = {
        "gan": ("generate", (), True),
        "conditionalgan": ("generate", ("label",), True),
        "pixelcnn": ("generate", (), True),
        "cvae": ("complete", ("image",), False),
        "vae": ("generate", (), True),
        "vae_mixture": ("generate", (), True),
    }
    for name, (signature, given, repeats) in known.items():
        way = drawing.way(TINY[name].build(), reference.of(test))
        assert (way.signature, way.given, way.repeats) == (signature, given, repeats), name
        assert drawing.count(way, reference.of(test), 9000) == (9000 if repeats else 500)
    assert "no signature that generates" in drawing.way(
        TINY["autoencoder"].build(), reference.of(test)
    )
    assert "second domain" in drawing.way(TINY["cyclegan"].build(), reference.of(test))


def test_conditions_follow_the_rows_of_the_data_again_and_again():
    images, labels = digits(rows=7)
    seen = []

    def paint(z, label):
        seen.extend(label)
        return images[label % 7]

    model = painter(paint, {"label": Input.label(10)})
    found = drawing.way(model, reference.of((images, labels)))
    drawn = list(drawing.pictures(model, found, reference.of((images, labels)), 17, 0, 5))
    assert seen == [labels[n % 7] for n in range(17)]
    assert [n for _, own, _ in drawn for n in own] == seen
    seeds = np.concatenate([s for *_, s in drawn])
    np.testing.assert_array_equal(seeds, range(17))


def test_fewer_samples_than_asked_for_are_noted():
    images, _ = digits(rows=60)
    model = Painter(complete=(lambda image: {"image": image}, IMAGE))
    report = tfgen.evaluate(model, images, "kid", samples=90, features="digits8")
    assert report["kid"].stamp["samples"]["count"] == 60
    assert "60 samples, not 90: the data's pictures are used once each" in report["kid"].notes


def test_logs_say_how_far_a_long_loop_is(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    with progress.bar(4, "samples", "images") as lines:  # Captured: no terminal.
        lines.update(1)
        lines.update(3)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("samples: 1 of 4 images in 0 s, about") and last.endswith("in 0 s")
    for shown in (False, True):
        with progress.bar(4, "samples", "images", shown) as bar:
            bar.update(4)
    assert "4 of 4" not in capsys.readouterr().err


def test_references_are_the_same_at_every_pass_and_prepared_as_for_training():
    source = data.source("digits", "test")
    for binarize in (None, "threshold", "stochastic"):
        one = reference.of(source, binarize=binarize)
        first, second = (one.rows("image", limit=300)[0] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.shape == (300, 8, 8, 1)
        assert (np.unique(np.abs(first)).tolist() == [1.0]) == (binarize is not None)
    assert reference.of(source, binarize="threshold").stamp()["preparation"] == {
        "binarize": "threshold"
    }


def test_batches_as_fit_takes_them_are_a_reference():
    source = data.source("digits", "test")
    given = reference.of(data.load("digits", "test", batch_size=64))
    assert (given.size, given.name, given.keys) == (500, "digits", ("image", "label"))
    np.testing.assert_array_equal(given.rows("label")[0], source.arrays["label"])
    endless = data.batches(source, 64, start=0)
    with pytest.raises(ValueError, match="has no end"):
        reference.of(endless)
