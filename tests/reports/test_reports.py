import json
import math
import re
import shlex

import numpy as np
import pytest
import yaml

from tests.evaluation.painters import Painter, copying, digits
from tests.tiny import TINY
from tfgen.evaluation import reference, store
from tfgen.evaluation.report import Figure, Report
from tfgen.explore.explored import Explored, Film
from tfgen.reports import card, charts, compare, explored, page, sentences, shown
from tfgen.signature import Input
from tfgen.training import config

STAMP = {
    "model": {"name": "GAN", "step": 40},
    "data": {
        "name": "digits",
        "split": "test",
        "fingerprint": "f" * 64,
        "size": 500,
        "image_shape": [8, 8, 1],
        "preparation": {"binarize": "threshold"},
    },
    "samples": {"count": 2000, "sets": [0, 1], "signature": "generate", "from_data": []},
    "features": {
        "feature_network": "digits8",
        "feature_network_hash": "a" * 64,
        "resize": "none",
    },
    "metric": {"name": "fid", "groups": 20},
    "also_trained_on": 0.0,
}
NOTE = {
    "seed": 3,
    "model": {"name": "gan", "parameters": {"generator": 616, "total": 616}},
    "data": {
        "name": "digits",
        "split": "train",
        "size": 1297,
        "image_shape": [8, 8, 1],
        "fingerprint": "e" * 64,
    },
    "starts": [{"time": "now", "command": "tfgen train", "versions": {"tfgen": "0.1.0"}}],
}
RECORD = {
    "version": 2,
    "formats": ["saved_model"],
    "default": "generate",
    "model": {"class": "GAN", "step": 40},
    "signatures": {
        "generate": {
            "inputs": {"z": {"dtype": "float32", "shape": [4]}},
            "outputs": {"image": {"dtype": "float32", "shape": [8, 8, 1]}},
        }
    },
    "extra": {"config": {"model": {"name": "gan"}}},
}


def figure(name="fid", value=3.25, low=3.0, high=3.5, unit="", notes=(), **stamp):
    stamp = {**STAMP, **stamp}
    return Figure(name, name, value, low, high, "jackknife", 0.95, unit, stamp, notes)


def front(text):
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])


def test_a_card_says_what_the_hub_reads():
    figures = [
        figure(),
        figure("nll", 17.5, math.nan, math.nan, "nats", ("few pictures",), features=None),
    ]
    text = card.text(RECORD, NOTE, figures, "apache-2.0")
    matter = front(text)
    assert matter["library_name"] == "tfgen" and matter["license"] == "apache-2.0"
    assert matter["pipeline_tag"] == "unconditional-image-generation"
    assert matter["datasets"] == ["digits"] and "gan" in matter["tags"]
    ((result,),) = [index["results"] for index in matter["model-index"]]
    assert result["dataset"] == {"name": "digits", "type": "digits", "split": "test"}
    assert [m["value"] for m in result["metrics"]] == [3.25, 17.5]
    assert "| fid(digits8) | 3.25 | [3, 3.5] | 95% jackknife |" in text
    assert "| nll | 17.5 nats | - |" in text
    assert text.count("Measured on digits, test") == 2  # With a feature network and without.
    assert [m["name"] for m in result["metrics"]] == [
        "fid(digits8)",
        "nll (nats)",
    ]
    assert 'model.signatures["generate"](z=z)' in text
    assert "e" * 64 in text and "- few pictures" in text and "`z` float32 (4)" in text
    assert 'tf.saved_model.load("2")' in text and "licence of the weights" not in text


def test_a_card_names_the_classes():
    named = {**NOTE, "data": {**NOTE["data"], "class_names": ["bags", "shoes"]}}
    assert "- classes: 0 bags, 1 shoes\n" in card.text(RECORD, named, [])
    assert "- classes" not in card.text(RECORD, NOTE, [])


def test_a_card_holds_no_path_of_the_machine():
    where, data = "/home/me/my work", {"name": "folder:/home/me/my pictures/birds"}
    record = {**RECORD, "extra": {"config": {"data": data, "evaluation": {"features": where}}}}
    command = shlex.join([f"{where}/.venv/bin/tfgen", "train", f"{where}/gan.yaml", "--run=/a/b c"])
    note = {
        **NOTE,
        "data": {**NOTE["data"], **data},
        "starts": [{**NOTE["starts"][0], "command": command}],
    }
    figures = [
        figure(notes=("left out /home/me/birds/1.png: truncated",), data={**STAMP["data"], **data})
    ]
    text = card.text(record, note, figures)
    assert "/home" not in text and "/my work" not in text and "/a/" not in text
    assert "- command: `tfgen train gan.yaml '--run=b c'`" in text
    assert "`folder:birds`" in text and "left out 1.png: truncated" in text
    assert front(text)["datasets"] == ["folder-birds"]


