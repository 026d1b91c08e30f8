"""Runs plans off the event loop, within a deadline."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor

from tfgen.serving.manager import Lease
from tfgen.serving.predict import Plan
from tfgen.serving.status import Code, Failure

INLINE = 1 << 15  # Bytes whose parsing or printing is cheaper than a change of thread.


async def aside(pool: ThreadPoolExecutor, size: int, function, *arguments):
    """A function's result: on the event loop for small things, on a thread for large ones."""
    if size <= INLINE:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)


async def run(lease: Lease, plan: Plan, pool: ThreadPoolExecutor, seconds: float | None):
    """The outputs of a plan; the lease ends with the run.

    Args:
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
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(future)
    except TimeoutError:
        raise Failure(
            Code.DEADLINE_EXCEEDED, f"The request took longer than {seconds:g} seconds"
        ) from None


def _milliseconds(seconds) -> int:
    """For TensorFlow to stop by itself; rounded up to few different values, each is prepared."""
    if seconds is None:
        return 0
    whole = max(1, math.ceil(seconds * 1000))
    return 1 << (whole - 1).bit_length() if whole < 1 << 30 else 0
