"""How far a long loop is: a bar on a terminal, and elsewhere, such as in a log, a line at times."""

import sys
import time

from tqdm import tqdm

SECONDS = 10.0  # Between two lines of a log.


def bar(total: int, title: str, unit: str, shown: bool | None = None, leave: bool = True):
    """What counts the steps of a loop; a context manager with `update(steps)`.

    Args:
        total: Number of steps.
        title: What is counted.
        unit: Of the steps.
        shown: False for nothing, True for a bar; None for a bar where stderr is a terminal, and
            otherwise a line every `SECONDS` seconds, so that a short loop shows none.
        leave: Whether a finished bar stays.
    """
    if shown is None and not sys.stderr.isatty():
        return Lines(total, title, unit)
    return tqdm(total=total, desc=title, unit=unit, disable=shown is False, delay=1, leave=leave)


class Lines:
    """A loop that says now and then on stderr how far it is.

    Args:
        total, title, unit: As of `bar`.
    """

    def __init__(self, total: int, title: str, unit: str):
        self.total, self.title, self.unit, self.done = total, title, unit, 0
        self.began = self.said = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def set_description(self, title: str) -> None:
        """Another title, from the next line on."""
        self.title = title

    def update(self, steps: int = 1) -> None:
        """Counts steps."""
        self.done += steps
        now = time.monotonic()
        if now - self.said >= SECONDS:
            self.said, seconds = now, now - self.began
            text = f"{self.title}: {self.done:,} of {self.total:,} {self.unit} in {seconds:.0f} s"
            if self.done < self.total:
                text += f", about {seconds * (self.total - self.done) / self.done:.0f} s left"
            print(text, file=sys.stderr, flush=True)
