import functools
import json
import types

import numpy as np
import pytest

import tfgen
from tests.evaluation.painters import Painter, copying, digits, noise, painter
from tests.tiny import TINY
from tfgen import data
from tfgen.construct import ConfigError
from tfgen.evaluation import drawing, of_translations, reference, store, work
from tfgen.evaluation.report import Figure, Report, key
from tfgen.signature import Input

TEST, LABELS = digits()
TRAIN = digits("train")[0]
# Arrays are of no known data set: a network for them must be named.
measured = functools.partial(tfgen.evaluate, features="digits8")


def test_copies_of_training_pictures_are_close_and_noise_is_far():
    close = measured(copying(TRAIN), TEST, "fid,kid,prdc", samples=600)
    far = measured(painter(noise), TEST, "fid,kid,prdc", samples=600)
    assert close["fid"].value < 0.1 * far["fid"].value
    assert close["kid"].value < 0.1 * far["kid"].value
    assert close["precision"].value > 0.7 > 0.1 > far["precision"].value
    for figure in (*close.figures, *far.figures):
        assert figure.low <= figure.high and figure.method and figure.level == 0.95


def test_every_figure_says_how_it_was_made():
    report = tfgen.evaluate(copying(TRAIN), data.source("digits", "test"), "fid", samples=300)
    stamp = report["fid"].stamp
    assert stamp["data"]["name"] == "digits" and stamp["data"]["split"] == "test"
    assert stamp["data"]["fingerprint"] == data.source("digits", "test").fingerprint
    assert stamp["samples"] == {"count": 300, "sets": [0], "signature": "generate", "from_data": []}
    assert stamp["features"]["feature_network"] == "digits8"
    assert len(stamp["features"]["feature_network_hash"]) == 64
    assert stamp["metric"]["name"] == "fid" and stamp["metric"]["groups"] == 20
    assert stamp["model"]["step"] == 5 and stamp["training"] is None
    assert stamp["versions"]["tensorflow"] and stamp["versions"]["scikit-learn"]
    assert json.loads(json.dumps(stamp)) == stamp
    assert "digits, test, 500 pictures" in report.table() and "digits8" in report.table()
    again = tfgen.evaluate(copying(TRAIN), data.source("digits", "test"), "fid", samples=300)
    assert key(again["fid"].stamp) == key(stamp) and again["fid"].value == report["fid"].value
    other = tfgen.evaluate(copying(TRAIN), data.source("digits", "test"), "fid", samples=301)
    assert key(other["fid"].stamp) != key(stamp)


