"""Very many pictures: any split draws the same files, and a restart draws what lacks."""

import json
import sys

import numpy as np
import pytest

from tfgen import bulk, data, export, lazy, zoo
from tfgen.bulk import drawing, painters, plans, scoring, shards
from tfgen.cli import main
from tfgen.metrics import frechet, kernel
from tfgen.training import config, run

SIZE = dict(shard_size=30, batch_size=8, last=99)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two steps on digits with classes, and its export."""
    folder = tmp_path_factory.mktemp("bulk")
    model = {"name": "conditionalgan", "image_shape": [8, 8, 1], "num_classes": 10}
    settings = config.parse(
        {
            "model": {**model, "latent_dim": 4, "generator_hidden": [5, 6, 8]},
            "data": {"name": "digits", "batch_size": 64},
            "fit": {"epochs": 1, "steps_per_epoch": 2, "verbose": 0},
            # Averages far from the weights, which all that draws uses.
            "compile": {
                "run_eagerly": True,
                "generator_optimizer": {
                    "name": "adam",
                    "learning_rate": 0.05,
                    "use_ema": True,
                    "ema_momentum": 0.9,
                },
            },
            "run": {"sample_epochs": None, "doctor_epochs": None},
        }
    )
    done = run.train(settings, folder / "run", say=lambda line: None)
    export.export(done.model, folder / "export", formats=("saved_model",))
    return folder


def drawn(folder, name, trained, **options):
    return bulk.generate(trained / name, folder, **{**SIZE, **options})


def pictures(folder):
    plan = plans.read(folder)
    parts = [p for shard in plan.shards() for p in shards.read(folder, shard, plan.kind)]
    return np.concatenate(parts)


def test_every_format_holds_the_pictures_of_the_seeds(trained, tmp_path):
    expected = painters.pictures.to_uint8(run.load(trained / "run").sample(range(100)))
    for kind in plans.FORMATS:
        found = drawn(tmp_path / kind, "run", trained, kind=kind)
        assert [s["first"] for s in found["shards"]] == [0, 30, 60, 90]
        assert found["pictures"] == 100 and found["model"]["kind"] == "run"
        # Rounding to 256 levels may go either way at the edge between two.
        difference = np.abs(pictures(tmp_path / kind).astype(int) - expected)
        assert difference.max() <= 1 and difference.mean() < 0.01
    with np.load(tmp_path / "npz" / "seeds-000000000030-000000000059.npz") as arrays:
        assert arrays["seed"].tolist() == list(range(30, 60))
        assert arrays["label"].shape == (30,) and len(set(arrays["label"].tolist())) > 3


def test_any_split_gives_the_same_files(trained, tmp_path):
    whole = drawn(tmp_path / "whole", "run", trained)
    assert drawn(tmp_path / "parts", "run", trained, part=(1, 3)) is None
    assert drawn(tmp_path / "parts", "run", trained, part=(2, 3)) is None
    assert drawn(tmp_path / "parts", "run", trained, part=(0, 3)) == whole
    of_export = drawn(tmp_path / "export", "export", trained)
    assert [s["sha256"] for s in of_export["shards"]] == [s["sha256"] for s in whole["shards"]]


def test_a_model_of_the_zoo_draws_too(tmp_path):
    found = bulk.generate("zoo:vae-digits", tmp_path / "x", last=19, batch_size=8, kind="npz")
    entry = zoo.shelf.find("vae-digits")
    assert found["model"] == {"kind": "zoo", "step": entry.step, "sha256": entry.sha256}
    difference = pictures(tmp_path / "x") - painters.pictures.to_uint8(
        zoo.load("vae-digits").sample(range(20))
    ).astype(int)
    assert np.abs(difference).max() <= 1
    with pytest.raises(ValueError, match="has one state only. Received checkpoint: best"):
        bulk.generate("zoo:vae-digits", tmp_path / "y", last=19, checkpoint="best")
    with pytest.raises(ValueError, match="model of the zoo 'vae-digit'"):
        bulk.generate("zoo:vae-digit", tmp_path / "y", last=19)


@pytest.mark.parametrize("kind", plans.FORMATS)
def test_a_restart_draws_what_lacks_and_sees_no_half_shard(kind, trained, tmp_path, monkeypatch):
    whole = drawn(tmp_path / "whole", "run", trained, kind=kind)
    painted = []

    def stopping(self, first, last, own=painters.Painter.__call__):
        if first == 38 and len(painted) < 10:
            raise KeyboardInterrupt
        painted.append(first)
        return own(self, first, last)

    monkeypatch.setattr(painters.Painter, "__call__", stopping)
    with pytest.raises(KeyboardInterrupt):
        drawn(tmp_path / "again", "run", trained, kind=kind)
    left = [p.name for p in (tmp_path / "again").iterdir()]
    assert len(left) == 2 and "plan.json" in left  # And the first shard.
    painted += [0] * 10
    before = len(painted)
    assert drawn(tmp_path / "again", "run", trained, kind=kind) == whole
    assert painted[before] == 30  # The first shard was not drawn again.


def test_another_plan_in_the_folder_is_refused(trained, tmp_path):
    drawn(tmp_path, "run", trained, part=(0, 2))
    with pytest.raises(ValueError, match="another plan .shard_size: 30 -> 20"):
        drawn(tmp_path, "run", trained, shard_size=20)
    with pytest.raises(ValueError, match="another plan .model: .*'run'.*'export'"):
        drawn(tmp_path, "export", trained)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine.txt").touch()
    with pytest.raises(ValueError, match="is not empty and holds no shards"):
        drawn(tmp_path / "x", "run", trained)


def test_what_is_no_number_of_seeds_or_part_is_said(trained, tmp_path, capsys):
    command = ["generate", str(trained / "run"), "--out", str(tmp_path / "x"), "--seeds"]
    for rest, said in (
        (["9-3"], "--seeds '9-3': expected one range"),
        (["0-9", "--part", "2"], "--part '2': expected the form 0/2"),
        (["0-9", "--part", "2/2"], "part must be k of n"),
        (["0-9", "--format", "jpg"], "format: "),
        (["0-9", "--shard-size", "0"], "shard_size must be 1 or more"),
        (["0-9", "--signature", "nothing"], "nothing"),
    ):
        assert main.main([*command, *rest]) == 2
        assert said in capsys.readouterr().err
    assert main.main([*command, "0-9", "--label", "3", "--format", "npz"]) == 0
    with np.load(tmp_path / "x" / "seeds-000000000000-000000000009.npz") as arrays:
        assert set(arrays["label"].tolist()) == {3}
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text())
    assert manifest["given"] == {"label": 3}


def test_moments_merge_in_any_order_and_parts():
    x = np.random.default_rng(0).normal(3.0, 2.0, (200, 5))
    expected = frechet.Moments(x)
    for edges in ((0, 200), (0, 1, 2, 200), (0, 50, 120, 199, 200)):
        parts = [scoring.Reduced() for _ in edges[1:]]
        for part, a, b in zip(parts, edges, edges[1:], strict=False):
            part.add(x[a:b])
        total = scoring.Merging.empty()
        for part in reversed(parts):
            total = scoring.Merging.merged(total, part)
        assert total.count == 200
        np.testing.assert_allclose(total.frechet.mean, expected.mean, rtol=1e-12)
        np.testing.assert_allclose(total.frechet.covariance, expected.covariance, rtol=1e-11)
    with pytest.raises(ValueError, match="5 features. Received: 4"):
        expected.merge(frechet.Moments(x[:, :4]))


def test_the_score_of_shards_is_that_of_their_pictures(trained, tmp_path, capsys):
    drawn(tmp_path, "run", trained)
    real = data.source("digits", "test")
    network = scoring.feature_networks.load("digits8")
    fake = scoring._floats(pictures(tmp_path))
    real_features = network.features(scoring._floats(real.arrays["image"]))
    expected = frechet.frechet_distance(network.features(fake), real_features)
    found = bulk.score(tmp_path, real)
    np.testing.assert_allclose(found["fid"], expected, rtol=1e-6)
    expected = kernel.unbiased_mmd(network.features(fake), real_features)
    np.testing.assert_allclose(found["kid"], expected, rtol=1e-6)
    assert found["samples"] == 100 and found["feature_network"] == "digits8"
    assert main.main(["score", str(tmp_path), "--data", "digits"]) == 0
    assert (
        f"fid {found['fid']:.6g}, kid {found['kid']:.6g}, 100 samples and 500 pictures"
        in capsys.readouterr().out
    )
    first = next(iter(plans.read(tmp_path).shards()))
    (tmp_path / first.name).unlink()
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(ValueError, match="1 of 4 shards lack"):
        bulk.score(tmp_path, real)


def test_without_beam_a_runner_names_the_extra(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delitem(sys.modules, "tfgen.bulk.beam", raising=False)
    bulk.__dict__.pop("beam", None)  # Not delattr, which would import it.
    with pytest.raises(ModuleNotFoundError) as error:
        drawn(tmp_path, "run", trained, runner="DirectRunner")
    assert "install -e '.[beam]'" in lazy.missing(error.value)


def test_beam_draws_and_scores_the_same(trained, tmp_path):
    pytest.importorskip("apache_beam", reason="needs the extra: pip install -e '.[beam]'")
    whole = drawn(tmp_path / "whole", "run", trained)
    beams = drawn(tmp_path / "beam", "run", trained, runner="DirectRunner")
    assert beams == whole
    real = data.source("digits", "test")
    one = bulk.score(tmp_path / "whole", real)
    other = bulk.score(tmp_path / "whole", real, runner="DirectRunner")
    for name in ("fid", "kid"):
        np.testing.assert_allclose(one.pop(name), other.pop(name), rtol=1e-6)
    assert one == other


def test_a_painter_is_loaded_once_a_process(trained, tmp_path):
    drawing._painter.cache_clear()
    drawn(tmp_path, "run", trained)
    assert drawing._painter.cache_info().misses == 1
