import json
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import tfgen
from tfgen.cli import flags
from tfgen.cli import main as cli
from tfgen.pictures import class_grids
from tfgen.training import run

TEXT = """\
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4, generator_hidden: [8]}
data: {name: digits, batch_size: 256}
fit: {epochs: 1, verbose: 0}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(config file, run folder) of a finished run."""
    folder = tmp_path_factory.mktemp("cli")
    config = folder / "gan.yaml"
    config.write_text(TEXT)
    assert cli.main(["train", str(config), "--run", str(folder / "run")]) == 0
    return config, folder / "run"


def refused(capsys, *arguments):
    """The one message of a command that ends with exit status 2."""
    capsys.readouterr()
    assert cli.main([str(a) for a in arguments]) == 2
    out, error = capsys.readouterr()
    assert error.startswith("tfgen: ") and "Traceback" not in error + out
    return error


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["list", "models"]])
def test_help_and_lists_do_not_import_tensorflow(arguments):
    code = (
        "import sys\n"
        "from tfgen.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage: tfgen" in done.stdout or "gan" in done.stdout


def test_importing_tfgen_is_light_and_finds_its_modules():
    code = (
        "import sys, tfgen\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
        "assert 'models' in dir(tfgen) and tfgen.signature.Input\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert tfgen.data.load and tfgen.models.MODELS and tfgen.training.train
    with pytest.raises(AttributeError, match="no attribute 'modles'"):
        _ = tfgen.modles


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"tfgen {tfgen.__version__}\n"


def test_lists_are_those_of_the_tables(capsys):
    assert cli.main(["list", "models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(tfgen.models.MODELS)
    for line, model in zip(lines, tfgen.models.MODELS.values(), strict=True):
        home = sys.modules[model.__module__]
        assert line.endswith(home.__doc__.splitlines()[0])
    assert cli.main(["list", "datasets"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [tuple(line) for line in lines] == tfgen.data.describe()


def test_train_with_overrides_after_the_option(trained, capsys):
    config, folder = trained
    arguments = ["train", str(config), "--run", str(folder), "fit.epochs=1", "seed=0"]
    assert cli.main(arguments) == 0
    assert "finished: 1 epochs" in capsys.readouterr().out
    assert cli.main(["train", "seed=0", str(config), "--run", str(folder)]) == 2


def test_dry_run_shows_what_it_would_do(trained, tmp_path, capsys):
    config, _ = trained
    target = tmp_path / "run"
    assert cli.main(["train", str(config), "--run", str(target), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "generator 616, discriminator" in out and "(256, 8, 8, 1)" in out
    assert "5 an epoch, 5 in all" in out and "1,297 pictures 8x8x1, fingerprint" in out
    assert not target.exists()


def test_sample_writes_grid_files_and_array(trained, tmp_path, capsys):
    _, folder = trained
    expected = run.load(folder).sample(range(2, 6))
    for out in ("grid.png", "each/", "x.npy"):
        path = str(tmp_path / out) + ("/" if out.endswith("/") else "")
        assert cli.main(["sample", str(folder), "--seeds", "2-4,5", "--out", path]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected)
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (17, 17)
    np.testing.assert_array_equal(grid[:8, :8], tfgen.pictures.to_uint8(expected[0])[..., 0])
    names = sorted(p.name for p in (tmp_path / "each").iterdir())
    assert names == [f"seed-{n:06d}.png" for n in (2, 3, 4, 5)]
    first = np.asarray(Image.open(tmp_path / "each" / names[0]))
    np.testing.assert_array_equal(first, grid[:8, :8])
    large = ["--seeds", "2-4,5", "--scale", "3", "--out", str(tmp_path / "large.png")]
    assert cli.main(["sample", str(folder), *large]) == 0
    enlarged = np.asarray(Image.open(tmp_path / "large.png"))
    assert enlarged.shape == (49, 49)
    np.testing.assert_array_equal(enlarged[:24:3, 2:24:3], grid[:8, :8])
    assert cli.main(["sample", str(folder), "--seeds", "7"]) == 0
    assert (folder / "samples/seeds-7.png").exists()


def test_sample_takes_inputs(trained, tmp_path):
    _, folder = trained
    z = np.zeros((2, 4), np.float32)
    np.save(tmp_path / "z.npy", z)
    out = tmp_path / "x.npy"
    common = ["sample", str(folder), "--seeds", "0-1", "--out", str(out)]
    model = run.load(folder)
    assert cli.main([*common, "--input", f"z={tmp_path / 'z.npy'}"]) == 0
    np.testing.assert_array_equal(np.load(out), model.sample(range(2), z=z))
    assert cli.main([*common, "--input", "z=[[0, 0, 0, 0]]"]) == 0
    np.testing.assert_array_equal(np.load(out), model.sample(range(2), z=z))
    tfgen.pictures.save(tmp_path / "black.png", np.zeros((8, 8, 1), np.uint8))
    picture = f"image={tmp_path / 'black.png'}"
    assert cli.main([*common, "--signature", "discriminate", "--input", picture]) == 0
    black = np.full((2, 8, 8, 1), -1, np.float32)
    logits = model.sample(range(2), signature="discriminate", image=black)
    np.testing.assert_allclose(np.load(out), logits, rtol=1e-6)


@pytest.mark.slow
def test_classes_have_their_names_from_the_folder_to_the_export(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))
    for number, name in enumerate(("bags", "shoes")):
        (tmp_path / "p" / name).mkdir(parents=True)
        for n in range(8):
            pixels = np.full((8, 8), 200 * number + n, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "p" / name / f"{n}.png")
    config = tmp_path / "c.yaml"
    config.write_text(
        "model: {name: conditionalgan, image_shape: [8, 8, 1], num_classes: 2, latent_dim: 4,\n"
        "  generator_hidden: [4, 4, 4], discriminator_hidden: [4, 3, 4]}\n"
        f"data: {{name: 'folder:{tmp_path / 'p'}', split: all, channels: 1, batch_size: 8}}\n"
        "compile: {run_eagerly: true}\n"
        "fit: {epochs: 1, verbose: 0}\n"
        "run: {sample_epochs: null}\n"
    )
    folder, out = tmp_path / "run", tmp_path / "x.npy"
    assert cli.main(["train", str(config), "--run", str(folder), "--dry-run"]) == 0
    assert "classes     0 bags, 1 shoes" in capsys.readouterr().out
    assert cli.main(["train", str(config), "--run", str(folder)]) == 0
    assert run.record.read(folder)["data"]["class_names"] == ["bags", "shoes"]
    model = run.load(folder)
    common = ["sample", str(folder), "--seeds", "0-1", "--out", str(out)]
    for label, numbers in (("shoes", [1, 1]), ("shoes,bags", [1, 0]), ("1", [1, 1])):
        assert cli.main([*common, "--label", label]) == 0
        np.testing.assert_array_equal(np.load(out), model.sample(range(2), label=numbers))
    wall = ["sample", str(folder), "--seeds", "0-7", "--out", str(tmp_path / "wall.png")]
    assert cli.main(wall) == 0
    labels = model.signatures()["generate"].draw(range(8))["label"]
    images = model.sample(range(8))
    expected = class_grids.of_classes(images, labels, ["bags", "shoes"])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "wall.png")), expected[..., 0])
    said = refused(capsys, *common, "--label", "bag")
    assert "Input 'label' has no class 'bag'. Known: bags, shoes." in said
    export = ["export", str(folder), "--to", str(tmp_path / "x"), "--formats", "saved_model"]
    assert cli.main(export) == 0
    written = json.loads((tmp_path / "x" / "export.json").read_text())
    for name in ("signatures", "endpoints"):
        entry = written[name]["generate"]["inputs"]["label"]
        assert entry["class_names"] == ["bags", "shoes"]
    assert "- classes: 0 bags, 1 shoes" in (tmp_path / "x" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "9-3"], "--seeds '9-3': expected a form such as 0-63"),
        (["--seeds", "x"], "--seeds 'x'"),
        (["--scale", "0"], "--scale 0: expected a whole number of 1 or more"),
        (["--input", "z"], "--input 'z': expected the form name=value"),
        (["--input", "z=[[1, 2]]"], "Input 'z' must have shape (64, 4). Received: (64, 2)"),
        (["--input", "z=[[1], [2]]"], "--input z: 2 rows for 64 seeds"),
        (["--input", "z=none.npy"], "none.npy: No such file or directory"),
        (["--input", "y=[1]"], "Unknown inputs ['y']. Known: z."),
        (["--label", "3"], "Unknown inputs ['label']"),
        (["--signature", "paint"], "Unknown signature 'paint'. Known: generate"),
        (["--checkpoint", "best"], "no checkpoint is the best one"),
        (["--checkpoint", "77"], "no checkpoint '77'. There are: last, 5."),
        (["--out", "x.txt"], "x.txt: '.txt' is no picture format"),
        (["--signature", "discriminate"], "These inputs cannot be drawn and must be given"),
    ],
)
def test_sample_refuses(trained, capsys, arguments, message):
    assert message in refused(capsys, "sample", trained[1], *arguments)


def test_missing_run_and_missing_config(tmp_path, capsys):
    assert "there is no run here" in refused(capsys, "sample", tmp_path / "no")
    assert "there is no run here" in refused(
        capsys, "export", tmp_path / "no", "--to", tmp_path / "x"
    )
    missing = refused(capsys, "train", tmp_path / "no.yaml", "--run", tmp_path / "x")
    assert "no.yaml: no such file" in missing


def test_what_is_there_is_said_instead(trained, tmp_path, capsys):
    config, folder = trained
    said = refused(capsys, "sample", folder.with_name("rum"))
    assert f"There are: {folder}." in said and "`tfgen train CONFIG --run " in said
    assert "Did you mean" in (said := refused(capsys, "train", config.with_name("gam.yaml")))
    assert str(config) in said
    said = refused(capsys, "sample", folder, "--checkpoint", "best")
    assert "There are: last, 5." in said
    said = refused(capsys, "train", "dcgan_mnst")
    assert "Did you mean 'dcgan_mnist'?" in said and "`tfgen list configs`" in said


def test_a_config_by_name_trains_into_a_folder_of_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    text = TEXT + "compile: {run_eagerly: true}\nrun: {sample_epochs: null}\n"
    (tmp_path / "configs" / "my own.yaml").write_text("# Mine.\n" + text)
    assert cli.main(["list", "configs"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in listed if "Mine" in line] == [["my", "own", "Mine."]]
    assert [line.split()[0] for line in listed if line.startswith("quickstart")]
    assert cli.main(["train", "my own"]) == 0
    out = capsys.readouterr().out
    assert "Next: tfgen sample 'runs/my own' --seeds 0-63 --out grid.png" in out
    assert (tmp_path / "runs" / "my own" / "run.json").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.name=gam", "unknown name 'gam'. Did you mean 'gan'?"),
        ("data.name=digit", "Unknown data set 'digit'. Did you mean 'digits'?"),
        ("data.name=folder:/nowhere/at/all", "/nowhere/at/all"),
        ("data.split=tset", "tset"),
        ("model.latentdim=3", "Did you mean 'latent_dim'?"),
        ("model.latent_dim=few", "expected a whole number"),
        ("model.loss=hingy", "Unknown adversarial loss 'hingy'. Did you mean 'hinge'?"),
        ("model.loss=BCE", "Did you mean 'non_saturating'?"),
        (
            "model.initializer=papr",
            "must be 'paper' or 'glorot'. Received: 'papr'. Did",
        ),
        ("metrics=[fdi]", "metrics[0].name: unknown name 'fdi'. Did you mean 'fid'?"),
        ("metrics=[recall]", "Did you mean 'prdc'?"),
        ("data.batch_size=9999", "batch_size 9999 is larger than data set 'digits'"),
        ("compile.generator_optimizer={name: adam, learning_rate: 2e-4}", "write 2.0e-4"),
    ],
)
def test_train_refuses(trained, tmp_path, capsys, override, message):
    config, _ = trained
    assert message in refused(capsys, "train", config, "--run", tmp_path / "run", override)
    assert not (tmp_path / "run").exists()


