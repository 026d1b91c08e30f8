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
# Measured on pixels, though their metric has other figures that are of features.
_OF_PIXELS = ("cycle_error",)


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        name: Such as "nll"; of features with their network: "fid(mnist28)".
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

    def __post_init__(self):
        object.__setattr__(self, "name", labelled(self.name, self.stamp))

    @property
    def plain_name(self) -> str:
        """The name without its feature network: "fid" of "fid(mnist28)"."""
        return self.name.partition("(")[0]

    @property
    def better(self) -> str:
        """ "lower", "higher", or "" where neither is."""
        stem = "iwae" if self.name.startswith("iwae") else self.plain_name
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
        return self.plain_name.endswith("_of_real") or self.name.startswith("judge")

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
        """A figure by its name, or by its name without the feature network."""
        for figure in self.figures:
            if name in (figure.name, figure.plain_name):
                return figure
        known = ", ".join(f.name for f in self.figures)
        raise KeyError(f"No figure {name!r}. Measured: {known or 'none'}.")

    def __contains__(self, name: str) -> bool:
        return any(name in (f.name, f.plain_name) for f in self.figures)

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


def labelled(name: str, stamp: dict) -> str:
    """A figure's name with the feature network of its stamp, "fid(mnist28)"; a path's last part.

    Values by two networks are two figures, and only by the original's network are they those of
    papers.
    """
    network = (stamp.get("features") or {}).get("feature_network")
    if not network or "(" in name or name in _OF_PIXELS:
        return name
    short = network.rstrip("/").rpartition("/")[2].removesuffix(".keras").removesuffix(".h5")
    return f"{name}({short})"


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
        if stamp["samples"].get("signature"):
            text += f", by {stamp['samples']['signature']!r}"
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
