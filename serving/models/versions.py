"""What is known of one version of a model."""

import threading
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from tfgen.serving.models import sources
from tfgen.serving.models.predict import Servable
from tfgen.serving.status import Failure


class State(IntEnum):
    """ModelVersionStatus.State."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass
class Version:
    """What is known of one version of a model.

    Args:
        number: The version.
        path: Its folder.
        state: Where in its life it is.
        failure: Why it ended, where that was an error.
        servable: The loaded model, while it is loaded.
        uses: Requests that hold it.
        attempts: Loads tried.
        is_dropped: Whether it was not wanted since its load failed: wanted again, it is tried anew.
        timer: Of the next try, while it waits for that.
        stamp: Of its files when the last load began.
        seen: Of its files when they were last looked at.
    """

    number: int
    path: Path
    state: State = State.START
    failure: Failure | None = None
    servable: Servable | None = None
    uses: int = 0
    attempts: int = 0
    is_dropped: bool = False
    timer: threading.Timer | None = field(default=None, repr=False)
    stamp: tuple = field(default=(), repr=False)
    seen: tuple = field(default=(), repr=False)

    def has_changed(self) -> bool:
        """Whether the files are others than those that failed, and have come to rest.

        A folder that is still being copied into changes from look to look.
        """
        before, self.seen = self.seen, sources.stamp(self.path)
        return self.seen != self.stamp and self.seen == before