def test_a_card_leaves_figures_of_the_data_out_of_the_index():
    record = {**RECORD, "endpoints": {"sample": {"inputs": {"seed": {}}}}}
    text = card.text(record, NOTE, [figure("is_of_real")])
    assert 'signatures["sample"](seed=' in text and "model-index" not in front(text)


def test_a_card_without_figures_has_no_index_and_says_so():
    text = card.text(RECORD, NOTE, [])
    assert "model-index" not in front(text) and "Nothing was measured" in text
    assert "licence of the weights is not stated" in text


@pytest.mark.parametrize(
    ("name", "hub"),
    [
        ("tfds:cifar10", "cifar10"),
        ("pairs:A=tfds:mnist[0],B=digits", "pairs-A-tfds-mnist-0-B-digits"),
    ],
)
def test_a_card_names_data_in_letters_of_the_hub(name, hub):
    note = {**NOTE, "data": {**NOTE["data"], "name": name}}
    assert front(card.text(RECORD, note, []))["datasets"] == [hub]


def test_a_card_names_figures_of_another_step():
    old = figure(model={"name": "GAN", "step": 20})
    assert "Measured at step 20, not at the exported one." in card.text(RECORD, NOTE, [old])


def test_a_card_shows_samples_and_every_signature(tmp_path):
    sample = {
        "inputs": {"seed": {"dtype": "int64", "shape": []}},
        "outputs": {"image": {"shape": [8, 8, 1]}},
    }
    record = {**RECORD, "endpoints": {"sample": sample}}
    (tmp_path / "run" / "samples").mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text(json.dumps(NOTE))
    for epoch in (3, 12):
        (tmp_path / "run" / "samples" / f"epoch-{epoch:04d}.png").write_bytes(bytes([epoch]))
    text = card.write(tmp_path, tmp_path / "run", record).read_text()
    assert "![Samples of the run](samples.png)" in text
    assert (tmp_path / "samples.png").read_bytes() == bytes([12])
    assert "| `sample` | `seed` int64 () | `image` (8, 8, 1) |" in text


def test_a_card_does_not_replace_a_readme_of_yours(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps(NOTE))
    assert card.write(tmp_path, run, RECORD).name == "README.md"
    assert card.write(tmp_path, run, RECORD).name == "README.md"  # Ours is replaced.
    (tmp_path / "README.md").write_text("mine")
    assert card.write(tmp_path, run, RECORD).name == "MODEL_CARD.md"
    assert (tmp_path / "README.md").read_text() == "mine"


def measured(folder, *figures):
    folder.mkdir()
    store.add(folder / store.NAME, Report(list(figures)))
    return folder


