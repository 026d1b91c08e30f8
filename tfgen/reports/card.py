"""Model cards: Markdown with the front matter of the Hugging Face Hub, beside an export."""

import dataclasses
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tfgen import files
from tfgen.evaluation import store
from tfgen.evaluation.report import Figure, by_protocol, shown
from tfgen.export.record import public
from tfgen.training import record as records

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

NAME = "README.md"
# Default signature -> task of the Hub.
TASKS = {
    "generate": "unconditional-image-generation",
    "complete": "image-to-image",
    "assemble": "image-to-image",
    "translate": "image-to-image",
    "a_to_b": "image-to-image",
    "reconstruct": "image-feature-extraction",
}
PICTURE = "samples.png"


def write(
    export: Path | str,
    folder: Path | str,
    record: dict,
    license: str = "unknown",  # noqa: A002
    figures: Path | None = None,
    picture: Path | None = None,
    limits: Sequence[str] = (),
) -> Path:
    """Writes README.md into an export folder.

    A README.md that is no card of ours stays, and the card is written as MODEL_CARD.md.

    Args:
        export: The export folder, as `tfgen.export.export` leaves it.
        folder: Of the run that was exported.
        record: What `tfgen.export.export` returned, as in export.json.
        license: Of the weights, an identifier of the Hub such as "apache-2.0".
        figures: File of what was measured; by default evaluation.json of the run.
        picture: That the card shows; by default the last grid of the run's samples.
        limits: Further sentences of that part.

    Returns:
        The card's path.
    """
    export, folder = Path(export), Path(folder)
    path = export / NAME
    if path.exists() and "library_name: tfgen" not in path.read_text(encoding="utf-8"):
        path = export / "MODEL_CARD.md"
    note = records.read(folder)
    measured = store.latest(figures or folder / store.NAME)
    grids = [picture] if picture else sorted((folder / "samples").glob("epoch-*.png"))
    name = PICTURE if grids else None
    if grids:
        files.write(export / PICTURE, lambda temporary: shutil.copyfile(grids[-1], temporary))
    files.write_text(path, text(record, note, measured, license, name, limits=limits))
    return path


def text(
    record: dict,
    note: dict,
    figures: list[Figure],
    license: str = "unknown",  # noqa: A002
    picture: str | None = None,
    use: str | None = None,
    limits: Sequence[str] = (),
) -> str:
    """The card.

    Args:
        record: export.json.
        note: run.json.
        figures: What was measured of the run.
        license: Of the weights.
        picture: A file beside the card that it shows.
        use: Markdown that says how to use it, where that is not as an export.
        limits: Further sentences of that part.
    """
    from huggingface_hub import ModelCard

    # The card is for others: the folders of this machine are not.
    note, record = public_note(note), public(record)
    figures = [
        dataclasses.replace(f, stamp=public(f.stamp), notes=tuple(public(f.notes))) for f in figures
    ]
    name, data = note["model"]["name"], note["data"]
    parts = [
        f"---\n{matter(record, note, figures, license).to_yaml()}\n---",
        f"# {name} on {data['name']}",
        f"{record['model']['class']} of tfgen, trained for {record['model']['step']:,} steps on "
        f"{data['size']:,} pictures of {'x'.join(map(str, data['image_shape']))} of "
        f"`{data['name']}`, split `{data['split']}`.",
        *([f"![Samples of the run]({picture})"] if picture else []),
        "## Use",
        use or _use(record),
        "## Figures",
        _table(figures, record),
        "## Training",
        _training(record, note),
        "## Limits",
        _limits(figures, license, limits),
    ]
    return str(ModelCard("\n\n".join(parts) + "\n"))


def public_note(note: dict) -> dict:
    """run.json without folders and name of this machine; a command's words may hold spaces."""
    starts = [
        {
            **{key: value for key, value in start.items() if key != "host"},
            "command": shlex.join(public(shlex.split(start["command"]))),
        }
        for start in note["starts"]
    ]
    return {**public(note), "starts": public(starts)}


def matter(record: dict, note: dict, figures: list[Figure], license: str) -> "ModelCardData":  # noqa: A002
    """The front matter: what the Hub reads."""
    from huggingface_hub import ModelCardData

    name, data = note["model"]["name"], note["data"]
    inputs = record["signatures"][record["default"]]["inputs"]
    task = TASKS.get(record["default"], "unconditional-image-generation")
    if "text" in inputs:
        task = "text-to-image"
    results = _results(figures, task)
    return ModelCardData(
        library_name="tfgen",
        license=license,
        tags=["tfgen", "tensorflow", "keras", "generative-model", name],
        datasets=[_of_hub(data["name"])],
        pipeline_tag=task,
        # The Hub refuses an index without results.
        **({"model_name": f"{name}-{data['name']}", "eval_results": results} if results else {}),
    )


