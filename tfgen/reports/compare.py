"""Several runs side by side: one table and one figure."""

from collections.abc import Sequence
from pathlib import Path

from tfgen import files
from tfgen.evaluation import store
from tfgen.evaluation.report import Figure, aligned, shown
from tfgen.metrics.table import METRICS
from tfgen.reports import charts


def figures(folders: Sequence[Path | str]) -> dict[str, list[Figure]]:
    """Run -> its figures, each by the newest protocol that all runs share, or else its newest.

    Raises:
        ValueError: A run that nothing was measured of, or two runs of one name.
    """
    found = {}
    for folder in map(Path, folders):
        if not (folder / store.NAME).exists():
            raise ValueError(
                f"{folder}: nothing was measured of this run. `tfgen evaluate {folder}` does."
            )
        found[str(folder)] = store.every(folder / store.NAME)
    if len(found) < len(folders):
        raise ValueError("One run was given twice.")
    short = {folder: Path(folder).absolute().name for folder in found}
    if len(set(short.values())) == len(short):
        found = {short[folder]: own for folder, own in found.items()}
    return {run: _chosen(own, list(found.values())) for run, own in found.items()}


def _chosen(own, runs):
    """One figure of each name of a run, in the order of the metrics."""
    newest = {}
    for name in sorted({f.name for f in own}, key=[f.name for f in own].index):
        having = [{_text(f) for f in run if f.name == name} for run in runs]
        shared = set.intersection(*(texts for texts in having if texts))
        mine = [f for f in own if f.name == name]
        newest[name] = ([f for f in mine if _text(f) in shared] or mine)[-1]
    order = list(METRICS)
    return sorted(newest.values(), key=lambda f: order.index(f.metric) if f.metric in order else 99)


def table(found: dict[str, list[Figure]]) -> str:
    """`rows` as aligned lines, with what the mark means."""
    lines = aligned(rows(found))
    groups: dict[str, list[str]] = {}
    for name, text in differences(found).items():
        groups.setdefault(text, []).append(name)
    if groups:
        lines.append("* measured by different protocols: these values do not compare.")
    lines += [f"  {', '.join(own)}: {text}" for text, own in groups.items()]
    return "\n".join(lines)


def differences(found: dict[str, list[Figure]]) -> dict[str, str]:
    """Name of a figure that does not compare -> what differs between its protocols."""
    made = {}
    for name in names(found):
        kept = [_comparable(f) for own in found.values() if (f := _named(own, name))]
        parts = []
        for part in kept[0]:
            texts = dict.fromkeys(str(values[part]) for values in kept)
            if len(texts) > 1:
                parts.append(f"{part} {' or '.join(texts)}")
        if parts:
            made[name] = "; ".join(parts)
    return made


def rows(found: dict[str, list[Figure]]) -> list[tuple[str, ...]]:
    """The names of the runs, then a row for each figure: its name, and value and interval a run.

    A figure whose protocols differ between runs (data, split, counts, feature network, options) is
    marked by *, since it does not compare; an arrow says which direction is better.
    """
    differing = differences(found)
    made = [("figure", *found)]
    for name in names(found):
        own = [_named(figures_, name) for figures_ in found.values()]
        first = next(f for f in own if f)
        label = _label(first, name in differing)
        made.append((label, *(_cell(f) for f in own)))
    return made


def draw(found: dict[str, list[Figure]], path: Path | str) -> Path:
    """Writes the figure: a panel for each figure that at least one run has."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: the figure is a .png.")
    rows, differing = [], differences(found)
    for name in names(found):
        own = [(run, _named(figures_, name)) for run, figures_ in found.items()]
        title = _label(next(f for _, f in own if f), name in differing)
        rows.append((title, [(run, f.value, f.low, f.high) for run, f in own if f]))
    png = charts.intervals(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, lambda temporary: temporary.write_bytes(png))
    return path


def names(found: dict[str, list[Figure]]) -> list[str]:
    """Names of figures, in the order of the metrics."""
    order, seen = (
        list(METRICS),
        dict.fromkeys((f.metric, f.name) for o in found.values() for f in o),
    )
    return list(
        dict.fromkeys(
            name for _, name in sorted(seen, key=lambda pair: (order + [pair[0]]).index(pair[0]))
        )
    )


def _label(figure, differs):
    return " ".join(filter(None, (figure.name, figure.arrow, figure.unit, "*" if differs else "")))


def _named(figures_, name):
    return next((f for f in figures_ if f.name == name), None)


def _cell(figure):
    if figure is None:
        return "-"
    interval = figure.interval()
    return shown(figure.value) + (f" {interval}" if interval != "-" else "")


def _comparable(figure):
    """What must agree where two values are to be compared."""
    stamp = figure.stamp
    samples = stamp.get("samples") or {}
    features = stamp.get("features") or {}
    data = stamp.get("data") or {}
    return {
        "options": {k: v for k, v in (stamp.get("metric") or {}).items() if k != "name"},
        "data": f"{data.get('split')} of {str(data.get('fingerprint'))[:12]}",
        "preparation": data.get("preparation"),
        "samples": samples.get("count"),
        "feature network": str(features.get("feature_network_hash"))[:12],
        "resize": features.get("resize"),
    }


def _text(figure):
    return repr(_comparable(figure))
