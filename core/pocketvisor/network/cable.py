"""What a guest's card hangs on: a port of the network process, and the wire between the two.

A wire is made for each run of the guest, and anew where the process at its other end has gone. A guest that
runs already is handed it.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pocketvisor.devices.virtio_net import Wire
from pocketvisor.errors import GuestError, NetworkError
from pocketvisor.guest.options import LIVE_STATES
from pocketvisor.network import messages
from pocketvisor.network.radio import Radio
from pocketvisor.network.rules import NetworkRules
from pocketvisor.network.sidecar import PortOwner, Sidecar

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

DEVICE: Final = "network"
_WIRE_BUFFER: Final = 4 << 20


class Cable:
    """`owner` is told what the network process says of the port."""

    def __init__(self, guest: "Guest", mac: bytes, owner: PortOwner) -> None:
        self._guest = guest
        self._mac = mac
        self._owner = owner
        self._sidecar: Sidecar | None = None
        self._wire_fd = -1
        self._configured = False
        self._handed = False  # the guest's wire is not the one that it was configured with
        self._pid = 0
        self._rules: NetworkRules | None = None
        self._closed = False
        self.port = 0
        """For messages; good from lay() on."""

    async def lay(self, radio: Radio) -> None:
        """A port in a network process that lives, and the guest's wire on it. Raises NetworkError."""
        if self._sidecar is not None and self._sidecar.alive:
            return
        sidecar = await Sidecar.shared()
        if self._closed:  # its guest has gone meanwhile
            await sidecar.end_unused()
            raise NetworkError(f"{self._guest.name} is gone")
        self._sidecar = sidecar
        self.port = self._sidecar.add_port(self._owner, self._mac, int.from_bytes(self._mac, "big"))
        self.tell(messages.SetRules(self.port, self._rules))  # before anything can pass
        self.tell(messages.SetRadio(self.port, radio))
        if not self._configured:
            return
        self._handed = True  # it runs without a wire, or with one to a process that has gone
        if self._guest.state in LIVE_STATES:
            try:
                self._hand_over()
            except GuestError as error:
                raise NetworkError(f"{self._guest.name} takes no new wire: {error}") from error

    def set_rules(self, rules: NetworkRules | None) -> None:
        """What passes from now on, in this network process and any later one."""
        if rules != self._rules:
            self._rules = rules
            self.tell(messages.SetRules(self.port, rules))

    def tell(self, message: messages.ToProcess, fd: int | None = None) -> None:
        """Never waits; without a network process nobody is told."""
        if self._sidecar is not None:
            self._sidecar.tell(message, fd)

    def lost(self) -> None:
        """The network process has gone."""
        self._sidecar = None

    async def close(self) -> None:
        self._closed = True
        self.ended()
        sidecar, self._sidecar = self._sidecar, None
        if sidecar is not None:
            await sidecar.remove_port(self.port)

    # For the guest

    def configure(self) -> int:
        """The descriptor of the next run's wire; -1 where there is nothing at its other end yet."""
        self.ended()
        self._configured, self._handed = True, False
        if self._sidecar is not None:
            self._wire_fd = self._new_wire()
        return self._wire_fd

    @property
    def descriptors(self) -> Sequence[int]:
        return [self._wire_fd] if self._wire_fd >= 0 else []

    def ended(self) -> None:
        if self._wire_fd >= 0:
            os.close(self._wire_fd)
            self._wire_fd = -1

    def guest_changed(self) -> None:
        """One that was restored is a new process, with the wire that it was configured with."""
        before, self._pid = self._pid, self._guest.pid
        if self._handed and self._pid not in (0, before):
            with suppress(GuestError):
                self._hand_over()

    def _hand_over(self) -> None:
        fd = self._new_wire()
        try:
            self._guest.hand_over(DEVICE, Wire(), fd)
        finally:
            os.close(fd)

    def _new_wire(self) -> int:
        """The guest's end, for whoever closes it; the network process has the other."""
        ours, guests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            for end in (ours, guests):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WIRE_BUFFER)
            self.tell(messages.SetWire(self.port), ours.fileno())
        return guests.detach()
