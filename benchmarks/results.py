"""Trains configs one after the other, measures them, and writes the table of the documentation.

    python -m benchmarks.results vae_digits gan_digits --runs runs --out docs/results.md

A run that is finished, or measured, is not trained or measured again. Without names, only the
tables of the runs that are there are written. Configs without a measured run are listed.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tfgen import cli, files, record
from tfgen.evaluation import store
from tfgen.reports import compare

GROUPS = {
    "Adversarial": ("gan", "dcgan", "conditionalgan", "infogan", "progan", "texttoimage"),
    "Autoencoders": ("autoencoder", "vae", "cvae", "aae"),
    "Autoregressive": ("pixelcnn", "gatedpixelcnn", "pixelcnnpp", "pixelrnn"),
    "Translation and assembly": ("cyclegan", "stargan", "puzzlegan"),
}
HEAD = """# Measured

What `tfgen evaluate` says of configs of this repository, each trained once with its seed (0) on 2
CPU cores shared with other work: `tfgen train configs/NAME.yaml --run runs/NAME`, then `tfgen
evaluate runs/NAME --samples {samples}`. Value, then the 95 % interval; [metrics](metrics.md) says
of what, and why a value may lie outside its interval. `python -m benchmarks.results` writes this
page.

One seed: the intervals are those of the samples and the pictures, not of training again. Data are
the test split; models that are given pictures draw one sample for each. A reference for samples:
what `is_of_real`, `ms_ssim_of_real` and `authenticity_of_real` say of real pictures. Rows marked *
were measured on different data, by different feature networks or with different numbers of
samples, and do not compare.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", help="names in configs/, without .yaml")
    parser.add_argument("--runs", default="runs", help="where the runs are (default: runs)")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--out", default="docs/results.md")
    arguments = parser.parse_args()
    runs = Path(arguments.runs)
    for name in arguments.configs:
        trained_and_measured(name, runs / name, arguments.samples)
    text = page(runs, arguments.samples)
    files.write_text(Path(arguments.out), text)
    print(arguments.out)


def trained_and_measured(name, folder, samples):
    """Trains in a process of its own, and measures."""
    train = ["train", f"configs/{name}.yaml", "--run", str(folder)]
    done = subprocess.run([sys.executable, "-m", "tfgen", *train])
    if done.returncode == 0 and not (folder / store.NAME).exists():
        cli.main(["evaluate", str(folder), "--samples", str(samples)])


def page(runs, samples):
    """The page: a table of the runs, one of figures for each group of models, and what is left."""
    measured = {p.parent.name: p.parent for p in sorted(runs.glob(f"*/{store.NAME}"))}
    configs = sorted(p.stem for p in Path("configs").glob("*.yaml"))
    measured = {name: folder for name, folder in measured.items() if name in configs}
    parts = [HEAD.format(samples=samples), table(runs_of(measured)) + "\n"]
    for title, models in GROUPS.items():
        folders = [f for f in measured.values() if model_of(f) in models]
        if folders:
            rows = compare.rows(compare.figures(folders))
            parts.append(f"## {title}\n\n{table(rows)}\n")
    left = ", ".join(f"`{name}`" for name in configs if name not in measured)
    return "\n".join([*parts, f"## Not run here\n\n{left}.\n"])


def model_of(folder):
    """The name of a run's model."""
    return json.loads((folder / "run.json").read_text())["model"]["name"]


def runs_of(folders):
    """How each run was trained, from what it has written of itself."""
    rows = [("config", "data", "pictures", "steps", "seconds", "weights")]
    for name, folder in folders.items():
        note = json.loads((folder / "run.json").read_text())
        lines = record.lines(folder / "metrics.jsonl")
        seconds = sum(line.get("seconds", 0.0) for line in lines)
        data, weights = note["data"], note["model"]["parameters"]["total"]
        counts = (f"{data['size']:,}", f"{lines[-1]['step']:,}", f"{seconds:,.0f}", f"{weights:,}")
        rows.append((name, data["name"], *counts))
    return rows


def table(rows):
    """A Markdown table, the first row its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


if __name__ == "__main__":
    main()
