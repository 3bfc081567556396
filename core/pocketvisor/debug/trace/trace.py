"""What a guest does, written down while it does it: a debugger's `trace`.

It costs a guest that is not traced nothing, and changes nothing for one that is: a recording made with a
trace replays without, and the past can be traced as the present can. Everything that was written down stays
to be read when it has ended, until the next one begins.

Left out: what a process that has taken the place of another one does (start it again then); source lines of a
file too large to be read at once, but for those that somebody has looked at.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from pocketvisor.control import debug_messages as wire
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.debug.trace import counters as counting
from pocketvisor.debug.trace import ring
from pocketvisor.debug.trace.callers import Callers
from pocketvisor.debug.trace.chrome import chrome_trace
from pocketvisor.debug.trace.coverage import Coverage
from pocketvisor.debug.trace.drcov import Module, drcov
from pocketvisor.debug.trace.exceptions import Event, Span, events, spans
from pocketvisor.debug.trace.flame import flame_html, flame_svg
from pocketvisor.debug.trace.lcov import Function, SourceLine, lcov
from pocketvisor.debug.trace.mmio import Access, accesses
from pocketvisor.debug.trace.profile import Profile
from pocketvisor.errors import DebugError, GuestError
from pocketvisor.guest.memory import create_memfd

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.run import GuestRun

KINDS: Final = tuple(wire.TRACE_KINDS)
Format = Literal["drcov", "lcov", "folded", "svg", "html", "chrome"]


class Traced(Protocol):
    """A debugger, as far as a trace needs it."""

    @property
    def target(self) -> "Guest": ...
    @property
    def symbols(self) -> object: ...
    async def ask(self, request: wire.DebugRequest, fds: Sequence[int] = ()) -> wire.DebugReply: ...
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


class Trace:
    """Reading answers at once, with what was written down so far; `limit` keeps the newest."""

    def __init__(self, debugger: Traced) -> None:
        self._debugger = debugger
        self._memory: ring.TraceMemory | None = None
        self._callers = Callers()
        self._run: GuestRun | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """What is written down now, of KINDS."""
        memory = self._memory
        if memory is None or self._run is None or not self._run.pid:
            return frozenset()
        kinds = memory.kinds
        return frozenset(name for name, bit in wire.TRACE_KINDS.items() if kinds & bit)

    async def start(self, kinds: Iterable[str] = KINDS, *, period: int = 0) -> None:
        """From here on, in place of what was written down before. `period`: ticks between two samples of the
        profile; 0: a thousand samples a second of the guest's. Raises DebugError."""
        wanted = tuple(dict.fromkeys(kinds))
        for name in wanted:
            if name not in KINDS:
                raise DebugError(f"There is no trace of {name}: {', '.join(KINDS)}")
        if not wanted:
            return await self.stop()
        fd = create_memfd("trace", ring.SIZE)
        try:
            memory = ring.TraceMemory(fd)
            try:
                await self._debugger.ask(wire.SetTrace(wanted, period), (fd,))
            except BaseException:
                memory.close()
                raise
        finally:
            os.close(fd)
        if self._run is not self._debugger.target.run:
            with suppress(DebugError):
                await self.stop()  # another moment of its life was traced until now
        self.close()
        self._memory, self._run = memory, self._debugger.target.run

    async def stop(self) -> None:
        """What was written down stays to be read. Raises DebugError."""
        if self._run is not None and self.kinds:
            try:
                await self._run.debug(wire.SetTrace())
            except GuestError as error:
                raise DebugError(f"{self._debugger.target.name}: {error}") from error

    def close(self) -> None:
        """Nothing is left to be read."""
        self._memory = None  # not closed: another thread may be reading

    @property
    def lost(self) -> int:
        """Records that were overwritten, and blocks that found no room."""
        memory = self._memory
        if memory is None:
            return 0
        totals = memory.totals
        return (
            max(0, totals["accesses"] - ring.ACCESSES_MAX)
            + max(0, totals["exceptions"] - ring.EXCEPTIONS_MAX)
            + max(0, totals["samples"] - ring.SAMPLES_MAX)
            + totals["blocks_lost"]
        )

    def mmio(self, limit: int = 1000, *, since: int = 0) -> list[Access]:
        """Accesses of devices, oldest first; `since`: from this number on."""
        memory = self._memory
        if memory is None:
            return []
        found = memory.accesses(since, max(0, limit))
        return accesses(found.records, memory.devices(), found.next - len(found.records))

    def exceptions(self, limit: int = 1000, *, since: int = 0) -> list[Event]:
        """Exceptions, interrupts, waits and inputs, oldest first; `since`: from this number on."""
        memory = self._memory
        if memory is None:
            return []
        found = memory.exceptions(since, max(0, limit))
        return events(found.records, found.next - len(found.records))

    def timeline(self, limit: int = ring.EXCEPTIONS_MAX) -> list[Span]:
        """From when to when the guest was in an interrupt, or waited."""
        return spans(self.exceptions(limit))

    def coverage(self) -> Coverage:
        memory = self._memory
        if memory is None:
            return Coverage(())
        return Coverage(memory.blocks(), memory.totals["blocks_lost"])

    def profile(self, limit: int = ring.SAMPLES_MAX) -> Profile:
        memory = self._memory
        if memory is None:
            return Profile(())
        found = memory.samples(0, max(0, limit))
        return Profile(self._callers.known(found.records), found.lost, memory.period)

    async def profile_with_callers(
        self, limit: int = 4000, told: Callable[[float], None] = lambda share: None
    ) -> Profile:
        """The profile with stacks unwound by what the symbols tell, which profile() and exports have too from
        then on; takes about a second for a thousand new samples, in which `told` hears how much is done.
        Raises DebugError."""
        plain = self.profile(limit)
        symbols = self._symbols
        if symbols is None or not symbols.layers or not plain.samples:
            return plain
        await self._callers.find(plain.samples, self._debugger, symbols, told)
        return Profile(self._callers.known(plain.samples), plain.lost, plain.period)

    async def counters(self) -> counting.Counters:
        """They count always; exceptions by kind need a trace of them. Raises DebugError."""
        reply = await self._debugger.ask(wire.TakeTrace("devices"))
        try:
            assert isinstance(reply, wire.Opaque)
            devices = msgspec.msgpack.decode(reply.data, type=list[ring.RawDevice])
        except (AssertionError, msgspec.MsgspecError):
            raise DebugError("The guest's process told of counters that cannot be") from None
        memory = self._memory
        by_kind = memory.by_kind() if memory is not None else ()
        return counting.Counters(
            self._debugger.target.status.counters(),
            counting.exception_counts(by_kind),
            counting.device_counts(devices[: ring.DEVICES_MAX]),
        )

    # For other programs

    @property
    def _symbols(self) -> SymbolTable | None:
        table = self._debugger.symbols
        return table if isinstance(table, SymbolTable) else None

    def function_name(self, address: int) -> str:
        """By the debugger's symbols; empty where none is known."""
        table = self._symbols
        place = table.name(address) if table is not None else None
        return place.symbol.name if place is not None else ""

    def export(self, path: Path, form: Format) -> None:
        """Writes a file: coverage as "drcov", or by source line as "lcov"; the profile as "folded" stacks or
        as a flame graph, "svg" or "html"; the timeline as "chrome". Raises DebugError."""
        try:
            path.write_bytes(self.exported(form))
        except OSError as error:
            raise DebugError(f"{path}: {error.strerror}") from error

    def exported(self, form: str) -> bytes:
        """Raises DebugError."""
        name = self._debugger.target.name
        match form:
            case "drcov":
                return drcov(self.coverage(), self._modules())
            case "lcov":
                return self._lcov().encode()
            case "folded":
                return self.profile().folded(self.function_name).encode()
            case "svg":
                return flame_svg(self.profile().tree(self.function_name), name).encode()
            case "html":
                return flame_html(self.profile().tree(self.function_name), name).encode()
            case "chrome":
                found = self.exceptions(ring.EXCEPTIONS_MAX)
                return chrome_trace(spans(found), found, name).encode()
        raise DebugError(f"There is no form {form}: drcov, lcov, folded, svg, html, chrome")

    def _modules(self) -> list[Module]:
        table = self._symbols
        if table is None:
            return []
        return [Module(file.name, file.start, file.end) for file in table.layers if file.start < file.end]

    def _lcov(self) -> str:
        table = self._symbols
        lines = [
            SourceLine(address, line.file, line.line)
            for file in (table.layers if table is not None else ())
            for address, line in file.lines.rows()
        ]
        if table is None or not lines:
            raise DebugError("No file of symbols tells source lines (DWARF): lcov needs one")
        functions = []
        for symbol in table.functions():
            at = table.line(symbol.address)
            if at is not None:
                functions.append(Function(symbol.name, symbol.address, at.file, at.line))
        return lcov(self.coverage(), lines, functions)
