"""What a port of virtio-console leads to: a wire to the handset, the modem, or nothing."""

import os
import time
from collections.abc import Callable
from typing import Final, Protocol

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.modem.engine import AtModem
from pocketvisor.devices.modem.state import Charge, ModemState, Network, Order, Report
from pocketvisor.devices.wires import FULL

_SOONEST: Final = 0.02


class End(Protocol):
    connected: bool
    """Whether somebody is there."""
    budget: int
    """Bytes each way in one turn."""

    def attach(self, loop: DeviceLoop, changed: Callable[[], None]) -> None:
        """The guest's driver is ready; `changed` is to be called when there is something for the guest."""

    def detach(self) -> None: ...

    def listen(self, wanted: bool) -> None:
        """Whether the guest has room for more: else `changed` need not be called."""

    def give(self, size: int) -> bytes:
        """At most so much for the guest, nothing if there is nothing now."""

    def take(self, data: bytes) -> int:
        """From the guest; how much of it was taken."""

    def save(self) -> State: ...
    def restore(self, state: State) -> None: ...


class NoEnd:
    """Takes what comes, and gives nothing."""

    connected = False
    budget = 256 << 10

    def attach(self, loop: DeviceLoop, changed: Callable[[], None]) -> None:
        pass

    def detach(self) -> None:
        pass

    def listen(self, wanted: bool) -> None:
        pass

    def give(self, size: int) -> bytes:
        return b""

    def take(self, data: bytes) -> int:
        return len(data)

    def save(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass


class WireEnd(NoEnd):
    """A stream socket to the handset. What its other side does not read stays with the guest."""

    def __init__(self, wire: int, connected: bool) -> None:
        os.set_blocking(wire, False)
        self._wire = wire
        self.connected = connected
        self._loop: DeviceLoop | None = None
        self._changed: Callable[[], None] = lambda: None
        self._closed = False

    def attach(self, loop: DeviceLoop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self.listen(True)

    def detach(self) -> None:
        self.listen(False)
        self._loop = None

    def listen(self, wanted: bool) -> None:
        if self._loop is None:
            return
        if wanted and not self._closed:
            self._loop.watch(self._wire, self._changed)
        else:
            self._loop.unwatch(self._wire)

    def give(self, size: int) -> bytes:
        if self._closed:
            return b""
        try:
            data = os.read(self._wire, size)
        except OSError as error:
            if error.errno in FULL:
                return b""
            data = b""
        if not data:
            self._closed = True
            self.listen(False)
        return data

    def take(self, data: bytes) -> int:
        if self._closed or not self.connected:
            return len(data)  # as a terminal that is switched off
        try:
            return os.write(self._wire, data)
        except OSError as error:
            if error.errno in FULL:
                return 0
            self._closed = True
            return len(data)


class ModemEnd(NoEnd):
    """A modem, always there. Its clock is the guest's, and looked at when the host's says that it is time."""

    connected = True
    budget = 8 << 10

    def __init__(
        self, now: Callable[[], float], report: Callable[[Report], None], *knows: Network | Charge
    ) -> None:
        """`knows`: what of the world it knows from the start."""
        self._modem = AtModem(now, report)
        for order in knows:
            self._modem.hear(order)
        self._now = now
        self._loop: DeviceLoop | None = None
        self._changed: Callable[[], None] = lambda: None
        self._due: float | None = None

    def attach(self, loop: DeviceLoop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self._schedule()

    def give(self, size: int) -> bytes:
        return self._modem.take(size)

    def take(self, data: bytes) -> int:
        self._modem.feed(data)
        self._schedule()
        return len(data)

    def hear(self, order: Order, loop: DeviceLoop) -> None:
        """Also while the guest has no driver for the console: its phone rings all the same."""
        self._loop = loop
        self._modem.hear(order)
        self._changed()
        self._schedule()

    def save(self) -> State:
        return plain(self._modem.state)

    def restore(self, state: State) -> None:
        self._modem.state = from_plain(state, ModemState)

    def _schedule(self) -> None:
        """One timer at a time; it may come early, where the guest's clock goes slower than the host's."""
        due = self._modem.due()
        if due is None or self._loop is None or (self._due is not None and self._due > time.monotonic()):
            return
        wait = max(_SOONEST, due - self._now())
        self._due = time.monotonic() + wait
        self._loop.later(wait, self._tick)

    def _tick(self) -> None:
        self._due = None
        self._modem.tick()
        self._changed()
        self._schedule()
