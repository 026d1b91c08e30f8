"""Files are written in a hidden folder beside their place and renamed into it when complete."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfgen.export.errors import ExportError


@contextlib.contextmanager
def folder(parent: Path) -> Iterator[Path]:
    """A hidden temporary folder in `parent`, on the same file system, removed at the end.

    Raises:
        ExportError: `parent` cannot be made or written to, or the disk is full.
    """
    temporary = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".export-", dir=parent))
        yield temporary
    except OSError as error:
        raise ExportError(
            f"Cannot write the export to {parent}: {error.strerror or error}. "
            "Make the folder writable or choose another one."
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def rename_new(source: Path, target: Path) -> None:
    """Renames a folder to a name that must be free.

    Raises:
        ExportError: Another export took the name in the meantime.
    """
    if target.exists():
        raise ExportError(f"{target} was made by another export in the meantime. Export again.")
    os.rename(source, target)