def test_truncated_checkpoint_is_said(trained, tmp_path, capsys):
    config, _ = trained
    folder = tmp_path / "run"
    changes = ["run.checkpoint_steps=2", "run.sample_epochs=null"]
    assert cli.main(["train", str(config), "--run", str(folder), *changes]) == 0
    path = folder / "checkpoints/step-00000005.weights.h5"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="Using step 4 instead"):
        assert cli.main(["sample", str(folder), "--out", str(tmp_path / "x.npy")]) == 0
    said = refused(capsys, "sample", folder, "--checkpoint", "5")
    assert "step-00000005.weights.h5 is damaged" in said


def test_training_that_cannot_go_on(trained, tmp_path, capsys):
    config, _ = trained
    change = "compile.discriminator_optimizer={name: sgd, learning_rate: 1.0e+38}"
    said = refused(capsys, "train", config, "--run", tmp_path / "run", change, "fit.epochs=9")
    assert "_loss is nan" in said and "step " in said


def test_export_writes_a_version(trained, tmp_path, capsys, monkeypatch):
    from tfgen import export
    from tfgen.evaluation import store
    from tfgen.evaluation.report import Figure
    from tfgen.reports import card

    def record(model, folder, manifest_extra, formats, variants):
        assert formats == ("saved_model", "onnx", "tflite") and variants == ("fp16", "int8")
        assert model.latent_dim == 4 and manifest_extra["config"]["model"]["name"] == "gan"
        assert manifest_extra["data"]["size"] > 0 and manifest_extra["data"]["split"] == "train"
        assert manifest_extra["trained"]["seconds"] > 0 and manifest_extra["trained"]["started"]
        (figure,) = manifest_extra["figures"]
        assert figure["name"] == "nll" and figure["value"] == 1.5 and figure["step"] == 5
        errors = {"onnx": {"generate": 2e-7}, "saved_model": {"generate": 0.0}}
        return {
            "version": 3,
            "signatures": ["generate"],
            "verification": {"max_abs_error": errors},
            "folder": str(folder),
        }

    stamp = {"model": {"step": 5}}
    figure = Figure("nll", "nll", 1.5, 1.0, 2.0, "none", 0.95, "nats", stamp)
    monkeypatch.setattr(store, "latest", lambda path: [figure])
    monkeypatch.setattr(export, "export", record, raising=False)
    monkeypatch.setattr(card, "write", lambda *given: "a card")
    more = ["--formats", "saved_model,onnx,tflite", "--quantize", "fp16, int8"]
    assert cli.main(["export", str(trained[1]), "--to", str(tmp_path / "x"), *more]) == 0
    out = capsys.readouterr().out
    assert "version 3, step 5" in out and "2.0e-07" in out


