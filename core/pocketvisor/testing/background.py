"""An asyncio loop in a thread of its own, so that tests need not know asyncio."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Starts at the first use; close() ends it. One for a whole pytest process."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and wait for its result. An interrupt (Ctrl-C) cancels it."""
        __tracebackhide__ = True
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result()
        except AssertionError as failure:
            raise failure.with_traceback(None) from None  # a test's failure: the loop's frames tell nothing
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        """Call a function that does not wait, in the loop's thread."""

        async def call() -> T:
            return function(*arguments, **named)

        return self.run(call())

    def close(self) -> None:
        """Cancel what is left in the loop and end its thread."""
        if self._loop is None or self._thread is None:
            return
        self.run(_cancel_the_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._serve, args=(self._loop,), name="pocketvisor", daemon=True
            )
            self._thread.start()
        return self._loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()


async def _cancel_the_rest() -> None:
    loop = asyncio.get_running_loop()
    rest = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
