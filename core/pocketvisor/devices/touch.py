"""The panel's touch screen: several fingers (multitouch protocol B), and the first of them as one pointer.

What the guest has not heard is bounded: of a finger's moves only the newest waits, and when there is more
than fits, what waits is replaced by the way from what the guest knows to how things are.
"""

import struct
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtio import Windows
from pocketvisor.devices.virtio_input import (
    CFG_ABS_INFO,
    CFG_EV_BITS,
    CFG_PROP_BITS,
    EV_ABS,
    EV_KEY,
    SYN_REPORT,
    Event,
    bitmap,
)

FINGERS: Final = 16
_WAITING_MAX: Final = 64
_ID_MAX: Final = 0xFFFF

ABS_X: Final = 0x00
ABS_Y: Final = 0x01
ABS_MT_SLOT: Final = 0x2F
ABS_MT_POSITION_X: Final = 0x35
ABS_MT_POSITION_Y: Final = 0x36
ABS_MT_TRACKING_ID: Final = 0x39
BTN_TOUCH: Final = 0x14A
_PROP_DIRECT: Final = 0x01

_Slot = Annotated[int, Meta(ge=0, lt=FINGERS)]
_Coordinate = Annotated[int, Meta(ge=0, le=0xFFFF)]
_Id = Annotated[int, Meta(ge=0, le=_ID_MAX)]


class Touch(Struct):
    """One thing that a finger did. `id` counts touches, so that a new one is told from the old."""

    phase: Annotated[str, Meta(pattern="^(down|move|up)$")]
    slot: _Slot
    id: _Id
    x: _Coordinate
    y: _Coordinate


class TouchState(Struct):
    waiting: Annotated[list[Touch], Meta(max_length=4 * _WAITING_MAX)] = []
    down: dict[_Slot, Touch] = {}  # how things are
    known: dict[_Slot, _Id] = {}  # what the guest has heard, the first touched first
    next_id: _Id = 0


class TouchScreen:
    name = "Pocketvisor Touchscreen"
    product = 0x0003

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._state = TouchState()

    def windows(self) -> Windows:
        x_range = struct.pack("<IIIII", 0, self._width - 1, 0, 0, 0)
        y_range = struct.pack("<IIIII", 0, self._height - 1, 0, 0, 0)
        axes = {
            ABS_X: x_range,
            ABS_Y: y_range,
            ABS_MT_SLOT: struct.pack("<IIIII", 0, FINGERS - 1, 0, 0, 0),
            ABS_MT_POSITION_X: x_range,
            ABS_MT_POSITION_Y: y_range,
            ABS_MT_TRACKING_ID: struct.pack("<IIIII", 0, _ID_MAX, 0, 0, 0),
        }
        return {
            (CFG_PROP_BITS, 0): bitmap([_PROP_DIRECT]),
            (CFG_EV_BITS, EV_KEY): bitmap([BTN_TOUCH]),
            (CFG_EV_BITS, EV_ABS): bitmap(axes),
            **{(CFG_ABS_INFO, axis): info for axis, info in axes.items()},
        }

    def touch(self, x: int, y: int, phase: str, slot: int) -> bool:
        """In pixels of the panel. False for what changes nothing, as a finger that is not there."""
        state = self._state
        old = state.down.get(slot)
        if (
            phase not in ("down", "move", "up")
            or not 0 <= slot < FINGERS
            or (old is None) != (phase == "down")
        ):
            return False
        x = min(max(x, 0), self._width - 1)
        y = min(max(y, 0), self._height - 1)
        if old is None:
            number = state.next_id
            state.next_id = (number + 1) & _ID_MAX
        else:
            number = old.id
            if phase == "move" and (old.x, old.y) == (x, y):
                return False
        touch = Touch(phase, slot, number, x, y)
        if phase == "up":
            del state.down[slot]
        else:
            state.down[slot] = Touch("down", slot, number, x, y)
        self._wait(touch)
        return True

    def next(self) -> list[Event] | None:
        if not self._state.waiting:
            return None
        touch = self._state.waiting[0]
        known = self._state.known
        events = [Event(EV_ABS, ABS_MT_SLOT, touch.slot)]
        if touch.phase == "up":
            events.append(Event(EV_ABS, ABS_MT_TRACKING_ID, -1))
            if not known.keys() - {touch.slot}:
                events.append(Event(EV_KEY, BTN_TOUCH, 0))
            return [*events, SYN_REPORT]
        if touch.phase == "down":
            events.append(Event(EV_ABS, ABS_MT_TRACKING_ID, touch.id))
        events.append(Event(EV_ABS, ABS_MT_POSITION_X, touch.x))
        events.append(Event(EV_ABS, ABS_MT_POSITION_Y, touch.y))
        if not known:
            events.append(Event(EV_KEY, BTN_TOUCH, 1))
        if touch.slot == next(iter(known), touch.slot):
            events.append(Event(EV_ABS, ABS_X, touch.x))
            events.append(Event(EV_ABS, ABS_Y, touch.y))
        return [*events, SYN_REPORT]

    def sent(self) -> None:
        state = self._state
        touch = state.waiting.pop(0)
        if touch.phase == "up":
            state.known.pop(touch.slot, None)
        elif touch.phase == "down":
            state.known[touch.slot] = touch.id

    def heard(self, events: list[Event]) -> None:
        state, slot = self._state, 0
        state.waiting, state.down = [], {}
        for event in events:
            if event.type == EV_ABS and event.code == ABS_MT_SLOT:
                slot = event.value % FINGERS
            elif event.type == EV_ABS and event.code == ABS_MT_TRACKING_ID:
                state.known.pop(slot, None)
                if event.value <= _ID_MAX:
                    state.known[slot] = event.value
                    state.next_id = (event.value + 1) & _ID_MAX

    def let_go(self) -> None:
        if not self._state.waiting:
            self._state.waiting = self._way_to_now()

    def forget(self) -> None:
        self._state = TouchState(next_id=self._state.next_id)

    def save(self) -> State:
        return plain(self._state)

    def restore(self, state: State) -> None:
        self._state = from_plain(state, TouchState)

    def _wait(self, touch: Touch) -> None:
        waiting = self._state.waiting
        if touch.phase == "move":
            last = next((other for other in reversed(waiting) if other.slot == touch.slot), None)
            if last is not None and last.phase == "move":
                last.x, last.y = touch.x, touch.y
                return
        waiting.append(touch)
        if len(waiting) > _WAITING_MAX:
            self._state.waiting = self._way_to_now()

    def _way_to_now(self) -> list[Touch]:
        state = self._state
        gone = [
            Touch("up", slot, number, 0, 0)
            for slot, number in state.known.items()
            if slot not in state.down or state.down[slot].id != number
        ]
        still = {touch.slot for touch in gone}
        here = [
            Touch("move" if slot in state.known and slot not in still else "down", slot, now.id, now.x, now.y)
            for slot, now in state.down.items()
        ]
        return gone + here
