"""report.html: everything about one run in a single file that asks nothing of the network."""

import base64
import html
import io
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from tfgen import files
from tfgen.evaluation import of_run, store
from tfgen.evaluation.report import by_protocol
from tfgen.evaluation.report import shown as text_of
from tfgen.reports import charts, shown
from tfgen.training import record
from tfgen.training.yaml_text import read

NAME = "report.html"
_WIDTH = 460  # Of a picture on the page, about.
_CAPTIONS = {
    "nearest training pictures": "each row: a sample, then the training pictures nearest to it",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #1d2329; background: #fff; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.of { color: #5b6670; margin: .2rem 0 0; } table + p.of { margin-top: 1.4rem; }
p.note { margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #dde2e6;
  vertical-align: top; }
td.number { white-space: nowrap; }
pre { background: #f4f6f8; padding: .8rem; overflow-x: auto; font-size: 13px; }
figure { margin: 1rem 0; display: inline-block; vertical-align: top; margin-right: 1.5rem; }
figure img { image-rendering: pixelated; max-width: 100%; height: auto; border: 1px solid #dde2e6; }
figure.chart img { image-rendering: auto; border: 0; }
figcaption { color: #5b6670; font-size: 13px; }
summary { cursor: pointer; color: #2b5d8a; }
.note { color: #8a4b00; }
@media (prefers-color-scheme: dark) {
  body { color: #dfe4e8; background: #15191d; } pre { background: #20262c; }
  th, td, figure img { border-color: #39424b; } p.of, figcaption { color: #98a4af; }
  summary { color: #7fb2e0; } .note { color: #e0a85a; } figure.chart img { background: #fff; }
}
"""


def write(folder: Path | str, split: str = "test", checkpoint: str | int = "last") -> Path:
    """Writes report.html into the folder of a run.

    Args:
        folder: Of the run.
        split: Of its data, whose pictures are shown.
        checkpoint: "last", "best" or a step: the model that the pictures are of.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: There is no run in this folder.
        ValueError: A file of the run cannot be read.
    """
    folder = Path(folder)
    one = of_run.subject(folder, split, checkpoint)
    model = one.load()
    drawn = shown.of_model(model, one.reference)
    path = folder / NAME
    files.write_text(path, page(folder, drawn, shown.speed(model, one.reference)))
    return path


def page(folder: Path, drawn: dict, speed: float | None = None) -> str:
    """The page as text.

    Args:
        folder: Of the run.
        drawn: Caption -> uint8 picture of what the model makes.
        speed: Samples drawn a second, as of `tfgen.reports.shown.speed`.
    """
    settings = read((folder / "config.yaml").read_text(encoding="utf-8"))
    note = record.read(folder)
    lines = record.lines(folder / "metrics.jsonl")
    title = f"{settings['model']['name']} on {settings['data']['name']}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="of">{html.escape(str(folder.absolute().name))}, {_done(lines)}</p>',
        *_measured(folder),
        *_curves(lines),
        *_pictures(folder, drawn),
        *_speed(note, lines, speed),
        *_config(folder, note),
    ]
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    size = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<!doctype html>\n<html lang="en"><head>{head}{size}</head>'
    return f"{head}\n<body>\n{body}\n</body></html>\n"


def _done(lines):
    if not lines:
        return "no epoch is complete yet"
    return f"{lines[-1]['epoch']} epochs, {lines[-1]['step']:,} steps"


def _measured(folder):
    figures = store.latest(folder / store.NAME)
    if not figures:
        name = html.escape(str(folder))
        return [f"<h2>Figures</h2><p>Not measured yet: <code>tfgen evaluate {name}</code></p>"]
    parts = ["<h2>Figures</h2>"]
    for text, own in by_protocol(figures).items():
        shared = [n for n in own[0].notes if all(n in f.notes for f in own)]
        parts.append(f'<p class="of">Measured on {html.escape(text)}.</p>')
        parts += [f'<p class="note">{html.escape(n)}</p>' for n in shared]
        rows = "".join(_row(f, [n for n in f.notes if n not in shared]) for f in own)
        head = "<tr><th>figure</th><th>value</th><th>95 % interval</th><th>how</th></tr>"
        parts.append(f"<table>{head}{rows}</table>")
    return parts


def _row(figure, notes):
    name = f"{figure.name} {figure.arrow}".strip()
    title = f"{figure.better} is better" if figure.better else ""
    marks = "".join(f'<div class="note">{html.escape(n)}</div>' for n in notes)
    stamp = html.escape(json.dumps(figure.stamp, indent=1))
    return (
        f'<tr><td title="{title}">{html.escape(name)}</td>'
        f'<td class="number">{text_of(figure.value)} {html.escape(figure.unit)}</td>'
        f'<td class="number">{figure.interval()}</td><td><details><summary>'
        f"{html.escape(figure.method)}</summary><pre>{stamp}</pre></details>{marks}</td></tr>"
    )


def _curves(lines):
    if len(lines) < 2:
        return []
    names = [k for k in lines[-1] if k not in ("step", "epoch", "seconds", "images_per_second")]
    caption = f"Means over each epoch: {', '.join(names)}"
    return ["<h2>Training</h2>", _figure(charts.curves(lines, names), caption, kind="chart")]


def _pictures(folder, drawn):
    """What the model makes now, then the last of each kind that the run has drawn of itself."""
    found: dict[str, Path] = {}
    for path in sorted((folder / "samples").glob("*.png")):
        stem, _, epoch = path.stem.rpartition("-")
        if epoch.isdigit() and stem not in ("epoch", "seeds", "reconstructions"):
            found[f"{stem}, epoch {int(epoch)}"] = path
        elif path.stem.startswith("evaluation-"):
            found[path.stem.removeprefix("evaluation-").replace("-", " ")] = path
    newest = {name.partition(",")[0]: name for name in found}
    return [
        "<h2>Pictures</h2>",
        *(_figure(png(image), caption) for caption, image in drawn.items()),
        *(_figure(found[name].read_bytes(), _CAPTIONS.get(name, name)) for name in newest.values()),
    ]


def _speed(note, lines, sampling):
    rows = []
    if sampling:
        text = f"{sampling:,.0f} pictures a second, {shown.SAMPLES} at once, {os.cpu_count()} cores"
        rows.append(("sampling", text))
    if lines:
        speeds = [line["images_per_second"] for line in lines if "images_per_second" in line]
        seconds = sum(line.get("seconds", 0.0) for line in lines)
        if speeds:
            rows.append(("training", f"{np.median(speeds):,.0f} pictures a second (median epoch)"))
        rows.append(("time", f"{seconds:,.0f} s for {len(lines)} epochs"))
    counts = note["model"]["parameters"]
    rows.append(("weights", ", ".join(f"{k} {v:,}" for k, v in counts.items())))
    start = note["starts"][-1]
    rows.append(("started", f"{len(note['starts'])} times, last {start['time']}"))
    rows.append(("command", start["command"]))
    rows.append(("versions", ", ".join(f"{k} {v}" for k, v in start["versions"].items())))
    data = note["data"]
    text = f"{data['name']}, {data['split']}: {data['size']:,} pictures, {data['fingerprint']}"
    rows.append(("trained on", text))
    cells = "".join(
        f"<tr><th>{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>" for k, v in rows
    )
    return ["<h2>Speed and origin</h2>", f"<table>{cells}</table>"]


def _config(folder, note):
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    return ["<h2>Config</h2>", f"<pre>{html.escape(text)}</pre>"]


def _figure(png, caption, kind="picture"):
    data = base64.b64encode(png).decode()
    text = html.escape(caption)
    width, _ = Image.open(io.BytesIO(png)).size
    # Small pictures are shown larger, by a whole number: every pixel stays a square.
    shown_at = width * max(1, min(6, _WIDTH // width)) if kind == "picture" else width
    return (
        f'<figure class="{kind}"><img alt="{text}" width="{shown_at}" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def png(picture: np.ndarray) -> bytes:
    """A uint8 picture (H, W, 1 or 3) as the bytes of a PNG."""
    file = io.BytesIO()
    array = picture[..., 0] if picture.shape[-1] == 1 else picture
    Image.fromarray(np.asarray(array)).save(file, format="png")
    return file.getvalue()