def test_export_refuses_a_folder_that_cannot_be_written(trained, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    said = refused(capsys, "export", trained[1], "--to", tmp_path / "file" / "deep")
    assert str(tmp_path / "file") in said


def test_traceback_is_shown_on_demand(tmp_path):
    with pytest.raises(FileNotFoundError):
        cli.main(["sample", str(tmp_path), "--traceback"])


def test_ctrl_c_is_130(trained, capsys, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", stop)
    config, folder = trained
    assert cli.main(["train", str(config), "--run", str(folder)]) == 130
    assert capsys.readouterr().err == "tfgen: stopped.\n"


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        ("sample r --n 16", "--n: here it is --seeds 0-15."),
        ("sample r --num_samples=4", "--num_samples: here it is --seeds 0-3."),
        ("sample r --prompt 'a red 3'", "--prompt: here it is --input text='a red 3'."),
        (
            "train x.yaml --epochs 5 --lr 1e-4",
            "--epochs: here it is fit.epochs=5. --lr: here it is ",
        ),
        ("train x.yaml --batch-size 64 seed=1", "here it is data.batch_size=64."),
        ("serve x --port 80", "here it is --rest-port 80 (REST) or --grpc-port 80 (gRPC)."),
        (
            "export r --out y",
            "arguments are required: --to. --out: here it is --to y.",
        ),
        ("evaluate r --metrcs fid", "--metrcs: did you mean --metrics?"),
        ("train x.yaml --gpu 1", "CUDA_VISIBLE_DEVICES=1"),
        ("trian x.yaml", "Did you mean 'train'?"),
        ("list modles", "Did you mean 'models'?"),
    ],
)
def test_what_was_meant_is_said(arguments, instead, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(shlex.split(arguments))
    assert end.value.code == 2 and instead in capsys.readouterr().err


def test_foreign_flags_are_those_of_no_command():
    commands = next(a for a in cli.parser()._actions if a.dest == "command").choices
    for command, table in flags.FOREIGN.items():
        for one in [commands[command]] if command else commands.values():
            own = [o for action in one._actions for o in action.option_strings]
            # argparse takes the beginning of a flag for the flag: of `cost`, --devices.
            shortened = {"--device"} if "--devices" in own else set()
            wrong = {f for f in table if any(o.startswith(f) for o in own)} - shortened
            assert not wrong, command


def test_help_is_in_the_order_of_the_work(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    order = ["list", "train", "sample", "evaluate", "report", "export", "serve"]
    places = [text.index(f"\n    {name} ") for name in order]
    assert places == sorted(places)


@pytest.mark.parametrize("arguments", [["train"], ["paint"], [], ["sample", "r", "x=1"]])
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2 and "usage: tfgen" in capsys.readouterr().err
