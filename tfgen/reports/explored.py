"""What was explored of a run: the part of its report after the pictures."""

import base64
import io
import json
from pathlib import Path

from PIL import Image

from tfgen.explore import explored

KINDS = {".png": "image/png", ".gif": "image/gif"}


def of_run(folder: Path | str) -> list[dict]:
    """One entry for each experiment in `RUN/explore/`, the name, what it says, numbers, figures.

    Figures have the keys of the report's pictures: caption, width, data in base64, kind.

    Raises:
        ValueError: An `explored.json` that cannot be read.
    """
    found = []
    for path in sorted(Path(folder, "explore").glob(f"*/{explored.NAME}")):
        content = explored.read(path.parent)
        files = [path.parent / Path(name).name for name in content["figures"]]
        found.append(
            {
                "name": content["name"],
                "says": content["says"],
                "command": content.get("origin", {}).get("command", ""),
                "numbers": json.dumps(content["numbers"], indent=1),
                "figures": [_figure(f) for f in files if f.suffix in KINDS and f.exists()],
            }
        )
    return found


def _figure(path):
    data = path.read_bytes()
    width, _ = Image.open(io.BytesIO(data)).size
    return {
        "caption": path.stem.replace("_", " ").replace("-", " "),
        # Small grids are shown larger, by a whole number: every pixel stays a square.
        "width": width * max(1, min(8, 560 // width)),
        "data": base64.b64encode(data).decode(),
        "kind": KINDS[path.suffix],
    }
