"""What is written soon rather than now: whoever asks on an event loop waits for no disk and no other program.

A thread that is there only while something waits. A program that is killed loses what waits then, which is
the last moments; one that ends waits EXIT_SECONDS for it at most.
"""

import asyncio
import atexit
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Final

EXIT_SECONDS: Final = 5.0


def on_a_loop() -> bool:
    """Whether an event loop waits for whoever asks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Late:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: dict[Hashable, Callable[[], object]] = {}
        self._thread: threading.Thread | None = None

    def soon(self, key: Hashable, work: Callable[[], object]) -> None:
        """Works it off on a thread, in turn. What waits under the same key does this one's work too."""
        with self._condition:
            self._waiting.setdefault(key, work)
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="written soon", daemon=True)
            try:
                self._thread.start()
                return
            except RuntimeError:  # the program is at its end, or has too many
                pass
        self._run()

    def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Waits until nothing waits any more; whether it came to that. Blocks."""
        with self._condition:
            return self._condition.wait_for(lambda: self._thread is None, seconds)

    @property
    def idle(self) -> bool:
        return self._thread is None

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._waiting:
                    self._thread = None
                    self._condition.notify_all()
                    return
                key = next(iter(self._waiting))
                work = self._waiting.pop(key)
            try:
                work()
            except Exception:  # a bug, and no reason to lose what else waits
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


LATE: Final = Late()
"""This program's."""

atexit.register(LATE.flush)
