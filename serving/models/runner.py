"""Runs plans off the event loop, within a deadline."""

import asyncio
import collections
import functools
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tfgen.serving.models.manager import Lease
from tfgen.serving.models.predict import Plan
from tfgen.serving.status import Code, Failure

INLINE = 1 << 15  # Bytes whose parsing or printing is cheaper than a change of thread.


async def aside(pool: ThreadPoolExecutor, size: int, function: Callable, *arguments) -> Any:
    """A function's result: on the event loop for small things, on a thread for large ones."""
    if size <= INLINE:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)


async def run(
    arrivals: "Arrivals",
    lease: Lease,
    plan: Plan,
    pool: ThreadPoolExecutor,
    seconds: float | None,
):
    """The outputs of a plan; the lease ends with the run.

    Args:
        arrivals: Of the server.
        lease: The version that runs it.
        plan: What to run.
        pool: Threads for runs that are not batched.
        seconds: Time left; None: no limit.

    Raises:
        Failure: The run's own, or DEADLINE_EXCEEDED.
    """
    try:
        future = lease.servable.submit(plan)
        if future is None:
            future = pool.submit(lease.servable.run, plan, _milliseconds(seconds))
    except BaseException:
        lease.release()
        raise
    # A run that nobody waits for any more still holds its version until it ends.
    future.add_done_callback(lease.release)
    waiter = arrivals.waiter(future)
    try:
        async with asyncio.timeout(seconds):
            return await waiter
    except TimeoutError:
        raise Failure(
            Code.DEADLINE_EXCEEDED, f"The request took longer than {seconds:g} seconds"
        ) from None
    finally:
        future.cancel()  # Where it has not begun, nobody will ask for it any more.


class Arrivals:
    """Hands what threads have computed to the event loop of one server.

    All that has arrived since the loop looked last wakes it once: the answers of a batch come
    together, and waking a loop costs more than what it then does.
    """

    def __init__(self):
        self._loop: Any = None  # That of the first who waits.
        self._done = collections.deque()
        self._is_called = False

    def waiter(self, future: Future) -> asyncio.Future:
        """The outcome of a future of threads, to await in the loop that asks."""
        self._loop = asyncio.get_running_loop()
        waiter = self._loop.create_future()
        future.add_done_callback(functools.partial(self._arrived, waiter))
        return waiter

    def _arrived(self, waiter, future):
        self._done.append((waiter, future))
        if not self._is_called:
            self._is_called = True
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self):
        self._is_called = False  # First: what comes from now on calls again.
        while self._done:
            waiter, future = self._done.popleft()
            if waiter.done():
                continue
            if future.cancelled():
                waiter.cancel()
            elif future.exception() is not None:
                waiter.set_exception(future.exception())
            else:
                waiter.set_result(future.result())


def _milliseconds(seconds) -> int:
    """For TensorFlow to stop by itself; rounded up to few different values, each is prepared."""
    if seconds is None:
        return 0
    whole = max(1, math.ceil(seconds * 1000))
    return 1 << (whole - 1).bit_length() if whole < 1 << 30 else 0
