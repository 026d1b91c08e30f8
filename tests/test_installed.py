"""What is said when something is not installed, or another thing under the same name."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import tfgen
from tfgen import lazy

ROOT = Path(__file__).parent.parent
# Distribution -> its module, where the two differ.
MODULES = {
    "apache-beam": "apache_beam",
    "grpcio": "grpc",
    "grpcio-health-checking": "grpc_health",
    "tensorflow-serving-api": "tensorflow_serving",
}


def setup():
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg")
    return found


def without(module, code):
    """A process in which a module is not installed."""
    hide = f"import sys; sys.modules[{module!r}] = None\n"
    return subprocess.run([sys.executable, "-c", hide + code], capture_output=True, text=True)


@pytest.mark.parametrize("module", ["grpc", "starlette", "uvicorn"])
def test_serve_without_its_extra_is_one_line(module, tmp_path):
    command = f"from tfgen.cli.main import main\nsys.exit(main(['serve', {str(tmp_path)!r}]))"
    done = without(module, command)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert (
        line.startswith(f"tfgen: {module} is not installed") and "install -e '.[serving]'" in line
    )


def test_python_says_it_too():
    done = without("grpc", "import tfgen\ntfgen.serving.Server")
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("ModuleNotFoundError: grpc is not installed, which the extra `serving`")
    )


def test_the_server_says_it_too(tmp_path):
    flags = ["--model_name=m", f"--model_base_path={tmp_path}", "--rest_api_port=-1"]
    done = without("grpc", f"from tfgen.serving.__main__ import main\nsys.exit(main({flags!r}))")
    assert done.returncode == 1 and "install -e '.[serving]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_package_of_an_extra_for_use_is_known():
    expected = {}
    for extra in ("beam", "serving"):
        lines = setup()["options.extras_require"][extra].split("\n")
        names = {re.split(r"[\s\[~<>=]", line)[0] for line in lines if line and line[0] != "#"}
        expected |= {MODULES.get(name, name): extra for name in names}
    assert expected == lazy.EXTRAS


def test_a_backend_that_is_not_installed_is_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "tfgen", "sample", "run"],
        capture_output=True,
        text=True,
        env={"KERAS_BACKEND": "jax", "PATH": "/usr/bin"},
        cwd=ROOT,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("tfgen: Keras is set to the backend jax")
    assert "Traceback" not in done.stderr


def installed(folder, name, summary):
    info = folder / f"{name}-0.6.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {name}\nSummary: {summary}\n")


def test_another_tfgen_in_the_same_place_is_said_at_import(tmp_path):
    installed(tmp_path, "tfgen", "Generate anomalies in time series")
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import tfgen"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "another project called tfgen is installed here" in done.stderr
    assert "pip uninstall tfgen" in done.stderr


def test_this_tfgen_is_no_stranger(tmp_path):
    assert lazy.namesake(["", str(tmp_path), str(tmp_path / "none")]) is None
    metadata = setup()["metadata"]
    installed(tmp_path, "tfgen_models", "whatever")
    installed(tmp_path, "tfgen", metadata["description"])
    assert lazy.namesake([str(tmp_path)]) is None


def test_name_version_and_install_lines():
    metadata = setup()["metadata"]
    assert metadata["name"] == "tfgen-models" and metadata["version"] == tfgen.__version__
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        assert not re.search(r"install '?tfgen|tfgen\[", page.read_text()), page


@pytest.mark.parametrize(
    ("change", "back", "message"),
    [
        ("set_image_data_format", ("channels_first", "channels_last"), "set_image_data_format"),
        ("set_floatx", ("float64", "float32"), "floatx is float64.*set_floatx"),
        ("set_floatx", ("bfloat16", "float32"), "floatx is bfloat16.*set_floatx"),
        ("set_dtype_policy", ("float64", "float32"), "policy is float64.*mixed_float16"),
        ("set_dtype_policy", ("bfloat16", "float32"), "policy is bfloat16"),
        ("set_dtype_policy", ("float16", "float32"), "policy is float16"),
    ],
)
def test_settings_of_keras_that_no_model_can_take_are_one_line(change, back, message):
    set_to = getattr(keras.config, change)
    set_to(back[0])
    try:
        with pytest.raises(ValueError, match=message) as caught:
            tfgen.models.GAN(image_shape=(8, 8, 1))
    finally:
        set_to(back[1])
    assert "\n" not in str(caught.value)
    assert tfgen.models.GAN(image_shape=(8, 8, 1)).count_params()
