"""The story's time: it can be held, let go on, hurried, and its waits can be cut short."""

import asyncio
import time


class Pace:
    """`speed`: how many times as fast waits go by; what really has to happen takes as long as it takes."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._running = asyncio.Event()
        self._running.set()
        self._skip = asyncio.Event()

    @property
    def held(self) -> bool:
        return not self._running.is_set()

    def hold(self) -> None:
        self._running.clear()

    def go_on(self) -> None:
        self._running.set()

    def skip(self) -> None:
        """To the step's end, without its waits."""
        self._skip.set()
        self._running.set()

    def new_step(self) -> None:
        self._skip.clear()

    async def breathe(self, seconds: float) -> None:
        """Lets the spectator look for so long. Time that it is held does not count."""
        left = seconds / self.speed
        while True:
            await self._running.wait()
            if left <= 0 or self._skip.is_set():
                return
            began = time.monotonic()
            piece = min(left, 0.1)
            try:
                async with asyncio.timeout(piece):
                    await self._skip.wait()
            except TimeoutError:
                pass
            left -= time.monotonic() - began
