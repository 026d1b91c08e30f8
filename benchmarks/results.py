"""Trains configs one after the other, measures them, and writes the table of the documentation.

    python -m benchmarks.results vae_digits gan_digits --runs runs --out docs/results.md

A run that is finished, or measured, is not trained or measured again. Without names, only the
table of the runs that are there is written.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tfgen import files
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
evaluate runs/NAME{options}`. Value, then the 95 % interval; [evaluation](evaluation.md) says of
what, and why a value may lie outside its interval. `python -m benchmarks.results` writes this page.

One seed: the intervals are those of the samples and the pictures, not of training again. Data are
the test split. A reference for samples: what `is_of_real`, `ms_ssim_of_real` and
`authenticity_of_real` say of real pictures. Columns of different data or feature networks (marked
*) do not compare.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", help="names in configs/, without .yaml")
    parser.add_argument("--runs", default="runs", help="where the runs are (default: runs)")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--out", default="docs/results.md")
    arguments = parser.parse_args()
    runs = Path(arguments.runs)
    for name in arguments.configs:
        trained_and_measured(name, runs / name, arguments.samples)
    text = page(runs, arguments.samples)
    files.write_text(Path(arguments.out), text)
    print(arguments.out)


def trained_and_measured(name, folder, samples):
    """Runs the two commands, each in a process of its own."""
    tfgen = [sys.executable, "-m", "tfgen"]
    done = subprocess.run([*tfgen, "train", f"configs/{name}.yaml", "--run", str(folder)])
    if done.returncode == 0 and not (folder / store.NAME).exists():
        subprocess.run([*tfgen, "evaluate", str(folder), "--samples", str(samples)])


def page(runs, samples):
    """The page: a table for each group of models."""
    options = "" if samples == 10_000 else f" --samples {samples}"
    parts = [HEAD.format(options=options)]
    for title, models in GROUPS.items():
        folders = [p.parent for p in sorted(runs.glob(f"*/{store.NAME}"))]
        folders = [f for f in folders if f.name.partition("_")[0] in models]
        if folders:
            parts.append(f"## {title}\n\n{table(compare.figures(folders))}\n")
    return "\n".join(parts)


def table(found):
    """A Markdown table: a row a figure, a column a run."""
    rows = compare.rows(found)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


if __name__ == "__main__":
    main()