def test_figures_do_not_depend_on_the_batch_size():
    values = [
        measured(copying(TRAIN), TEST, "fid", samples=150, batch_size=size)["fid"].value
        for size in (7, 150)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_sets_of_samples_differ_and_are_averaged():
    report = measured(copying(TRAIN), TEST, "fid", samples=200, seeds=[0, 3])
    alone = [measured(copying(TRAIN), TEST, "fid", samples=200, seeds=s)["fid"] for s in (0, 3)]
    figure = report["fid"]
    assert alone[0].value != alone[1].value
    assert figure.parts == tuple(f.value for f in alone)
    assert figure.value == pytest.approx(np.mean(figure.parts))
    assert figure.low == pytest.approx(np.mean([f.low for f in alone]))
    assert figure.stamp["samples"]["sets"] == [0, 3] and "2 sets" in figure.method


def test_several_models_give_an_interval_over_them():
    models = [copying(TRAIN[:400]), copying(TRAIN[400:800]), copying(TRAIN[800:])]
    figure = measured(models, TEST, "fid", samples=200)["fid"]
    assert len(figure.parts) == 3 and figure.value == pytest.approx(np.mean(figure.parts))
    assert figure.low < figure.value < figure.high and "3 models" in figure.method
    assert len(figure.stamp["model"]) == 3


def test_only_a_bounded_number_of_pictures_is_kept(monkeypatch):
    monkeypatch.setattr(work, "KEPT_PICTURES", 40)
    one = work.Work(copying(TRAIN), reference.of(TEST), samples=250, batch_size=30)
    assert one.fake.count == len(one.fake.features) == 250 and len(one.fake.pictures) == 40
    assert max(rows for _, rows in one.model.calls) == 30
    report = measured(one.model, TEST, "swd,fid", samples=250)
    assert report["swd_mean"].stamp["kept_pictures"] == 40


def test_pictures_of_the_metrics_come_with_the_report():
    report = measured(copying(TRAIN), TEST, "memorisation", samples=50, training=TRAIN)
    assert report["authenticity"].value < 0.05 < report["authenticity_of_real"].value
    images, columns = report.pictures["nearest training pictures"]
    assert columns == 6 and images.shape == (48, 8, 8, 1)
    np.testing.assert_array_equal(images[0], images[1])  # A copy, and what it copies.


def test_conditional_samples_are_judged_by_their_class():
    by_class = [TRAIN[digits("train")[1] == k] for k in range(10)]

    def paint(z, label):
        return np.array(
            [by_class[k][int(u * len(by_class[k]))] for u, k in zip(z[:, 0], label, strict=True)]
        )

    training = digits("train")
    metrics = "label_agreement,train_on_synthetic"
    right = painter(paint, {"label": Input.label(10)})
    report = measured(right, (TEST, LABELS), metrics, samples=800, training=training)
    assert report["label_agreement"].value > 0.95
    assert report["judge_accuracy"].value > 0.9 and report["train_on_synthetic"].value > 0.85
    wrong = painter(lambda z, label: paint(z, (label + 1) % 10), {"label": Input.label(10)})
    report = measured(wrong, (TEST, LABELS), metrics, samples=800, training=training)
    assert report["label_agreement"].value < 0.05 and report["train_on_synthetic"].value < 0.1
    assert report["label_agreement"].stamp["samples"]["from_data"] == ["label"]


def test_a_share_that_never_occurs_still_has_an_interval():
    asked = types.SimpleNamespace(level=0.95)
    none = of_translations._share_by_picture(np.zeros(500), asked)
    assert none.value == 0 and 0.005 < none.high < 0.01
    some = of_translations._share_by_picture(np.repeat([0.0, 1 / 3], 250), asked)
    assert some.low < 1 / 6 < some.high


def test_each_row_with_several_captions_gives_one_in_turn():
    asked = []

    def paint(text):
        asked.extend(text.tolist())
        return {"image": np.zeros((len(text), 8, 8, 1), np.float32)}

    model = Painter(generate=(paint, {"text": Input((), "string")}))
    texts = np.array([[b"a", b"b"], [b"c", b"d"], [b"e", b"f"]])
    drawing.served(model, "generate", {"text": texts}, first=1)
    assert asked == [b"b", b"c", b"f"]


@pytest.mark.parametrize(
    ("paint", "message"),
    [
        (lambda z: np.where(z[:, :1, None, None] > 0.5, np.nan, noise(z)), "not finite"),
        (lambda z: 127.5 * (noise(z) + 1), r"outside \[-1, 1\].*0\.\d+ to 25\d"),
        (lambda z: noise(z)[:, :4], r"\(4, 8, 1\), but those of the data are \(8, 8, 1\)"),
        (lambda z: np.repeat(noise(z), 3, -1), r"\(8, 8, 3\), but those of the data are"),
    ],
    ids=["nan", "scale", "size", "channels"],
)
def test_pictures_that_cannot_be_measured_are_refused(paint, message):
    for metrics in (None, "fid"):
        with pytest.raises(ValueError, match=message):
            measured(painter(paint), TEST, metrics, samples=50)


def test_a_linear_output_that_oversteps_is_cut_off_and_noted():
    report = measured(painter(lambda z: 1.02 * noise(z)), TEST, "fid,kid", samples=60)
    for figure in report.figures:
        assert "outside [-1, 1], cut off" in "".join(figure.notes)


def test_what_is_meaningless_is_said():
    spec = [{"name": "fid", "groups": 10}]
    report = measured(copying(TRAIN), TEST[:25], spec, samples=25)
    assert any("25 samples with 32 features" in n for n in report["fid"].notes)
    assert "note: " in report.table()
    blank = painter(lambda z: np.zeros((len(z), 8, 8, 1), np.float32))
    report = measured(blank, TEST, "fid,prdc,ms_ssim", samples=200)
    for name in ("fid", "recall"):
        assert "all samples are one picture" in report[name].notes
    assert report["recall"].value == 0.0 and np.isfinite(report["fid"].value)
    assert report["ms_ssim"].value == pytest.approx(1.0, abs=1e-6)


def test_wrong_names_and_options_are_named():
    for metrics, message in (
        ("fidd", "unknown name 'fidd'. Did you mean 'fid'"),
        ([{"name": "kid", "groups": 3}], r"metrics\[0\].groups: unknown name"),
        ([{"name": "prdc", "nearest": "5"}], "expected a whole number"),
        ("", "none asked for"),
    ):
        with pytest.raises(ConfigError, match=message):
            measured(copying(TRAIN), TEST, metrics)
    for options, message in (
        ({"samples": 1}, "`samples` must be at least 2"),
        ({"seeds": [1, 1]}, "different whole numbers"),
        ({"seeds": []}, "different whole numbers"),
        ({"seeds": -1}, "different whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            measured(copying(TRAIN), TEST, "fid", **options)
    with pytest.raises(ValueError, match="Metric 'fid': 20 groups need .* Give more samples"):
        measured(copying(TRAIN), TEST, "fid", samples=30)
    with pytest.raises(ValueError, match="Give `dataset`"):
        measured(copying(TRAIN))
    with pytest.raises(ValueError, match="list is empty"):
        measured([], TEST)


def test_what_does_not_apply_is_an_error_where_asked_for_and_listed_where_not():
    with pytest.raises(ValueError, match="'nll' does not apply to Painter.*no exact likelihood"):
        measured(copying(TRAIN), TEST, "fid,nll", samples=50)
    report = measured(copying(TRAIN), TEST, samples=150)
    assert report.skipped["nll"] == "the model has no exact likelihood"
    assert report.skipped["parzen"] == "the training data are not known"
    assert {"fid", "kid", "is", "precision", "swd_mean", "ms_ssim"} <= {
        f.plain_name for f in report.figures
    }
    assert "left out: nll: the model has no exact likelihood" in report.table()
    assert "left out: elbo, iwae: the model has no variational bound" in report.table()


def test_pictures_that_a_model_was_trained_on_are_refused():
    model = copying(TRAIN)
    with pytest.raises(ValueError, match=r"trained on 100% .*--seen"):
        measured(model, TRAIN, "fid", samples=50, training=TRAIN)
    half = np.concatenate([TEST[:50], TRAIN[:50]])
    with pytest.raises(ValueError, match="trained on 50% of the pictures"):
        measured(model, half, "fid", samples=50, training=TRAIN)
    report = measured(model, TRAIN, "fid", samples=50, training=TRAIN, seen=True)
    assert report["fid"].stamp["also_trained_on"] == 1.0 and "trained on 100" in report.table()
    report = measured(model, TEST, "fid", samples=50, training=TRAIN)
    assert report["fid"].stamp["also_trained_on"] == 0.0


def test_feature_networks_are_chosen_by_data_and_size():
    assert work.fitting((8, 8, 1), "digits") == ("digits8", None)
    assert work.fitting((16, 16, 1), "digits") == ("digits8", True)
    assert work.fitting((32, 32, 1), "patches:mnist-5k") == ("mnist28", True)
    assert work.fitting((16, 16, 3), "tfds:cifar10[cat]") == ("cifar32", True)
    assert work.fitting((20, 20, 1), "array") == ("mnist28", True)
    assert work.fitting((256, 256, 3), "folder:x") == ("inception_v3", None)
    with pytest.raises(ValueError, match="Unknown feature network 'vgg'"):
        tfgen.evaluate(copying(TRAIN), TEST, "fid", samples=50, features="vgg")


def test_likelihood_metrics_are_those_of_the_functions():
    from tfgen.metrics import likelihood, nll

    tiny = TINY["pixelcnn"]
    model, batch = tiny.build(), tiny.batch(20)
    report = tfgen.evaluate(model, {"image": batch["image"]}, "nll")
    expected = nll(model, [batch])
    assert report["nll"].value == pytest.approx(expected.nats, rel=1e-6)
    assert report["nll_bits_per_dim"].value == pytest.approx(expected.bits_per_dim, rel=1e-6)
    assert report["nll"].unit == "nats" and report["nll"].better == "lower"

    model, images = TINY["vae"].build(), np.where(TEST[:40] > 0, 1, -1).astype("float32")
    spec = [{"name": "iwae", "samples": 10}, "elbo"]
    report = tfgen.evaluate(model, images, spec)
    expected = likelihood.estimate(model, images, samples=10)
    assert report["iwae_10"].value == pytest.approx(-expected.log_likelihood, rel=1e-5)
    assert (
        report["elbo_bits_per_dim"].unit == "bits/dim"
        and report["kl"].low < expected.kl < report["kl"].high
    )


def test_figures_are_kept_under_their_stamp(tmp_path):
    path = tmp_path / "evaluation.json"

    def report(value, count):
        stamp = {"samples": {"count": count}, "time": str(value)}
        return Report([Figure("fid", "fid", value, 0.0, float("nan"), "", 0.95, stamp=stamp)])

    store.add(path, report(1.0, 100))
    store.add(path, report(2.0, 200))
    store.add(path, report(3.0, 100))  # By the protocol of the first, later.
    assert [e["value"] for e in store.entries(path)] == [2.0, 3.0]
    (latest,) = store.latest(path)
    assert latest.value == 3.0 and np.isnan(latest.high)
    path.write_text("{")
    with pytest.raises(ValueError, match="no evaluation that can be read"):
        store.add(path, report(4.0, 1))
    assert path.read_text() == "{"


def test_figures_of_features_name_their_network(tmp_path):
    report = measured(copying(TRAIN), TEST, "fid,is,prdc,ms_ssim", samples=200)
    names = [figure["name"] for figure in report.as_dict()["figures"]]
    of_features = ("fid", "is", "is_of_real", "precision", "recall", "density", "coverage")
    assert names == [*(f"{n}(digits8)" for n in of_features), "ms_ssim", "ms_ssim_of_real"]
    assert "fid(digits8) " in report.table() and "\nfid " not in report.table()
    assert report["fid"] is report["fid(digits8)"] and "fid(mnist28)" not in report
    assert report["fid"].better == "lower" and report["is_of_real"].is_control
    # Files of before: the network stands in the stamp.
    entry = {**report.as_dict()["figures"][0], "name": "fid", "key": key(report["fid"].stamp)}
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps({"figures": [entry]}))
    assert [figure.name for figure in store.every(path)] == ["fid(digits8)"]
    store.add(path, report)
    assert [e["name"] for e in store.entries(path)] == names


@pytest.mark.parametrize(("name", "trained"), [("tinted-digits", False), ("digits", True)])
def test_distances_are_measured_by_a_network_of_such_data_only(name, trained):
    source = data.source(name, "test")
    images = source.arrays["image"]
    images = images if images.dtype.kind == "f" else np.float32(images / 127.5 - 1.0)
    report = tfgen.evaluate(copying(images), source, samples=120)
    for metric in ("fid", "fid_infinity", "kid", "is", "prdc"):
        assert (metric not in report.skipped) == trained
    if not trained:
        assert report.skipped["fid"].startswith(
            "feature network 'cifar32' was trained on tfds:cifar10, not on tinted-digits"
        )
        with pytest.raises(ValueError, match="'kid' does not apply.*not on tinted-digits"):
            tfgen.evaluate(copying(images), source, "kid", samples=120)
        named = ("cifar32", True)
        report = tfgen.evaluate(copying(images), source, "kid", samples=120, features=named)
        assert any("not on tinted-digits" in note for note in report["kid(cifar32)"].notes)


@pytest.mark.parametrize(("name", "shown"), [("vae", "generate"), ("cvae", "complete")])
def test_samples_of_binary_data_are_drawn_from_the_likelihood(name, shown):
    model, images = TINY[name].build(), np.where(TEST[:60] > 0, 1, -1).astype("float32")
    found = {}
    for signature in (None, "draw", shown):
        report = tfgen.evaluate(model, images, "swd", samples=60, signature=signature)
        found[signature] = report["swd_mean"]
        assert report["swd_mean"].stamp["samples"]["signature"] == (signature or "draw")
        assert f"by {signature or 'draw'!r}" in report.table()
    assert found[None].value == found["draw"].value != found[shown].value
    drawn = work.Work(model, reference.of(images), samples=60).fake.pictures
    assert set(np.unique(drawn)) == {-1.0, 1.0}
    grey = work.Work(model, reference.of(TEST[:60]), samples=60)
    assert grey.way.signature == shown
    binarized = reference.of(data.source("digits", "test"), binarize="threshold")
    assert drawing.way(model, binarized).signature == "draw"
    with pytest.raises(ValueError, match="no signature 'paint' to draw samples by. Known: "):
        tfgen.evaluate(model, images, "swd", signature="paint")
