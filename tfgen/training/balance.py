"""Another ratio of the players' steps, where one of the two is losing."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfgen import files


def rebalanced(
    model: Any, lasting: Iterable[str], most_steps: int, rows: int | None = None
) -> str | None:
    """Changes `discriminator_steps` or `generator_steps` of a model by one step of a player.

    Args:
        model: Compiled; its training step is traced anew after a change.
        lasting: Names of findings; "discriminator_wins" and "discriminator_blind" count.
        most_steps: Of either player in one training step.
        rows: Of a batch, on each replica: `discriminator_steps` stays a divisor of it. None: it is
            never raised above what it is.

    Returns:
        What was done, in words; None for nothing, also for a model without such a ratio.
    """
    if not hasattr(model, "generator_steps") or not hasattr(model, "discriminator_steps"):
        return None
    before = k, g = model.discriminator_steps, model.generator_steps
    if "discriminator_wins" in lasting:
        if k > 1:
            k = fitting(k, -1, most_steps, rows)
        else:
            g = min(g + 1, most_steps)
    elif "discriminator_blind" in lasting:
        if g > 1:
            g -= 1
        else:
            k = fitting(k, +1, most_steps, rows)
    if (k, g) == before:
        return None
    model.discriminator_steps, model.generator_steps = k, g
    return f"discriminator_steps:generator_steps {before[0]}:{before[1]} -> {k}:{g}"


def fitting(steps: int, direction: int, most_steps: int, rows: int | None = None) -> int:
    """The next number of discriminator steps, up or down, that divides the rows of a batch."""
    rows = rows or steps
    wanted = range(steps + direction, most_steps + 1 if direction > 0 else 0, direction)
    return next((n for n in wanted if rows % n == 0), steps)


def restore(model: Any, metrics: Path) -> None:
    """The ratio that a doctor of the same run has left in metrics.jsonl, up to the model's step."""
    if not metrics.exists():
        return
    now = int(model.step.numpy())
    for text in metrics.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(json.JSONDecodeError):  # Killed in the middle of a line.
            line = files.parsed(text)
            if "doctor" in line and line["step"] <= now:
                model.discriminator_steps = line["doctor"]["discriminator_steps"]
                model.generator_steps = line["doctor"]["generator_steps"]
