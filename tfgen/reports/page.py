"""report.html: everything about one run in a single file that asks nothing of the network."""

import base64
import io
import json
import math
import os
import shlex
from pathlib import Path

import jinja2
import numpy as np
import yaml
from PIL import Image

from tfgen import files
from tfgen.construct import OPTIMIZERS, resolved
from tfgen.evaluation import of_run, store
from tfgen.evaluation.report import by_protocol
from tfgen.evaluation.report import shown as text_of
from tfgen.reports import charts, explored, sentences, shown
from tfgen.training import config, record
from tfgen.training.yaml_text import read

NAME = "report.html"
_WIDTH = 560  # Of a picture on the page, about.
# Figures that are parts of a whole.
SHARES = ("precision", "recall", "coverage", "authenticity", "label_agreement", "mask_iou")
_CAPTIONS = {
    "nearest training pictures": "each row: a sample, then the training pictures nearest to it",
}


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
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    settings, note = read(text), record.read(folder)
    lines = record.lines(folder / "metrics.jsonl")
    figures = store.latest(folder / store.NAME)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfgen.reports", "."), autoescape=True, trim_blocks=False
    )
    return environment.get_template("report.html.j2").render(
        title=f"{settings['model']['name']} on {settings['data']['name']}",
        under=f"{folder.absolute().name}, {_done(lines)}",
        pictures=_pictures(folder, drawn),
        sentences=sentences.sentences(figures),
        doctor=_said(lines),
        bars=[_bar(figure) for figure in sentences.key_figures(figures)],
        groups=[_group(protocol, own) for protocol, own in by_protocol(figures).items()],
        measure=f"tfgen evaluate {shlex.quote(str(folder))}",
        curves=_curves(lines, charts.grouped(lines)),
        explored=explored.of_run(folder),
        differing=differing(settings),
        config=text,
        origin=_origin(note, lines, speed),
    )


def differing(settings: dict) -> str:
    """The keys of a config whose values are not the defaults, as YAML."""
    least: dict = {"fit": {}, **{s: {"name": settings[s]["name"]} for s in ("model", "data")}}
    try:
        defaults = config.parse(least).resolved()
    except config.ConfigError:  # A data set or a model with arguments that have no default.
        defaults = least
    return yaml.safe_dump(
        {**least, **_own(settings, defaults)},
        sort_keys=False,
        default_flow_style=None,
        width=90,
    ).replace("fit: {}\n", "")


def _own(settings, defaults):
    found = {}
    for key, value in settings.items():
        default = defaults.get(key)
        if default is None and isinstance(value, dict) and value.get("name") in OPTIMIZERS:
            default = resolved(OPTIMIZERS, value["name"], key)
        if key == "name":
            found[key] = value
        elif isinstance(value, dict) and isinstance(default, dict):
            if own := _own(value, default):
                found[key] = own
        elif value != default:
            found[key] = value
    return found


def _done(lines):
    if not lines:
        return "no epoch is complete yet"
    return f"{lines[-1]['epoch']} epochs, {lines[-1]['step']:,} steps"


def _curves(lines, groups):
    return [
        _figure(charts.curves(lines, {title: names}), ", ".join(names), picture=False)
        for title, names in groups.items()
    ]


def _said(lines):
    """What the doctor found at its last examination."""
    notes = [line for line in lines if any(key.startswith("doctor") for key in line)][-1:]
    found = [f for line in notes for f in line.get("doctor", {}).get("findings", [])]
    return [f"{f['says']} Try: {f['advice']}" for f in found]


def _bar(figure):
    """A value and its interval on a line that begins at 0, in hundredths of its length."""
    ends = [v for v in (figure.value, figure.low, figure.high, 0.0) if math.isfinite(v)]
    shares = figure.plain_name in SHARES
    low, high = (0.0, 1.0) if shares else (min(ends), max(ends) * 1.15)
    span = (high - low) or 1.0
    at, begin, end = (
        100 * (v - low) / span if math.isfinite(v) else 0.0
        for v in (figure.value, figure.low, figure.high)
    )
    name = f"{figure.name} {figure.arrow}".strip()
    return {
        "name": name,
        "title": f"{figure.better} is better" if figure.better else "",
        "value": f"{text_of(figure.value)} {figure.unit}".strip(),
        "interval": figure.interval(),
        "says": f"{name} {text_of(figure.value)}, interval {figure.interval()}",
        "at": round(min(at, 99.0), 2),
        "low": round(begin, 2),
        "width": round(max(end - begin, 0.0), 2),
    }


def _group(protocol, own):
    """(protocol, notes of all its figures, rows)"""
    shared = [n for n in own[0].notes if all(n in f.notes for f in own)]
    rows = [
        {
            "name": f"{f.name} {f.arrow}".strip(),
            "title": f"{f.better} is better" if f.better else "",
            "value": f"{text_of(f.value)} {f.unit}",
            "interval": f.interval(),
            "method": f.method,
            "stamp": json.dumps(f.stamp, indent=1),
            "notes": [n for n in f.notes if n not in shared],
        }
        for f in own
    ]
    return protocol, shared, rows


def _pictures(folder, drawn):
    """What the model makes now, samples first, then the last of each kind that the run drew."""
    found: dict[str, Path] = {}
    for path in sorted((folder / "samples").glob("*.png")):
        stem, _, epoch = path.stem.rpartition("-")
        if epoch.isdigit() and stem not in ("epoch", "seeds", "reconstructions"):
            found[f"{stem}, epoch {int(epoch)}"] = path
        elif path.stem.startswith("evaluation-"):
            found[path.stem.removeprefix("evaluation-").replace("-", " ")] = path
    newest = {name.partition(",")[0]: name for name in found}
    order = sorted(drawn, key=lambda caption: caption == "real pictures")
    return [
        *(_figure(png(drawn[caption]), caption) for caption in order[:1]),
        *(_figure(png(drawn[caption]), caption) for caption in drawn if caption not in order[:1]),
        *(_figure(found[name].read_bytes(), _CAPTIONS.get(name, name)) for name in newest.values()),
    ]


def _origin(note, lines, sampling):
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
    return rows


def _figure(png, caption, picture=True):
    width, _ = Image.open(io.BytesIO(png)).size
    # Small pictures are shown larger, by a whole number: every pixel stays a square.
    shown_at = width * max(1, min(12, _WIDTH // width)) if picture else width
    return {"caption": caption, "width": shown_at, "data": base64.b64encode(png).decode()}


def png(picture: np.ndarray) -> bytes:
    """A uint8 picture (H, W, 1 or 3) as the bytes of a PNG."""
    file = io.BytesIO()
    array = picture[..., 0] if picture.shape[-1] == 1 else picture
    Image.fromarray(np.asarray(array)).save(file, format="png")
    return file.getvalue()
