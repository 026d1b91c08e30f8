"""Failures as gRPC statuses."""

import logging
from collections.abc import Callable
from typing import Any

import grpc

from tfgen.serving.status import Code, Failure

log = logging.getLogger(__name__)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LONGEST = 1500  # Characters; a status travels in a header, and clients limit those to 8 KiB.


def set_status(context: grpc.ServicerContext, failure: Failure) -> None:
    """Makes the call end with a failure."""
    text = failure.message.encode(errors="replace").decode()
    context.set_code(_CODES[int(failure.code)])
    context.set_details(text[:_LONGEST])


async def answered(call: Callable, request: Any, context: grpc.ServicerContext):
    """The response of a handler, or the status of its failure."""
    try:
        return await call(request, context)
    except Failure as failure:
        problem = failure
    except Exception as unforeseen:
        # The outermost place: a defect of ours must not cost the client its answer.
        log.exception("gRPC %s", type(request).__name__)
        problem = Failure(Code.INTERNAL, f"Internal error: {type(unforeseen).__name__}")
    text = problem.message.encode(errors="replace").decode()
    await context.abort(_CODES[int(problem.code)], text[:_LONGEST])
