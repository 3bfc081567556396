"""A guest's process that lies to its handset, and a handset that is watched while it does."""

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Any, Final

from pocketvisor.attack.attacker import Attacker, asked
from pocketvisor.attack.probes.lies import FLOOD_PIECE
from pocketvisor.attack.probes.tally import Told
from pocketvisor.errors import PocketvisorError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.scheduler.host_time import OthersInLine, own_time

LAG_SECONDS: Final = 0.5
"""A handset whose loop is held up longer than this does not serve its other guests."""
FLOOD_MAX: Final = 128 << 20
"""Bytes in a second, and what is on its way besides: who takes more of one guest does little else."""
GARBAGES: Final = 8
_END_SECONDS: Final = 30.0
_BEAT: Final = 0.01
_LOOKS_LEAST: Final = 100
"""What is forged has to be looked at as often."""
_TRIES: Final = 5


class Watched:
    """A handset's loop: what goes wrong in it, and how late it is."""

    def __init__(self, handset: Handset) -> None:
        self.handset = handset
        self.problems: list[str] = []
        self.lag = 0.0
        self.looks = 0
        self._loop = asyncio.get_running_loop()
        self._before = self._loop.get_exception_handler()
        self._heart: asyncio.Task[None] | None = None

    @property
    def others(self) -> list[int]:
        """The processes of its guests."""
        return [guest.pid for guest in self.handset.guests if guest.pid]

    def __enter__(self) -> "Watched":
        self._loop.set_exception_handler(self._went_wrong)
        self._heart = asyncio.create_task(self._beat())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.set_exception_handler(self._before)
        if self._heart is not None:
            self._heart.cancel()

    def begin(self) -> None:
        self.problems.clear()
        self.lag = 0.0
        self.looks = 0

    def _went_wrong(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.problems.append(str(context.get("exception") or context.get("message")))

    async def _beat(self) -> None:
        others = OthersInLine()
        while True:
            # What others took of the processors is no guest's doing, also where a thread of this process that
            # has Python's lock waited for them. A guest that takes them itself is seen by what is left to its
            # neighbour.
            begun = own_time()
            await asyncio.sleep(_BEAT)
            lag = own_time() - begun - _BEAT
            self.lag = max(self.lag, lag - others.waited())


async def lie(name: str, attacker: Attacker, watched: Watched) -> Told:
    watched.begin()
    if name == "message-garbage":
        told = await _garbage(attacker, watched)
    elif name == "status-forgery":
        reading = asyncio.create_task(_read(attacker.guest, watched))
        for _ in range(_TRIES):
            told = await attacker.probe("lies", name, asked(name, []))
            if watched.looks >= _LOOKS_LEAST:
                break
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    else:
        told = await attacker.probe("lies", name, asked(name, []))
        if name == "message-flood" and told.attempts * FLOOD_PIECE > FLOOD_MAX:
            watched.problems.append(f"the handset took {told.attempts * FLOOD_PIECE >> 20} MiB in a second")
    sentence = watched.problems[0] if watched.problems else ""
    if watched.lag > LAG_SECONDS:
        sentence = f"the handset was held up for {watched.lag:.1f} s"
    if name != "message-garbage":
        await attacker.anew()
    if sentence:
        return Told(name, told.attempts, max(len(watched.problems), 1), told.stopped_by, sentence)
    return told


async def _read(guest: Guest, watched: Watched) -> None:
    """All that a front end reads of a guest, over and over."""
    sequence = 0
    while True:
        try:
            panel = guest.panel
            picture = panel.picture
            if len(panel.memory_of(picture)) != picture.stride * picture.height:
                watched.problems.append("a picture was larger than its memory")
            before = sequence
            sequence, rectangles = panel.damage_since(before)
            watched.looks += sequence != before
            for x0, y0, x1, y1 in rectangles or ():
                if not (0 <= x0 < x1 <= 0xFFFF and 0 <= y0 < y1 <= 0xFFFF):
                    watched.problems.append("damage was outside of the panel")
            guest.counters()
            guest.watch(time.monotonic())
            panel.on_glass(1e9, 1e9)
        except PocketvisorError:
            pass
        except Exception as error:
            watched.problems.append(f"{type(error).__name__}: {error}")
        await asyncio.sleep(0)


async def _garbage(attacker: Attacker, watched: Watched) -> Told:
    """Each piece ends the attacker's guest, with a sentence, and nobody else."""
    told = Told("message-garbage")
    for number in range(GARBAGES):
        await attacker.carry()
        attacker.send_probe("lies", "message-garbage", asked("message-garbage", [], number))
        told.attempts += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await attacker.guest.wait_stopped()
        if attacker.guest.state is GuestState.CRASHED:
            told.stopped_by["ended by its handset"] = told.stopped_by.get("ended by its handset", 0) + 1
        else:
            watched.problems.append(f"garbage of kind {number} was taken")
        await attacker.anew()
    return told
