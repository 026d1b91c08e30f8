"""Files that are either complete or absent, and the lock of a folder."""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

_PREFIX = ".unfinished-"


def write(path: Path, produce: Callable[[Path], Any]) -> None:
    """Puts a complete file at `path`, or leaves what was there.

    `produce` writes a temporary file in the same folder, which is synchronised with the disk and
    then renamed.

    Args:
        path: The file.
        produce: Called with the temporary path, which has the name's own endings.

    Raises:
        OSError: The disk is full or the folder not writable; it names `path`, and the temporary
            file is removed.
    """
    path = Path(path)
    try:
        _write(path, produce)
    except OSError as error:
        if error.errno is None:
            raise
        # A failed write names no file, a failed opening the temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path, produce):
    handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix="-" + path.name, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        produce(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _synchronise_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Puts a complete text file at `path`; see `write`."""
    write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def parsed(text: str | bytes) -> Any:
    """What a text in JSON says.

    Raises:
        json.JSONDecodeError: It is none, or is nested deeper than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("Nested too deeply", "", 0) from error


def append_line(path: Path, line: str) -> None:
    """Adds one line and synchronises it with the disk; an OSError names the file."""
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def clean(folder: Path) -> None:
    """Removes what a killed process left half-written."""
    for path in Path(folder).rglob(_PREFIX + "*"):
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_arrays(arrays: Iterable[np.ndarray]) -> str:
    """The SHA-256 of the bytes of arrays, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder while the context lasts.

    The operating system drops the lock with the process that holds it, so that the lock of a
    killed process is free at once.

    Raises:
        ValueError: Another process holds the folder.
    """
    path = Path(folder) / "lock"
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 64).decode().strip()
            os.close(file)
            raise ValueError(
                f"{folder}: process {holder or '(unknown)'} is training into this folder. "
                "Wait for it, stop it, or give another folder."
            ) from error
        if _same_file(file, path):
            break
        os.close(file)  # Its last holder removed it between our opening and our locking.
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _same_file(file, path):
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _synchronise_folder(folder):
    """Makes the renaming itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
