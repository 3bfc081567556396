"""A keyboard with every key that Linux has a number for, buttons of mice and game pads left out.

What the guest has not heard is bounded: when there is more than fits, it is replaced by the way from the
keys that the guest believes pressed to those that are. Keys repeat in the guest (EV_REP).
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtio import Windows
from pocketvisor.devices.virtio_input import (
    CFG_EV_BITS,
    EV_KEY,
    EV_LED,
    EV_REP,
    SYN_REPORT,
    Event,
    bitmap,
)

KEYS: Final = frozenset((*range(1, 0x100), *range(0x160, 0x220), *range(0x224, 0x2C0)))
_WAITING_MAX: Final = 256
_LEDS: Final = (0, 1, 2)  # num, caps and scroll lock

_Code = Annotated[int, Meta(ge=1, lt=0x300)]


class KeyboardState(Struct):
    waiting: Annotated[list[tuple[_Code, bool]], Meta(max_length=2048)] = []
    pressed: set[_Code] = set()  # how things are
    known: set[_Code] = set()  # what the guest has heard


class Keyboard:
    name = "Pocketvisor Keyboard"
    product = 0x0001

    def __init__(self) -> None:
        self._state = KeyboardState()

    def windows(self) -> Windows:
        return {
            (CFG_EV_BITS, EV_KEY): bitmap(KEYS),
            (CFG_EV_BITS, EV_LED): bitmap(_LEDS),
            (CFG_EV_BITS, EV_REP): bitmap((0, 1)),
        }

    def key(self, code: int, pressed: bool) -> bool:
        """False for what changes nothing, or a key that the keyboard has not."""
        state = self._state
        if code not in KEYS or (code in state.pressed) == pressed:
            return False
        if pressed:
            state.pressed.add(code)
        else:
            state.pressed.discard(code)
        state.waiting.append((code, pressed))
        if len(state.waiting) > _WAITING_MAX:
            state.waiting = self._way_to_now()
        return True

    def _way_to_now(self) -> list[tuple[int, bool]]:
        known, pressed = self._state.known, self._state.pressed
        released = [(key, False) for key in sorted(known - pressed)]
        return released + [(key, True) for key in sorted(pressed - known)]

    def next(self) -> list[Event] | None:
        if not self._state.waiting:
            return None
        code, pressed = self._state.waiting[0]
        return [Event(EV_KEY, code, int(pressed)), SYN_REPORT]

    def sent(self) -> None:
        code, pressed = self._state.waiting.pop(0)
        if pressed:
            self._state.known.add(code)
        else:
            self._state.known.discard(code)

    def heard(self, events: list[Event]) -> None:
        state = self._state
        state.waiting, state.pressed = [], set()
        for event in events:
            if event.type != EV_KEY or event.code not in KEYS:
                continue
            if event.value:
                state.known.add(event.code)
            else:
                state.known.discard(event.code)

    def let_go(self) -> None:
        state = self._state
        if not state.waiting:
            state.waiting = self._way_to_now()

    def forget(self) -> None:
        self._state = KeyboardState()

    def save(self) -> State:
        return plain(self._state)

    def restore(self, state: State) -> None:
        self._state = from_plain(state, KeyboardState)
