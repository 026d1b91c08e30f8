"""Dynamic batching as TensorFlow Serving does it: one queue a signature, one pool of threads.

A batch is closed when it is full or when its first task has waited `batch_timeout_micros`; free
threads take closed batches from the queues in turn. While all threads are busy tasks gather, so
that a timeout of 0 still makes batches under load.
"""

import collections
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from tfgen.serving import metrics as names
from tfgen.serving.metrics import Metrics
from tfgen.serving.models.batch_tensors import gathered, split
from tfgen.serving.settings.batch_options import BatchOptions
from tfgen.serving.status import Code, Failure, from_exception, invalid

# Failures that say nothing about the inputs: a run alone would meet them again.
_OURS = (Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.UNAVAILABLE)


class Task:
    """One request in the queue.

    Attributes:
        arrays: Its inputs, each with `rows` rows.
        future: Gets the outputs.
    """

    def __init__(self, arrays: tuple[np.ndarray, ...], rows: int):
        self.arrays = arrays
        self.rows = rows
        self.future = Future()
        self.since = time.perf_counter()
        self.results = {}
        self.is_running: bool | None = None
        self.lock = threading.Lock()  # Its pieces may run in several threads.

    def start(self) -> bool:
        """Whether it is still wanted when its first piece is about to run."""
        with self.lock:
            if self.is_running is None:
                self.is_running = self.future.set_running_or_notify_cancel()
            return self.is_running

    def fail(self, failure: Failure) -> None:
        """Ends the task with an error."""
        with self.lock:
            if not self.future.done():
                self.future.set_exception(failure)

    def finish(self, start: int, outputs: list[np.ndarray]) -> None:
        """Takes the outputs of the rows from `start` on."""
        with self.lock:
            self.results[start] = outputs
            done = sum(len(part[0]) for part in self.results.values())
            if done < self.rows or self.future.done():
                return
            parts = [self.results[key] for key in sorted(self.results)]
            if len(parts) > 1:
                outputs = [np.concatenate(part) for part in zip(*parts, strict=True)]
            self.future.set_result(outputs)


class Batch:
    """Pieces of tasks that run together: (task, first row, row after the last)."""

    def __init__(self):
        self.pieces = []
        self.rows = 0
        self.since = time.perf_counter()

    def add(self, task: Task, start: int, stop: int) -> None:
        """Appends rows of a task."""
        self.pieces.append((task, start, stop))
        self.rows += stop - start


class Queue:
    """The batches of one signature.

    Args:
        run: Called with one array an input; the outputs, each with as many rows.
        options: Sizes and limits.
    """

    def __init__(self, scheduler: "Scheduler", run: Callable, options: BatchOptions):
        self.scheduler = scheduler
        self.run = run
        self.options = options
        self.batches = collections.deque()

    def submit(self, arrays: tuple[np.ndarray, ...]) -> Future:
        """The future outputs of one request.

        Raises:
            Failure: INVALID_ARGUMENT: scalars, different numbers of rows, too many rows.
                UNAVAILABLE: the queue is full.
        """
        if any(not array.ndim for array in arrays):
            raise invalid("Batching session Run() input tensors must have at least one dimension")
        rows = len(arrays[0])
        if any(len(array) != rows for array in arrays):
            raise invalid("Batching session Run() input tensors must have equal 0th-dimension size")
        options = self.options
        if rows > options.max_batch_size and not options.enable_large_batch_splitting:
            raise invalid(
                f"Task size {rows} is larger than maximum input batch size {options.max_batch_size}"
            )
        task = Task(arrays, rows)
        with self.scheduler.condition:
            self._enqueue(task)
            self.scheduler.condition.notify()
        return task.future

    def _enqueue(self, task):
        limit = self.options.execution_size
        pieces, start = [], 0
        room = limit - self.batches[-1].rows if self.batches else 0
        if self.options.enable_large_batch_splitting:
            while start < task.rows:
                stop = min(task.rows, start + (room or limit))
                pieces.append((start, stop))
                start, room = stop, 0
            needed = len(pieces) - (1 if self.batches and self.batches[-1].rows < limit else 0)
        else:
            pieces = [(0, task.rows)]
            needed = 0 if task.rows <= room else 1
        if len(self.batches) + needed > self.options.max_enqueued_batches or self.scheduler.stopped:
            raise Failure(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full",
            )
        for start, stop in pieces:
            if not self.batches or self.batches[-1].rows + stop - start > limit:
                self.batches.append(Batch())
            self.batches[-1].add(task, start, stop)

    def waits(self, now: float) -> float | None:
        """Seconds until the first batch may run; None where there is none."""
        if not self.batches:
            return None
        first = self.batches[0]
        if len(self.batches) > 1 or first.rows >= self.options.execution_size:
            return 0.0
        return max(0.0, first.since + self.options.batch_timeout_micros * 1e-6 - now)


class Scheduler:
    """Threads that run the batches of all queues."""

    def __init__(self, threads: int, name: str, metrics: Metrics):
        self.condition = threading.Condition()
        self.metrics = metrics
        self.name = name
        self.stopped = False
        self._queues = collections.deque()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def queue(self, run: Callable, options: BatchOptions) -> Queue:
        """A new queue."""
        made = Queue(self, run, options)
        with self.condition:
            self._queues.append(made)
        return made

    def remove(self, queue: Queue) -> None:
        """Forgets a queue, which must be empty."""
        with self.condition:
            self._queues.remove(queue)

    def stop(self) -> None:
        """Runs what is queued, takes nothing more and ends the threads."""
        with self.condition:
            self.stopped = True
            self.condition.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self):
        while True:
            with self.condition:
                taken = self._take()
            if taken is None:
                return
            self._run(*taken)

    def _take(self):
        while True:
            now, soonest = time.perf_counter(), None
            for _ in range(len(self._queues)):
                queue = self._queues[0]
                self._queues.rotate(-1)
                wait = queue.waits(now)
                if wait is not None and (not wait or self.stopped):
                    return queue, queue.batches.popleft()
                if wait is not None:
                    soonest = wait if soonest is None else min(soonest, wait)
            if self.stopped:
                return None
            self.condition.wait(soonest)

    def _run(self, queue, batch):
        pieces = [piece for piece in batch.pieces if piece[0].start()]
        if pieces:
            self._run_pieces(queue, pieces)

    def _run_pieces(self, queue, pieces):
        now = time.perf_counter()
        for task, _, _ in pieces:
            self.metrics.observe(names.QUEUING, (now - task.since) * 1e6, self.name)
        rows = sum(stop - start for _, start, stop in pieces)
        self.metrics.observe(names.BATCH_SIZE, rows, self.name)
        try:
            arrays, padding = gathered(pieces, rows, queue.options)
            self.metrics.observe(names.PADDING, padding, self.name)
            outputs = split(queue.run(arrays), pieces, rows, padding)
        except (Failure, ValueError, TypeError, MemoryError) as error:
            if len(pieces) > 1 and from_exception(error).code not in _OURS:
                for piece in pieces:  # One request's bad row is no other request's failure.
                    self._run_pieces(queue, [piece])
                return
            for task, _, _ in pieces:
                task.fail(from_exception(error))
            return
        for (task, start, _), part in zip(pieces, outputs, strict=True):
            task.finish(start, part)
