"""Several runs side by side: one table and one figure."""

from collections.abc import Sequence
from pathlib import Path

from tfgen import files
from tfgen.evaluation import store
from tfgen.evaluation.report import Figure, aligned, shown
from tfgen.reports import charts


def figures(folders: Sequence[Path | str]) -> dict[str, list[Figure]]:
    """Run -> its newest figures.

    Raises:
        ValueError: A run that nothing was measured of, or two runs of one name.
    """
    found = {}
    for folder in map(Path, folders):
        if not (folder / store.NAME).exists():
            raise ValueError(
                f"{folder}: nothing was measured of this run. `tfgen evaluate {folder}` does."
            )
        found[str(folder)] = store.latest(folder / store.NAME)
    if len(found) < len(folders):
        raise ValueError("One run was given twice.")
    short = {folder: Path(folder).absolute().name for folder in found}
    if len(set(short.values())) == len(short):
        found = {short[folder]: own for folder, own in found.items()}
    return found


def table(found: dict[str, list[Figure]]) -> str:
    """`rows` as aligned lines, with what the mark means."""
    lines = aligned(rows(found))
    if any(line.partition("  ")[0].endswith("*") for line in lines):
        lines.append("* measured by different protocols: these values do not compare.")
    return "\n".join(lines)


def rows(found: dict[str, list[Figure]]) -> list[tuple[str, ...]]:
    """The names of the runs, then a row for each figure: its name, and value and interval a run.

    A figure whose protocols differ between runs (data, split, counts, feature network, options) is
    marked by *, since it does not compare.
    """
    made = [("figure", *found)]
    for name in names(found):
        own = [_named(figures_, name) for figures_ in found.values()]
        differs = len({_comparable(f) for f in own if f}) > 1
        best = next(f for f in own if f)
        label = f"{name}{' ' + best.unit if best.unit else ''}{' *' if differs else ''}"
        made.append((label, *(_cell(f) for f in own)))
    return made


def draw(found: dict[str, list[Figure]], path: Path | str) -> Path:
    """Writes the figure: a panel for each figure that at least one run has."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: the figure is a .png.")
    rows = []
    for name in names(found):
        own = [(run, _named(figures_, name)) for run, figures_ in found.items()]
        rows.append((name, [(run, f.value, f.low, f.high) for run, f in own if f]))
    png = charts.intervals(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, lambda temporary: temporary.write_bytes(png))
    return path


def names(found: dict[str, list[Figure]]) -> list[str]:
    """Names of figures, in the order in which runs have them."""
    return list(dict.fromkeys(f.name for own in found.values() for f in own))


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
    kept = (
        stamp.get("metric"),
        {k: v for k, v in stamp.get("data", {}).items() if k != "name"},
        samples.get("count"),
        features.get("feature_network_hash"),
        features.get("resize"),
    )
    return repr(kept)
