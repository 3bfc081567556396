"""Going backwards: a moment before is restored, and the guest does again what it did, up to the place wanted.

Where a breakpoint or watchpoint was met last is found piece by piece, the latest first: in each piece all
hits are noted in one pass. A piece in which the pages that are watched for writes were not written is left
out.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Final

from pocketvisor.board.map import RAM_BASE
from pocketvisor.control.debug_messages import FIND_MAX, Hit, StopAt
from pocketvisor.debug.expression import Moment as Context
from pocketvisor.debug.stop_info import StopInfo, stop_info
from pocketvisor.debug.stops import Hit as FoundHit
from pocketvisor.debug.stops import Stop
from pocketvisor.errors import DebugError

if TYPE_CHECKING:
    from pocketvisor.debug.debugger import Debugger
    from pocketvisor.debug.timeline.timeline import Timeline

PAGE: Final = 4096
NEAR: Final = 256
"""Clock bytes that are stepped through one by one to find the instruction before."""
FAR: Final = 1 << 20
_LINEAR: Final = 0xC0000000
"""Where Linux maps its RAM for good."""
_SEARCHED: Final = 0x7FFFFFFF
"""The id of a stop that is no breakpoint of anybody's."""


class Reverse:
    """Of one time line."""

    def __init__(self, timeline: "Timeline") -> None:
        self._timeline = timeline

    async def step(self, debugger: "Debugger", count: int = 1) -> StopInfo:
        """So many instructions back. Raises DebugError."""
        async with self._timeline.away() as here:
            while count:
                found, steps = await self._before(here, min(count, FIND_MAX))
                if not steps:
                    return await self._at_beginning(debugger)
                here, count = found, count - steps
            await self._timeline.go_to(here)
        return debugger.tell("step")

    async def resume(self, debugger: "Debugger") -> StopInfo:
        """Back to where a breakpoint or watchpoint was met last. Raises DebugError."""
        stops = debugger.stop_table()
        async with self._timeline.away() as upto:
            while True:
                hit = await self._search(stops, upto, debugger) if stops else None
                if hit is None:
                    return await self._at_beginning(debugger)
                stop = debugger.stops.get(hit.id)
                await self._timeline.go_to(hit.position)
                if not stop.condition or await self._holds(debugger, stop, hit):
                    return self._tell_hit(debugger, hit, stop)
                upto = hit.position

    async def last_write(
        self, debugger: "Debugger", address: int, size: int = 4, *, physical: bool = False
    ) -> StopInfo:
        """Back to the instruction that wrote there last, under whatever address. Raises DebugError."""
        if not physical:
            found = await debugger.translate(address)
            if found is None:
                raise DebugError(f"Nothing is mapped at 0x{address:08x}")
            address = found[0]
        stop = StopAt(_SEARCHED, "write", address, size, True)
        async with self._timeline.away() as here:
            hit = await self._search((stop,), here, debugger)
            if hit is None:
                raise DebugError(f"Physical 0x{address:08x} was not written since the recording began")
            await self._timeline.go_to(hit.position)
        return self._tell_hit(debugger, hit, None)

    # Searching

    async def _search(self, stops: tuple[StopAt, ...], upto: int, debugger: "Debugger") -> Hit | None:
        """The last hit before a position. Several pieces are searched at once, if there are cores."""
        timeline = self._timeline
        moments = timeline.moments
        first = timeline.recorder.moments.at(max(upto - 1, 0)) if upto > timeline.begin else -1
        watched = await self._watched_pages(stops, debugger)
        pieces = [at for at in range(first, -1, -1) if self._may_hit(at, watched)]
        width = max(1, min(4, os.cpu_count() or 1))
        tasks: dict[int, asyncio.Task[Hit | None]] = {}
        try:
            for number, at in enumerate(pieces):
                for ahead in pieces[number : number + width]:
                    if ahead not in tasks:
                        end = moments[ahead + 1].position if ahead + 1 < len(moments) else upto
                        tasks[ahead] = asyncio.create_task(self._search_piece(stops, ahead, min(end, upto)))
                timeline.emit("searching", number / len(pieces))
                hit = await tasks[at]
                if hit is not None:
                    return hit
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            timeline.emit("searching", 1.0)
        return None

    async def _search_piece(self, stops: tuple[StopAt, ...], at: int, upto: int) -> Hit | None:
        past = await self._timeline.open_past(at, upto)
        try:
            _, hits = await past.hits(stops, upto)
        finally:
            await past.close()
        return hits[-1] if hits else None

    async def _watched_pages(self, stops: tuple[StopAt, ...], debugger: "Debugger") -> set[int] | None:
        """Of RAM, where they are all that the stops are about; None where they are not known."""
        pages: set[int] = set()
        for stop in stops:
            if stop.kind != "write":
                return None
            address = stop.address
            if not stop.physical:
                found = await debugger.translate(address) if address >= _LINEAR else None
                if found is None or found[0] - RAM_BASE != address - _LINEAR:
                    return None
                address = found[0]
            first, last = (address - RAM_BASE) // PAGE, (address + stop.size - 1 - RAM_BASE) // PAGE
            pages.update(range(first, last + 1))
        return pages

    def _may_hit(self, at: int, watched: set[int] | None) -> bool:
        moments = self._timeline.moments
        if watched is None or at + 1 >= len(moments) or not moments[at + 1].pages:
            return True
        written = moments[at + 1].pages
        return any(page >> 3 < len(written) and written[page >> 3] >> (page & 7) & 1 for page in watched)

    async def _before(self, position: int, count: int) -> tuple[int, int]:
        """Where the instruction begins that is so many before the one at a position, or that far that the
        moment before it is; and how many it is before: none at the recording's beginning."""
        timeline = self._timeline
        if position <= timeline.begin:
            return position, 0
        index = timeline.recorder.moments.at(position - 1)
        beginning = timeline.moments[index].position
        near = max(NEAR, count * 4)
        while True:
            start = max(position - near, beginning)
            past = await timeline.open_past(index, position)
            try:
                await past.run_to(start)
                if past.position < position:
                    found, steps = await past.find_before(position, count)
                    if steps:
                        return found, steps
            finally:
                await past.close()
            if start == beginning or near > FAR:
                raise DebugError("The instruction before this one was not found")
            near *= 16

    async def _holds(self, debugger: "Debugger", stop: Stop, hit: Hit) -> bool:
        context = Context(await debugger.registers(), debugger, debugger.symbols)
        found = FoundHit(hit.id, hit.position, hit.pc, hit.address, hit.size, hit.write)
        return await debugger.stops.decides(found, context, count=False)

    async def _at_beginning(self, debugger: "Debugger") -> StopInfo:
        await self._timeline.go_to(self._timeline.begin)
        return debugger.tell("start-of-recording")

    def _tell_hit(self, debugger: "Debugger", hit: Hit, stop: Stop | None) -> StopInfo:
        kind = "breakpoint" if stop is not None and not stop.watches else "watchpoint"
        position, pc = self._timeline.position, debugger.last.pc if debugger.last is not None else hit.pc
        info = stop_info(
            kind,
            position,
            pc,
            stop,
            address=hit.address,
            size=hit.size,
            write=hit.write,
            detail="" if stop is not None else f"Writes {hit.size} bytes at 0x{hit.address:08x}",
        )
        debugger.arrived(info)
        return info
