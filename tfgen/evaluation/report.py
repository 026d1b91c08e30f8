"""Measured figures with their intervals and stamps, and the table of them."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# Figures of which less is better; for others more is, or neither.
LOWER = (
    "fid", "fid_infinity", "kid", "swd", "ms_ssim", "nll", "nll_bits_per_dim", "negative_elbo",
    "elbo_bits_per_dim", "iwae", "conditional_nll", "domain_error", "reconstruction_error",
    "cycle_error",
)  # fmt: skip
HIGHER = (
    "is", "precision", "recall", "density", "coverage", "authenticity", "parzen",
    "label_agreement", "train_on_synthetic", "mask_iou", "mig", "dci", "sap", "factor_vae",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        name: Such as "fid" or "precision".
        metric: Name in `METRICS` of what measured it.
        value, low, high: The number and its interval; NaN where there is none.
        method: How the interval was made.
        level: Its nominal coverage.
        unit: "" for a plain number.
        stamp: Everything the number depends on, as plain values.
        notes: What a reader must know of it.
        parts: Figures of single runs, where this one is of several.
    """

    name: str
    metric: str
    value: float
    low: float
    high: float
    method: str
    level: float
    unit: str = ""
    stamp: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parts: tuple[float, ...] = ()

    @property
    def better(self) -> str:
        """ "lower", "higher", or "" where neither is."""
        stem = "iwae" if self.name.startswith("iwae") else self.name
        if self.is_control:
            return ""
        for names, word in ((LOWER, "lower"), (HIGHER, "higher")):
            if stem in names or stem.partition("_")[0] in names:
                return word
        return ""

    @property
    def arrow(self) -> str:
        """An arrow in the better direction, or nothing."""
        return {"lower": "\u2193", "higher": "\u2191"}.get(self.better, "")

    @property
    def is_control(self) -> bool:
        """Whether it is about the data or a judge, and not about the model."""
        return self.name.endswith("_of_real") or self.name.startswith("judge")

    def interval(self) -> str:
        """The interval as text, or a dash."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "-"
        return f"[{shown(self.low)}, {shown(self.high)}]"

    def as_dict(self) -> dict:
        """Plain values for JSON: NaN becomes null."""
        numbers = {k: plain(getattr(self, k)) for k in ("value", "low", "high")}
        return {
            "name": self.name,
            "metric": self.metric,
            **numbers,
            "level": self.level,
            "unit": self.unit,
            "method": self.method,
            "notes": list(self.notes),
            "parts": [plain(p) for p in self.parts],
            "stamp": self.stamp,
        }


@dataclass
class Report:
    """What `evaluate` returns.

    Args:
        figures: In the order of the metrics.
        skipped: Metric -> why it does not apply.
        pictures: Name -> (pictures (N, H, W, C) in [-1, 1], columns), such as samples beside their
            nearest training pictures.
    """

    figures: list[Figure]
    skipped: dict[str, str] = field(default_factory=dict)
    pictures: dict = field(default_factory=dict)

    def __getitem__(self, name: str) -> Figure:
        for figure in self.figures:
            if figure.name == name:
                return figure
        known = ", ".join(f.name for f in self.figures)
        raise KeyError(f"No figure {name!r}. Measured: {known or 'none'}.")

    def __contains__(self, name: str) -> bool:
        return any(f.name == name for f in self.figures)

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return {"figures": [f.as_dict() for f in self.figures], "skipped": dict(self.skipped)}

    def table(self) -> str:
        """The figures as aligned lines, then the notes and what was left out."""
        rows, methods = [("figure", "value", "interval", "unit", "how")], {}
        for f in self.figures:
            number = methods.setdefault(f"{f.level:.0%} {f.method}", len(methods) + 1)
            rows.append((f.name, shown(f.value), f.interval(), f.unit, f"({number})"))
        lines = [*aligned(rows)]
        lines += [f"({number}) {method}" for method, number in methods.items()]
        lines += [f"on: {text}" for text in dict.fromkeys(protocol(f.stamp) for f in self.figures)]
        notes = dict.fromkeys(n for f in self.figures for n in f.notes)
        lines += [f"note: {note}." for note in notes]
        left: dict[str, list[str]] = {}
        for name, why in self.skipped.items():
            left.setdefault(why, []).append(name)
        lines += [f"left out: {', '.join(own)}: {why}" for why, own in left.items()]
        return "\n".join(lines)

    def __str__(self):
        return self.table()


def from_dict(values: dict) -> Figure:
    """A Figure from what `as_dict` made."""
    numbers: dict[str, Any] = {
        k: math.nan if values[k] is None else float(values[k]) for k in ("value", "low", "high")
    }
    texts = {k: values[k] for k in ("name", "metric", "method", "level", "unit", "stamp")}
    parts = tuple(math.nan if p is None else p for p in values.get("parts", ()))
    return Figure(**texts, **numbers, notes=tuple(values.get("notes", ())), parts=parts)


def key(stamp: dict) -> str:
    """Twelve letters by which two stamps are the same protocol; time and place do not count."""
    counted = {k: v for k, v in stamp.items() if k not in ("time", "seconds", "host", "cores")}
    text = json.dumps(counted, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def protocol(stamp: dict) -> str:
    """The data and the samples of a stamp in one line."""
    if not stamp:
        return "no stamp"
    data = stamp["data"]
    text = f"{data['name']}, {data['split']}, {data['size']} pictures"
    text += f" ({data['fingerprint'][:12]})"
    for name, value in data["preparation"].items():
        text += f", {name} {value}"
    if stamp.get("samples"):
        sets = ",".join(map(str, stamp["samples"]["sets"]))
        text += f"; {stamp['samples']['count']} samples, seeds {sets}"
    if stamp.get("features"):
        features = stamp["features"]
        text += f"; features {features['feature_network']} "
        text += f"({features['feature_network_hash'][:12]}), resize {features['resize']}"
    share = stamp.get("also_trained_on")
    if share:
        text += f"; trained on {share:.1%} of them"
    return text


def by_protocol(figures: list[Figure]) -> dict[str, list[Figure]]:
    """The figures under each line of `protocol`, in their order."""
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        groups.setdefault(protocol(figure.stamp), []).append(figure)
    return groups


def shown(number: float) -> str:
    """Four digits that count."""
    if number is None or not math.isfinite(number):
        return "-"
    return f"{number:.4g}" if abs(number) < 1e4 else f"{number:.0f}"


def plain(number: float) -> float | None:
    """A float for JSON; null for one that is not finite."""
    return float(number) if math.isfinite(number) else None


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Rows of texts as lines with aligned columns."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        gap.join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
