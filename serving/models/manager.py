"""Which versions are in service: loads, swaps and unloads them without failing a request.

A new version is loaded beside the old one; only when it is available is the old one taken out of
service, and freed when its last request is done. A version that cannot be loaded never displaces
one that is in service; when its files have changed it is tried again.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tfgen.serving.models import sources
from tfgen.serving.models.predict import Servable
from tfgen.serving.models.versions import State, Version
from tfgen.serving.settings.config import ModelEntry
from tfgen.serving.status import Code, Failure, from_exception, invalid

log = logging.getLogger(__name__)


class Lease:
    """The right to use a version until it is released."""

    def __init__(self, manager: "Manager", version: Version):
        self.servable: Any = version.servable  # A leased version is loaded.
        self._manager = manager
        self._version: Version | None = version

    def release(self, _: Future | None = None) -> None:
        """Ends the use; more than once is harmless."""
        version, self._version = self._version, None
        if version is not None:
            self._manager._returned(version)


class Manager:
    """All versions of all models.

    Args:
        load: Called with name, number and folder; the servable, ready for requests.
        max_retries: How often a failed load is tried again.
        retry_seconds: How long after a failure.
        load_threads: Versions loaded at once.
        unload_threads: Versions freed at once.
        allows_labels_ahead: Whether a new label may name a version that is not available yet.
    """

    def __init__(
        self,
        load: Callable[[str, int, Path], Servable],
        max_retries: int = 5,
        retry_seconds: float = 60.0,
        load_threads: int = 1,
        unload_threads: int = 1,
        allows_labels_ahead: bool = False,
    ):
        self._load = load
        self._max_retries = max_retries
        self._retry_seconds = retry_seconds
        self._allows_labels_ahead = allows_labels_ahead
        self._changed = threading.Condition()
        self._versions: dict[str, dict[int, Version]] = {}
        self._aspired: dict[str, dict[int, Path]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._loaders = ThreadPoolExecutor(max(1, load_threads), "load")
        self._unloaders = ThreadPoolExecutor(max(1, unload_threads), "unload")
        self._is_stopped = False

    def lease(self, name: str, number: int | None = None, label: str | None = None) -> Lease:
        """The right to use a version: the given one, the labelled one, or the largest.

        Raises:
            Failure: INVALID_ARGUMENT: no such label; NOT_FOUND: no such version in service.
        """
        with self._changed:
            if label is not None:
                number = self._labels.get(name, {}).get(label)
                if number is None:
                    raise invalid(f"Unrecognized servable version label: {label}")
            known = self._versions.get(name, {})
            if number is None:
                ready = [n for n, one in known.items() if one.state == State.AVAILABLE]
                version = known[max(ready)] if ready else None
            else:
                version = known.get(number)
            if version is None or version.state != State.AVAILABLE:
                wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
                raise Failure(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
            version.uses += 1
            return Lease(self, version)

    def statuses(self, name: str, number: int | None = None) -> list[Version]:
        """What is known of the versions of a model, newest first.

        Raises:
            Failure: NOT_FOUND.
        """
        with self._changed:
            known = self._versions.get(name, {})
            if not known:
                raise Failure(Code.NOT_FOUND, f"Could not find any versions of model {name}")
            if number is None:
                return [known[n] for n in sorted(known, reverse=True)]
            if number not in known:
                raise Failure(Code.NOT_FOUND, f"Could not find version {number} of model {name}")
            return [known[number]]

    def label(self, name: str, label: str) -> int:
        """The version of a label.

        Raises:
            Failure: INVALID_ARGUMENT: no such label.
        """
        with self._changed:
            if label not in self._labels.get(name, {}):
                raise invalid(f"Unrecognized servable version label: {label}")
            return self._labels[name][label]

    def models(self) -> list[str]:
        """Names of the models that are in service or are to be."""
        with self._changed:
            ready = {
                name
                for name, known in self._versions.items()
                if any(one.state == State.AVAILABLE for one in known.values())
            }
            return sorted(ready | {name for name, wanted in self._aspired.items() if wanted})

    def set_labels(self, entries: list[ModelEntry]) -> None:
        """Replaces all labels.

        Raises:
            Failure: FAILED_PRECONDITION: a label names a version that is not available; the
                labels are then as they were.
        """
        with self._changed:
            for entry in entries:
                known = self._versions.get(entry.name, {})
                for label, number in entry.labels.items():
                    if number in known and known[number].state == State.AVAILABLE:
                        continue
                    present = self._labels.get(entry.name, {}).get(label, number)
                    if not self._allows_labels_ahead or present != number:
                        raise Failure(
                            Code.FAILED_PRECONDITION,
                            f"Request to assign label {label} to version {number} of model "
                            f"{entry.name}, which is not currently available for inference",
                        )
            self._labels = {entry.name: dict(entry.labels) for entry in entries}

    def aspire(self, name: str, versions: dict[int, Path]) -> None:
        """Says which versions of a model should be in service from now on."""
        with self._changed:
            if not self._is_stopped:
                self._aspired[name] = dict(versions)
                self._reconcile(name)

    def is_settled(self, name: str) -> Failure | bool:
        """True when a version is available, a Failure when none will be, else False."""
        with self._changed:
            known = self._versions.get(name, {})
            wanted = [known[n] for n in self._aspired.get(name, {}) if n in known]
            if any(one.state == State.AVAILABLE for one in known.values()):
                busy = (State.START, State.LOADING)
                return not any(v.state in busy and v.attempts < 2 and not v.timer for v in wanted)
            failed = [one for one in wanted if one.state == State.END and one.failure]
            if wanted and len(failed) == len(wanted):
                reasons = [f"{{name: {name} version: {v.number}}} {v.failure}" for v in failed]
                text = f"Some models did not become available: {'; '.join(reasons)}"
                return Failure(Code.UNKNOWN, text)
            return False

    def wait(self, seconds: float) -> None:
        """Waits until something changed."""
        with self._changed:
            self._changed.wait(seconds)

    def stop(self) -> None:
        """Takes everything out of service; waits for requests that are under way."""
        with self._changed:
            self._is_stopped = True
            for name in self._aspired:
                self._aspired[name] = {}
                self._reconcile(name)
            self._changed.wait_for(self._is_quiet, 60)
        self._loaders.shutdown()
        self._unloaders.shutdown()

    def _is_quiet(self):
        busy = (State.START, State.LOADING, State.UNLOADING)
        everything = [one for known in self._versions.values() for one in known.values()]
        return not any(one.state in busy for one in everything)

    def _reconcile(self, name):
        known, wanted = self._versions.setdefault(name, {}), self._aspired.get(name, {})
        for number in sorted(wanted, reverse=True):
            version = known.get(number)
            if version is None or version.state == State.END and self._is_due(name, version):
                known[number] = Version(number, wanted[number])
                self._loaders.submit(self._attempt, name, known[number])
        in_service = any(n in known and known[n].state == State.AVAILABLE for n in wanted)
        for number, version in known.items():
            if number in wanted:
                continue
            if version.state == State.AVAILABLE and (in_service or not wanted):
                self._retire(version)
            elif version.timer is not None:
                version.timer.cancel()
                version.timer, version.state = None, State.END
            elif version.state == State.END:
                version.is_dropped = True
        self._changed.notify_all()

    def _is_due(self, name, version):
        """Whether a version that has ended is loaded anew."""
        if version.failure is None or version.is_dropped:
            return True
        if not version.has_changed():
            return False
        log.info("%s version %d has other files now: it is tried again", name, version.number)
        return True

    def _attempt(self, name, version):
        with self._changed:
            version.timer = None
            if version.number not in self._aspired.get(name, {}):
                version.state = State.END
                self._changed.notify_all()
                return
            version.state = State.LOADING
            version.attempts += 1
        version.stamp = version.seen = sources.stamp(version.path)
        try:
            servable, failure = self._load(name, version.number, version.path), None
        except (Failure, OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            servable, failure = None, from_exception(error)
        with self._changed:
            if failure is None:
                version.servable, version.state = servable, State.AVAILABLE
                version.failure = None
                log.info("Loaded %s version %d from %s", name, version.number, version.path)
            else:
                log.error("Cannot load %s version %d: %s", name, version.number, failure)
                self._failed(name, version, failure)
            self._reconcile(name)

    def _failed(self, name, version, failure):
        version.failure = failure
        wanted = version.number in self._aspired.get(name, {})
        if not wanted or version.attempts > self._max_retries:
            version.state = State.END
            return
        version.timer = threading.Timer(
            self._retry_seconds, self._loaders.submit, (self._attempt, name, version)
        )
        version.timer.daemon = True
        version.timer.start()

    def _retire(self, version):
        version.state = State.UNLOADING
        if not version.uses:
            self._unloaders.submit(self._free, version)

    def _returned(self, version):
        with self._changed:
            version.uses -= 1
            if not version.uses and version.state == State.UNLOADING:
                self._unloaders.submit(self._free, version)

    def _free(self, version):
        version.servable.close()
        with self._changed:
            version.servable, version.state = None, State.END
            self._changed.notify_all()
