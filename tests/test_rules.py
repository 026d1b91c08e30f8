"""Rules of the code base that a reviewer should not have to remember."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

ROOT = Path(__file__).parent.parent


def test_help_and_import_are_light():
    code = (
        "import sys, tfgen, tfgen.cli.main\n"
        "try: tfgen.cli.main.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'onnx', 'sklearn')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


def test_the_documented_model_works():
    """The code in docs/new_model.md is run as it stands there."""
    page = (ROOT / "docs" / "new_model.md").read_text()
    source = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    names = {}
    exec(compile(source, "docs/new_model.md", "exec"), names)
    model = names["HingeGAN"]()
    model.compile()
    images = np.tanh(np.random.default_rng(0).normal(size=(16, 8, 8, 1))).astype("float32")
    history = model.fit(tf.data.Dataset.from_tensor_slices(images).batch(8), verbose=0).history
    assert set(history) == {"discriminator_loss", "generator_loss"}
    assert model.sample(range(3)).shape == (3, 8, 8, 1)


def test_every_top_level_name_is_documented_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    folders = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")}
    known = {"tfgen", "configs", "export", "serving", "benchmarks", "tests", "docs"}
    assert {name for name in folders & known if f"`{name}/" not in readme} == set()
