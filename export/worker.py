"""The process that verifies exports: one for each Python process, started at the first use."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tfgen.export.errors import ExportError

TIMEOUT = 1800  # Seconds for one job.
SCRIPT = Path(__file__).with_name("verify.py")


class Worker:
    """A running `verify.py`. TensorFlow takes seconds to import, so it is kept for the next job."""

    def __init__(self):
        # The CPU is the reference that an export is judged by, and leaves the GPU to its owner.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        self.log = tempfile.TemporaryFile()
        self.process: Any = subprocess.Popen(  # Any: its pipes are there, which no type says.
            [sys.executable, "-P", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
            text=True,
        )
        atexit.register(self.close)

    def ask(self, job: dict, timeout: float = TIMEOUT) -> dict:
        """The worker's answer to one job.

        Raises:
            ExportError: The job failed, took too long, or the process died of it.
        """
        timer = threading.Timer(timeout, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            code = self.process.wait()
            raise ExportError(f"The verifying process ended with code {code}: {self.last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ExportError(f"{job['path']} does not run outside of tfgen: {answer['error']}")
        return answer

    def last_words(self) -> str:
        """The end of what the process wrote to its standard error."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-500:].strip() or "no message"

    def close(self) -> None:
        """Ends the process."""
        atexit.unregister(self.close)
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.log.close()


_running: list[Worker] = []


def ask(job: dict) -> dict:
    """Runs a job in the process's worker; a worker that failed is replaced at the next job."""
    if not _running:
        _running.append(Worker())
    try:
        return _running[0].ask(job)
    except (ExportError, KeyboardInterrupt):
        _running.pop().close()
        raise