def _results(figures, task):
    """Results of the index.

    Figures of the data itself are left out, and a feature network is named: an FID by another one
    than Inception-v3 is no FID of papers.
    """
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=task,
            dataset_type=_of_hub(figure.stamp["data"]["name"]),
            dataset_name=figure.stamp["data"]["name"],
            dataset_split=figure.stamp["data"]["split"],
            metric_type=figure.name,
            metric_name=_name(figure),
            metric_value=round(figure.value, 6),
            verified=False,
        )
        for figure in figures
        if not figure.is_control
    ]


def _name(figure):
    return figure.name + (f" ({figure.unit})" if figure.unit else "")


def _of_hub(name):
    """A data set's name in the letters that the Hub takes: "tfds:cifar10" is "cifar10"."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name.removeprefix("tfds:")).strip("-.")


def _use(record):
    lines = []
    if "saved_model" in record["formats"]:
        lines.append(
            "```python\nimport tensorflow as tf\n\n"
            f'model = tf.saved_model.load("{record["version"]}")\n{_call(record)}\n```'
        )
    rows = ["| signature | inputs | outputs |", "|---|---|---|"]
    served = {**record["signatures"], **record.get("endpoints", {})}
    for name, entry in served.items():
        if not {"inputs", "outputs"} <= entry.keys():
            continue
        inputs = ", ".join(
            f"`{k}` {v['dtype']} {_shape(v['shape'])}" for k, v in entry["inputs"].items()
        )
        outputs = ", ".join(f"`{k}` {_shape(v['shape'])}" for k, v in entry["outputs"].items())
        rows.append(f"| `{name}` | {inputs} | {outputs} |")
    lines += ["\n".join(rows), "Shapes without the batch axis; images are float32 in [-1, 1]."]
    return "\n\n".join(lines)


def _call(record):
    """A line of Python that gives the first outputs."""
    sample = record.get("endpoints", {}).get("sample")
    if sample and list(sample["inputs"]) == ["seed"]:
        return 'images = model.signatures["sample"](seed=tf.range(16, dtype=tf.int64))["image"]'
    name = record["default"]
    inputs = ", ".join(f"{k}={k}" for k in record["signatures"][name]["inputs"])
    return f'outputs = model.signatures["{name}"]({inputs})'


def _table(figures, record):
    if not figures:
        return "Nothing was measured of this run."
    parts = []
    for text, own in by_protocol(figures).items():
        rows = ["| figure | value | interval | how |", "|---|---|---|---|"]
        for f in own:
            unit = f" {f.unit}" if f.unit else ""
            how = f"{f.level:.0%} {f.method}"
            rows.append(f"| {f.name} | {shown(f.value)}{unit} | {f.interval()} | {how} |")
        parts += [f"Measured on {text}:", "\n".join(rows)]
    steps = {
        str(f.stamp["model"].get("step")) for f in figures if isinstance(f.stamp["model"], dict)
    }
    older = steps - {str(record["model"]["step"])}
    warn = (
        [f"Measured at step {', '.join(sorted(older))}, not at the exported one."] if older else []
    )
    return "\n\n".join([*parts, *warn])


def _training(record, note):
    start = note["starts"][-1]
    counts = ", ".join(f"{k} {v:,}" for k, v in note["model"]["parameters"].items())
    versions = ", ".join(f"{k} {v}" for k, v in start["versions"].items())
    names = note["data"].get("class_names") or []
    classes = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    lines = [
        *([f"- classes: {classes}"] if classes else []),
        f"- data: fingerprint `{note['data']['fingerprint']}`",
        f"- seed: {note['seed']}",
        f"- weights: {counts}",
        f"- command: `{start['command']}`",
        f"- versions: {versions}",
    ]
    settings = record.get("extra", {}).get("config")
    config = yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=100)
    return "\n".join(lines) + (f"\n\n```yaml\n{config}```" if settings else "")


def _limits(figures, license, more=()):  # noqa: A002
    lines = [f"- {n}" for n in dict.fromkeys([*more, *(n for f in figures for n in f.notes)])]
    lines.append("- Figures of two feature networks or of two protocols do not compare.")
    lines.append("- What the data hold too little of, the model makes too little of, or badly.")
    if license == "unknown":
        lines.append("- The licence of the weights is not stated.")
    return "\n".join(lines)


def _shape(shape):
    return "(" + ", ".join("any" if side is None else str(side) for side in shape) + ")"
