"""The tests that `make test` leaves to `make slow`, by what they took: prints tests/longest.txt.

    python -m pytest -n 2 --dist loadgroup -m "not slow" --durations=0 -vv > log.txt
    python -m tests.longest log.txt > longest.txt && mv longest.txt tests/longest.txt

Of a parametrised test the quickest case stays, so that every behaviour is checked by `make test`
that one waits for; a test with one case stays where it takes less than LIMIT seconds.
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

FILE = Path(__file__).with_name("longest.txt")
LIMIT = 2.0  # Seconds of a test with one case.
CASE = 1.0  # Of a further case.
LINE = re.compile(r"\s*([\d.]+)s (?:call|teardown)\s+(tests/.*?)(?:@tests/.*)?\s*$")


def seconds(log):
    """Seconds of each test, without its fixtures' set-up, which others may need too."""
    found = Counter()
    for match in filter(None, map(LINE.match, log.splitlines())):
        found[match[2]] += float(match[1])
    return found


def longest(taken):
    """The names of those that `make test` leaves out, in their order."""
    functions = defaultdict(list)
    for name, t in taken.items():
        functions[name.split("[")[0]].append((t, name))
    for cases in functions.values():
        cases.sort()
        first, *further = cases
        alone = not further
        yield from [first[1]] if first[0] > (LIMIT if alone else 3 * LIMIT) else []
        yield from [name for t, name in further if t > CASE]


def listed():
    """The names in tests/longest.txt."""
    return {line for line in FILE.read_text().splitlines() if line and not line.startswith("#")}


if __name__ == "__main__":
    names = sorted(longest(seconds(Path(sys.argv[1]).read_text())))
    print("# What `make slow` runs beside the tests marked `slow`. Made by tests/longest.py.")
    print("\n".join(names))