def test_runs_side_by_side(tmp_path):
    other = {**STAMP["samples"], "count": 50}
    runs = [
        measured(tmp_path / "a", figure(), figure("nll", 17.5, 17.0, 18.0, "nats")),
        measured(tmp_path / "b", figure(value=9.0, samples=other)),
    ]
    found = compare.figures(runs)
    lines = compare.table(found).splitlines()
    assert lines[0].split() == ["figure", "a", "b"]
    assert lines[1].startswith("fid(digits8) \u2193 *") and "9 [3, 3.5]" in lines[1]
    assert lines[2].startswith("nll(digits8) \u2193 nats") and lines[2].endswith("-")
    assert "do not compare" in lines[-2] and lines[-1] == "  fid(digits8): samples 2000 or 50"
    path = compare.draw(found, tmp_path / "pictures" / "all.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="is a .png"):
        compare.draw(found, tmp_path / "all.txt")
    with pytest.raises(ValueError, match="nothing was measured.*tfgen evaluate"):
        compare.figures([tmp_path / "c"])
    with pytest.raises(ValueError, match="given twice"):
        compare.figures([runs[0], runs[0]])


def test_runs_of_one_protocol_are_not_marked(tmp_path):
    elsewhere = {"name": "GAN", "step": 80}
    runs = [measured(tmp_path / "a", figure()), measured(tmp_path / "b", figure(model=elsewhere))]
    assert "*" not in compare.table(compare.figures(runs))


def test_runs_are_compared_by_a_protocol_that_they_share(tmp_path):
    many = {"samples": {**STAMP["samples"], "count": 9000}}
    both = measured(tmp_path / "a", figure(value=1.0), figure(value=2.0, **many))
    runs = [both, measured(tmp_path / "b", figure(value=3.0), figure("kid"))]
    found = compare.figures(runs)
    assert [f.value for f in found["a"]] == [1.0] and compare.differences(found) == {}
    assert compare.names(found) == ["fid(digits8)", "kid(digits8)"]
    (alone,) = compare.figures([both])["a"]
    assert alone.value == 2.0  # The newest, where nothing is to be shared.


def test_curves_of_values_that_are_sometimes_missing():
    lines = [
        {"epoch": n, "loss": 1.0 / n, **({"val_loss": 2.0} if n % 2 else {}), "odd": math.nan}
        for n in range(1, 6)
    ]
    groups = charts.grouped(lines)
    assert groups == {"loss": ["loss"]}  # The validation is constant, the other no number.
    assert charts.curves(lines, {"loss": ["loss", "val_loss"]}).startswith(b"\x89PNG")


def test_curves_show_the_terms_of_a_loss_together_and_nothing_constant():
    lines = [
        {
            **{"step": n, "epoch": n, "seconds": n, "penalty": 0.0, "doctor/diversity": n},
            **{"real_loss": n, "fake_loss": 2 * n, "real_probability": n, "fake_probability": -n},
            **{"loss": n, "val_loss": -n},
        }
        for n in range(1, 4)
    ]
    assert charts.grouped(lines) == {
        "discriminator's loss, its terms": ["real_loss", "fake_loss"],
        "D(real) and D(fake)": ["real_probability", "fake_probability"],
        "loss": ["loss", "val_loss"],
    }
    assert charts.grouped(lines[:1]) == charts.grouped([]) == {}


def test_figures_in_words():
    figures = [
        figure("precision", 0.72, 0.70, 0.74),
        figure("recall", 0.4, 0.38, 0.42),
        figure("ms_ssim", 0.5, features=None),
        figure("ms_ssim_of_real", 0.2, features=None),
        figure("authenticity", 0.55),
        figure("authenticity_of_real", 0.9),
    ]
    said = dict(sentences.sentences(figures))
    assert list(said) == ["Quality", "Variety", "Memorising"]
    assert said["Quality"].startswith("72% (between 70% and 74%) of the samples lie where real")
    assert "40% (between 38% and 42%) of the real pictures" in said["Variety"]
    assert "samples resemble each other more than they should" in said["Variety"]
    assert "the model seems to copy" in said["Memorising"]
    assert sentences.sentences([]) == []
    keys = [f.plain_name for f in sentences.key_figures([*figures, figure()])]
    assert keys == ["fid", "precision", "recall", "authenticity"]


def test_a_config_is_shown_by_what_differs_from_the_defaults():
    text = """\
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4}
data: {name: digits, batch_size: 256}
fit: {epochs: 1}
run: {keep: 9}
compile: {generator_optimizer: {name: adam, learning_rate: 0.5}}
"""
    whole = config.parse(yaml.safe_load(text)).resolved()
    assert yaml.safe_load(page.differing(whole)) == {
        "model": {"name": "gan", "image_shape": [8, 8, 1], "latent_dim": 4},
        "data": {"name": "digits", "batch_size": 256},
        "run": {"keep": 9},
        "compile": {"generator_optimizer": {"name": "adam", "learning_rate": 0.5}},
    }


def test_what_each_family_shows():
    images, _ = digits(rows=20)
    made = shown.of_model(copying(images), reference.of(images))
    assert list(made) == ["real pictures", "samples"]
    assert made["samples"].shape == (71, 71, 1)  # 64 samples, one pixel apart.
    assert shown.speed(copying(images), reference.of(images)) > 1
    image = {"image": Input.image((8, 8, 1))}
    cycle = Painter(reconstruct=(lambda image: {"image": image}, image))
    made = shown.of_model(cycle, reference.of(images))
    assert shown.speed(cycle, reference.of(images)) is None
    pair = made["picture, reconstruction"]
    np.testing.assert_array_equal(pair[:8, :8], pair[:8, 8:16])
    tiny = TINY["pixelcnn"]
    batch = tiny.batch(6)
    made = shown.of_model(tiny.build(), reference.of({"image": batch["image"]}))
    half = made["picture, its upper half completed"]
    np.testing.assert_array_equal(half[:4, :8], half[:4, 8:16])  # The half that was given.


def test_what_was_explored_stands_in_the_report(tmp_path):
    frame = np.zeros((4, 6, 3), np.uint8)
    found = Explored("game", "D goes to 1/2.", {"D": 0.5}, {"d_star": frame, "z": Film([frame])})
    found.save(tmp_path / "explore" / "game", {"command": "tfgen explore game"})
    (one,) = explored.of_run(tmp_path)
    assert one["says"] == "D goes to 1/2." and '"D": 0.5' in one["numbers"]
    assert [f["kind"] for f in one["figures"]] == ["image/png", "image/gif"]
    assert one["figures"][0]["caption"] == "d star" and one["figures"][0]["width"] == 48
    assert explored.of_run(tmp_path / "nothing") == []
