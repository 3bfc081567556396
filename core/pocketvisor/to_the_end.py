"""What is waited for to its end, even where its caller is cancelled: whoever closes a file next finds nobody
in it any more, and a process that was begun is known to whoever ends it."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await to_the_end(asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs)))


async def to_the_end(task: "asyncio.Future[T]") -> T:
    """A cancellation is heeded when the task is through."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # looked at: nobody complains that it was not
        raise
