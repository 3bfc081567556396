"""What the debugging panes share: the selected guest's debugger, the latest look at it, and what is done.

A guest that runs is sampled four times a second while a pane is seen, and not at all otherwise. One that
stands still is looked at when it stops and when something in it was changed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from pocketvisor.api import Act, GuestState, PocketvisorError
from pocketvisor.control.debug_messages import Read
from pocketvisor.debug.expression import Moment, address_of
from pocketvisor.errors import DebugError
from pocketvisor_workbench.debug.motion import Motion
from pocketvisor_workbench.debug.own_names import OwnNames
from pocketvisor_workbench.debug.stop_actions import StopActions
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.policy.asking import why_not

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.debug.debugger import Debugger, Sample
    from pocketvisor.debug.linux.view import LinuxView
    from pocketvisor.debug.stop_info import StopInfo
    from pocketvisor.debug.symbols.table import SymbolTable
    from pocketvisor_workbench.session import Session

INTERVAL_MS = 250
_PAGE = 4096
_REACH = 0x2000
"""So far behind a symbol of unknown size its name still says something."""
_log = logging.getLogger(__name__)


class Looker(Protocol):
    """A pane that wants to see the guest."""

    async def look(self) -> None:
        """There is a new sample, and the guest answers questions about the same moment if it stands still."""
        ...

    def refuse(self, sentence: str) -> None:
        """What could not be seen, and why; empty when it can again."""
        ...


class Inspector(QObject):
    guest_changed = Signal()
    looked = Signal()
    state_changed = Signal()
    """It runs, stands still, is in the past, or cannot be looked at any more."""
    stops_changed = Signal()
    symbols_changed = Signal()
    code_wanted = Signal(object)
    memory_wanted = Signal(object, bool)
    """An address to show, and whether it is a physical one."""

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self.session = session
        self.guest: Guest | None = None
        self.debugger: Debugger | None = None
        self.sample: Sample | None = None
        self.before: Mapping[str, int] = {}
        """Registers of the stop before, or of the sample before."""
        self.stop: StopInfo | None = None
        """Why it stands still, while it does."""
        self.problem = ""
        self.refusal = ""
        """Why the guest's policy lets nobody look into it."""
        self.busy = ""
        """What takes a while, in words."""
        self.running = ""
        """Up to where it runs, in words, where it is not just running."""
        self.executed: Callable[[int], bool | None] | None = None
        """Of an address: whether it was executed; set by the coverage pane."""
        self._names: object = None
        self.motion = Motion(self)
        self.stops = StopActions(self)
        self._lookers: list[Looker] = []
        self._unsubscribe: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._own_names: OwnNames | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)
        session.selection_changed.connect(self._follow)
        session.state_changed.connect(self._guest_state)
        session.guest_removed.connect(self._removed)
        session.policies.changed.connect(self._policy_changed)

    # Who looks

    def watch(self, looker: Looker) -> None:
        """From now on this pane is seen."""
        if looker not in self._lookers:
            self._lookers.append(looker)
            self._attend()
            self.look()

    def unwatch(self, looker: Looker) -> None:
        if looker in self._lookers:
            self._lookers.remove(looker)
            self._attend()

    def _attend(self) -> None:
        """The timer goes while it is needed."""
        runs = self.debugger is not None and not self.standing and not self.busy
        if self._lookers and runs:
            self._timer.start()
        else:
            self._timer.stop()

    # Whom one looks at

    @property
    def alive(self) -> bool:
        return self.guest is not None and self.guest.state in (GuestState.RUNNING, GuestState.PAUSED)

    @property
    def standing(self) -> bool:
        """It stands still: what is seen is exact, and can be changed."""
        return self.debugger is not None and self.debugger.standing

    @property
    def in_past(self) -> bool:
        return self.debugger is not None and self.debugger.in_past

    @property
    def state_words(self) -> str:
        """Why there is nothing to see, in a sentence; empty where there is."""
        if self.guest is None:
            return "Select a guest to look inside."
        if self.guest.state is GuestState.STARTING:
            return f"{self.guest.name} is starting."
        if not self.alive:
            return f"{self.guest.name} is {self.guest.state.value}: start it to look inside."
        if self.debugger is None:
            return self.refusal or f"{self.guest.name} cannot be looked into."
        return self.problem

    def _follow(self) -> None:
        guest = self.session.guest
        if guest is not self.guest:
            self._attach(guest)

    def _removed(self, guest: "Guest") -> None:
        if guest is self.guest:
            self._attach(None)

    def _attach(self, guest: "Guest | None") -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        self.guest, self.debugger, self.sample, self.before = guest, None, None, {}
        self.stop, self.problem, self.busy, self.running = None, "", "", ""
        self.refusal = why_not(guest, Act.DEBUG)
        debugger: Debugger | None = None if self.refusal else getattr(guest, "debugger", None)
        if guest is not None and debugger is not None:
            self.debugger = debugger
            self._own_names = OwnNames(guest)
            self.stop = debugger.last if debugger.standing else None
            self._unsubscribe = [
                debugger.on("stopped", self._stopped),
                debugger.on("running", self._running),
                debugger.on("moved", self._moved),
                debugger.on("changed", self.look),
                debugger.on("stops", self.stops_changed.emit),
                debugger.on("attached", self.state_changed.emit),
            ]
        self._attend()
        self.guest_changed.emit()
        self.state_changed.emit()
        self.stops_changed.emit()
        self.look()

    def _policy_changed(self, guest: "Guest") -> None:
        if guest is self.guest and self.refusal != why_not(guest, Act.DEBUG):
            self._attach(guest)

    def _guest_state(self, guest: "Guest") -> None:
        if guest is self.guest:
            if not self.alive:
                self.sample, self.stop = None, None
            self._attend()
            self.state_changed.emit()
            self.look()

    # What the debugger tells

    def _stopped(self, stop: "StopInfo") -> None:
        self.stop = stop
        self._attend()
        self.state_changed.emit()
        self.look()

    def _running(self) -> None:
        self.stop = None
        self._attend()
        self.state_changed.emit()

    def _moved(self) -> None:
        debugger = self.debugger
        if debugger is not None:
            self.stop = debugger.last if debugger.standing else None
        self._attend()
        self.state_changed.emit()
        self.look()

    # Looking

    def look(self) -> None:
        """Looks once, as soon as the look before is over, if there is a pane that is seen."""
        if not self._lookers:
            return
        if self._task is not None and not self._task.done():
            self._again = True
            return
        if self.debugger is None:
            self.looked.emit()  # at once: the event loop may be about to end
            return
        looking = self._look()
        try:
            self._task = self.session.jobs.beside(looking)
        except RuntimeError:  # the event loop has ended
            looking.close()
            self._task = None

    async def _look(self) -> None:
        while True:
            self._again = False
            await self._look_once()
            if not self._again:
                return

    async def _look_once(self) -> None:
        guest, debugger = self.guest, self.debugger
        if debugger is None or not self.alive:
            self.looked.emit()
            return
        try:
            sample = await debugger.sample()
        except PocketvisorError as error:
            if guest is self.guest:
                self.problem = str(error)
                self.looked.emit()
            return
        if guest is not self.guest:
            return
        self.problem = ""
        if self.symbols_version != self._names:
            self._names = self.symbols_version
            self.symbols_changed.emit()
        if self.sample is not None and self.sample.position != sample.position:
            self.before = self.sample.registers
        self.sample = sample
        self.looked.emit()
        names = self._own_names
        if self._lookers and names is not None and names.due(debugger):
            self._own_names = None
            self.ask(lambda: self._learn(names, debugger))
        for looker in list(self._lookers):
            if guest is not self.guest:
                return
            try:
                await looker.look()
            except PocketvisorError as error:
                looker.refuse(str(error))
            except Exception:
                _log.exception("A pane could not look into a guest")  # the others still can
            else:
                looker.refuse("")

    async def _learn(self, names: OwnNames, debugger: "Debugger") -> None:
        try:
            await names.learn(debugger)
        finally:
            if debugger is self.debugger:
                self._own_names = names
                self.look()

    # Symbols and addresses

    async def read_span(self, begin: int, end: int, *, physical: bool = False) -> list[tuple[int, bytes]]:
        """Memory page by page, all of one moment; what is not mapped is shorter. Raises DebugError."""
        assert self.debugger is not None
        reads = []
        address = begin
        while address < end:
            size = min(_PAGE - (address & _PAGE - 1), end - address)
            reads.append(Read(address, size, physical))
            address += size
        sample = await self.debugger.sample(*reads, registers=False)
        return [(read.address, data) for read, data in zip(reads, sample.data, strict=True)]

    @property
    def symbols(self) -> "SymbolTable | None":
        return self.debugger.symbols if self.debugger is not None else None

    @property
    def linux(self) -> "LinuxView | None":
        return self.debugger.linux if self.debugger is not None else None

    def label(self, address: int) -> str:
        """name, or name+0x10; empty where nothing is known."""
        symbols = self.symbols
        place = symbols.name(address) if symbols is not None else None
        if place is None or place.offset >= max(place.symbol.size, _REACH):
            return ""
        return str(place)

    def start_of(self, address: int) -> int | None:
        """Where the function at an address begins."""
        symbols = self.symbols
        place = symbols.name(address) if symbols is not None else None
        return place.symbol.address if place is not None else None

    @property
    def symbols_version(self) -> object:
        """Another one whenever names may have changed."""
        symbols = self.symbols
        return (id(symbols), symbols.generation) if symbols is not None else None

    async def address_of(self, text: str) -> int:
        """What somebody typed: a number, a symbol, an expression. Raises DebugError."""
        if self.debugger is None or self.sample is None:
            raise DebugError(self.state_words or "There is no guest to look at yet")
        return await address_of(text, Moment(self.sample.registers, self.debugger, self.symbols))

    # Doing

    def do(
        self, title: str, work: Callable[[], Awaitable[Any]], *, busy: str = "", running: str = ""
    ) -> Job | None:
        """Something with the debugger; what it fails with is shown. `busy`: nothing else can be done
        meanwhile. `running`: what the guest does meanwhile, which a pause ends."""
        if self.guest is None or self.debugger is None:
            return None
        guest = self.guest

        async def whole(_: Job) -> None:
            self.running = running
            if busy:
                self.busy = busy
                self.state_changed.emit()
            try:
                await work()
            finally:
                if guest is self.guest:
                    self.running = ""
                if busy and guest is self.guest:
                    self.busy = ""
                    self._attend()
                    self.state_changed.emit()
                self.look()

        return self.session.run(f"{title} {guest.name}", whole, shown=False, source=guest.name)

    def ask(self, work: Callable[[], Awaitable[Any]]) -> None:
        """A question for a pane's sake: what it fails with is not worth a notice."""

        async def quietly(_: Job) -> None:
            with contextlib.suppress(PocketvisorError):
                await work()

        self.session.run("Look into a guest", quietly, shown=False)

    @property
    def can_reverse(self) -> bool:
        """There is a recording to go back in."""
        return self.alive and self.debugger is not None and bool(self.debugger.timeline.moments)

    def show_code(self, address: int) -> None:
        self.code_wanted.emit(address)

    def show_memory(self, address: int, *, physical: bool = False) -> None:
        self.memory_wanted.emit(address, physical)
