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

from tfgen import files
from tfgen.cli import main as cli
from tfgen.evaluation import store
from tfgen.reports import compare
from tfgen.training import record

HEAD = """# Measured

What `tfgen evaluate` says of configs of this repository, each trained once with its seed (0) on 2
CPU cores shared with other work: `tfgen train configs/NAME.yaml --run runs/NAME`, then `tfgen
evaluate runs/NAME --samples {samples}`. Value, then the 95 % interval; [metrics](metrics.md) says
of what, and why a value may lie outside its interval. `python -m benchmarks.results` writes this
page.

One seed: the intervals are those of the samples and the pictures, not of training again. Data are
the test split; models that are given pictures draw one sample for each. A reference for samples:
what `is_of_real`, `ms_ssim_of_real` and `authenticity_of_real` say of real pictures. Where the
name of a figure has a star, the numbers of samples differ, and the values do not compare; nor do
values of two tables.

A figure of features names its network: `fid(mnist28)` is no FID of papers, which is by Inception-v3
on ImageNet, and compares with other `fid(mnist28)` only. Where no shipped network was trained on
such pictures there is no distance in features ([feature networks](metrics.md#feature-networks));
the judges of classes and domains stand beside their own accuracy on real pictures.
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
    """The page: a table of the runs, one of figures for each data set, and what is left."""
    measured = {p.parent.name: p.parent for p in sorted(runs.glob(f"*/{store.NAME}"))}
    configs = sorted(p.stem for p in Path("configs").glob("*.yaml"))
    measured = {name: folder for name, folder in measured.items() if name in configs}
    parts = [HEAD.format(samples=samples), table(runs_of(measured)) + "\n"]
    groups: dict[str, list] = {}
    for folder in measured.values():
        groups.setdefault(data_of(folder), []).append(folder)
    for title, folders in groups.items():
        parts.append(f"## {title}\n\n{table(compare.rows(compare.figures(folders)))}\n")
    left = ", ".join(f"`{name}`" for name in configs if name not in measured)
    tail = f"{left}. The headers of some of them, and pages of models, have figures of their own."
    return "\n".join([*parts, f"## Not measured in this way\n\n{tail}\n"])


def data_of(folder):
    """The data that a run was measured on, in words."""
    data = store.latest(folder / store.NAME)[0].stamp["data"]
    prepared = [f"{k} {v}" for k, v in data["preparation"].items() if k != "binarize_seed"]
    return ", ".join([data["name"], *prepared])


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
