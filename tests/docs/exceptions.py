"""What the test of the documentation does not run as it stands, and why; all else is run."""

# Beginning of a command -> the reason. None of it is run.
NOT_RUN = {
    "tfgen explore lab": "serves a page until it is stopped; tests/explore/lab does that",
    "pip install": "installs from the package index",
    "docker compose": "starts containers of TensorFlow Serving, which must be downloaded",
    "kubectl apply": "needs a cluster",
    "hf auth login": "asks for a token of the Hub",
    "tfgen generate runs/dcgan --seeds 0-9999999 --out by-beam": "needs the extra `beam`",
    ".venv/bin/python -m pytest": "tests of the model that docs/new_model.md tells how to add",
}

# Of these the arguments are read by the program itself, and no more is done.
ARGUMENTS_ONLY = {
    "python -m benchmarks.bulk": "draws a million pictures; tests/benchmarks/test_bulk.py draws 40",
    "python -m benchmarks.infogan": "trains for hours; tests/benchmarks/test_infogan.py runs it",
    "python -m benchmarks.plan": "trains for minutes; test_plan.py does so briefly",
    "python -m benchmarks.precision": "trains for hours; test_precision.py does so briefly",
    "python -m benchmarks.train": "measures for minutes, and on MNIST itself",
    "python -m benchmarks.serving": "measures for minutes; tests/serving/test_load.py sends load",
    "python -m tfgen.metrics.train_feature_network": "trains for hours on downloaded data",
}

# `make -n`: what would be done is said, and all targets are there.
DRY = {"make": "installs, or runs these tests"}

# Blocks by page and first line: what the page tells one to put into files.
FRAGMENTS = {
    (
        "docs/scaling.md",
        "import tensorflow as tf",
    ): "the first of its process; run by tests/training/test_hosts.py",
    ("docs/new_model.md", "from tfgen.models.hingegan import HingeGAN"): "three lines of a file",
    ("docs/new_model.md", '    "hingegan": Tiny('): "a line of tests/tiny.py",
    ("docs/new_model.md", '"""The sizes, and learning on real digits.'): "a file of its own",
}
