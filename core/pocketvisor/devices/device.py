"""What a device in Python is: registers by offset, a wire, a clock, and a state that is saved whole.

    class CounterState(Struct):
        count: int = 0

    class Counter(Device[CounterState]):
        name, size = "counter", 0x1000

        def __init__(self, port: Port) -> None:
            super().__init__(port, CounterState())

        def read(self, offset: int, size: int) -> int:
            return self.state.count

        def write(self, offset: int, size: int, value: int) -> None:
            self.state.count = value & 0xFFFFFFFF
            self.port.wire(self.state.count == 0)

A device knows offsets, not addresses, and no interrupt number: it drives `port.wire`. All its calls come on
the vCPU's thread, and an exception from one of them ends the guest: what a guest writes must not raise. What
comes from outside is an event, posted to the machine, which calls event() at its logged tick. Time is
`port.now_ns()`, never the host's.
"""

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

State = dict[str, Any]
"""Plain values alone: numbers, bytes, strings, lists and dictionaries of them."""

S = TypeVar("S", bound=Struct)


class Port(Struct, frozen=True):
    """What a device is given: its interrupt wire, the guest's clock, an alarm on that clock (None: off)."""

    wire: Callable[[bool], None]
    now_ns: Callable[[], int]
    set_alarm: Callable[[int | None], None]
    show: Callable[[memoryview | None], None] = lambda _: None
    """Memory that reads are answered from, without a call of read(), until it is taken back with None."""


class Device(Generic[S]):
    """A device on the bus. All of its state is in `state`; the one it is made with is that at power on."""

    name = ""
    size = 0x1000

    def __init__(self, port: Port, state: S) -> None:
        self.port = port
        self.state = state
        self._power_on = copy.deepcopy(state)

    def read(self, offset: int, size: int) -> int:
        """size is 1, 2, 4 or 8; an access never crosses the end of the device's range."""
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        pass

    def event(self, payload: bytes) -> None:
        """Something from outside, at its logged tick."""

    def alarm(self) -> None:
        """The time given to port.set_alarm() has come."""

    def reset(self) -> None:
        self.state = copy.deepcopy(self._power_on)
        self.restored()

    def save(self) -> State:
        return plain(self.state)

    def restore(self, state: State) -> None:
        """Raises ValueError, and changes nothing, where the state is not one of this device."""
        self.state = from_plain(state, type(self._power_on))
        self.restored()

    def restored(self) -> None:
        """Drive the wire and set the alarm from the state, which is new."""


def plain(state: Struct) -> State:
    built: State = msgspec.to_builtins(state, builtin_types=(bytes,))
    return built


def from_plain(state: object, kind: type[S]) -> S:
    """Raises ValueError with the field's name. Fields that are not known are skipped, but none may lack."""
    if not isinstance(state, dict):
        raise ValueError("a device's state is a dictionary")
    for name in kind.__struct_fields__:
        if name not in state:
            raise ValueError(f"the field '{name}' is missing")
    try:
        return msgspec.convert(state, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
