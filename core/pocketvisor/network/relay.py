"""The network process's whole work: ports, switches, links to passt, and what the front end says of them."""

import socket
from collections.abc import Callable
from typing import Final

from pocketvisor.network import messages
from pocketvisor.network.capture import Capture
from pocketvisor.network.poller import Poller
from pocketvisor.network.port import Port
from pocketvisor.network.switch import Switch
from pocketvisor.network.user_link import UserLink

_COUNT_SECONDS: Final = 0.5


class _Connection:
    """A port's place on a switch."""

    congested = False
    leads_out = False

    def __init__(self, relay: "Relay", name: str, switch: Switch) -> None:
        self._relay = relay
        self.name = name
        self._switch = switch

    def send(self, port: Port, message: bytes) -> bool:
        self._switch.send(port, message, self._relay.poller.now())
        return True

    def room(self) -> None:
        pass

    def leave(self, port: Port) -> None:
        self._switch.leave(port)
        self._relay.left(self.name)


class Relay:
    """`tell` takes what is to go to the front end."""

    def __init__(self, poller: Poller, tell: Callable[[messages.FromProcess], None]) -> None:
        self.poller = poller
        self._tell = tell
        self._ports: dict[int, Port] = {}
        self._switches: dict[str, Switch] = {}
        self._counted: dict[int, messages.Counters] = {}
        self._count_at = 0.0

    def turn(self, patience: float | None = None) -> bool:
        """Waits for something to do, for `patience` at most, and does it. Whether there was something."""
        now = self.poller.now()
        due = [when for port in self._ports.values() if (when := port.due()) is not None]
        if self._changed():
            due.append(self._count_at)
        if due:
            wait = max(0.0, min(due) - now)
            patience = wait if patience is None else min(patience, wait)
        # epoll's milliseconds are rounded up by Python: nothing spins, nothing arrives early
        busy = self.poller.poll(patience)
        now = self.poller.now()
        for port in list(self._ports.values()):
            when = port.due()
            if when is not None and when <= now:
                port.arrive(now)
                busy = True
        self._watch_captures()
        if now >= self._count_at and self._changed():
            self._count(now)
        return busy

    def handle(self, message: messages.ToProcess, fd: int | None = None) -> None:
        """Raises ValueError for what cannot be. A descriptor is the relay's own from here on."""
        match message:
            case messages.AddPort(number, mac, seed):
                if number in self._ports or len(self._ports) >= messages.PORTS_MAX:
                    raise ValueError(f"there is no place for port {number}")
                self._ports[number] = Port(self.poller, number, mac, seed)
            case messages.RemovePort(number):
                port = self._ports.pop(number, None)
                self._counted.pop(number, None)
                if port is not None:
                    port.close()
            case messages.SetWire(number):
                self._port(number).set_wire(_socket(fd))
            case messages.AttachSwitch(number, name):
                self._join(self._port(number), name)
            case messages.AttachUser(number, serial):
                self._use(self._port(number), serial, _socket(fd))
            case messages.Detach(number):
                self._port(number).attach(None)
            case messages.SetRadio(number, radio):
                self._port(number).set_radio(radio)
            case messages.SetRules(number, rules):
                self._port(number).set_rules(rules)
            case messages.StartCapture(number, most):
                self._port(number).start_capture(Capture(_descriptor(fd), most))
            case messages.StopCapture(number):
                self._port(number).end_capture()
            case _:
                raise ValueError(f"{type(message).__name__} is out of place here")

    def left(self, name: str) -> None:
        switch = self._switches.get(name)
        if switch is not None and not len(switch):
            del self._switches[name]

    def _port(self, number: int) -> Port:
        port = self._ports.get(number)
        if port is None:
            raise ValueError(f"there is no port {number}")
        return port

    def _join(self, port: Port, name: str) -> None:
        before = port.network
        if isinstance(before, _Connection) and before.name == name:
            return
        port.attach(None)
        switch = self._switches.setdefault(name, Switch())
        switch.join(port)
        port.attach(_Connection(self, name, switch))

    def _use(self, port: Port, serial: int, end: socket.socket) -> None:
        port.attach(UserLink(self.poller, port, end, lambda: self._user_ended(port, serial)))

    def _user_ended(self, port: Port, serial: int) -> None:
        port.attach(None)
        self._tell(messages.UserEnded(port.number, serial))

    def _watch_captures(self) -> None:
        for port in self._ports.values():
            if port.capture is not None and not port.capture.open:
                self._tell(messages.CaptureEnded(port.number, port.capture.problem))
                port.capture = None

    def _changed(self) -> bool:
        return any(self._counted.get(number) != port.counters for number, port in self._ports.items())

    def _count(self, now: float) -> None:
        self._count_at = now + _COUNT_SECONDS
        changed = {}
        for number, port in self._ports.items():
            if self._counted.get(number) != port.counters:
                changed[number] = self._counted[number] = messages.Counters(
                    **{name: getattr(port.counters, name) for name in messages.Counters.__struct_fields__}
                )
        self._tell(messages.Counted(changed))
        for number, port in self._ports.items():
            if port.gate is not None and (what := port.gate.refusals.take(now)):
                self._tell(messages.NotPassed(number, what))


def _descriptor(fd: int | None) -> int:
    if fd is None:
        raise ValueError("a descriptor is missing")
    return fd


def _socket(fd: int | None) -> socket.socket:
    return socket.socket(fileno=_descriptor(fd))
