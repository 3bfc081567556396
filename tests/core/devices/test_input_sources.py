"""Touch screen and keyboard: what the guest ends up believing is how things are, however slow it listens."""

import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices.keyboard import KEYS, Keyboard
from pocketvisor.devices.touch import (
    ABS_MT_POSITION_X,
    ABS_MT_POSITION_Y,
    ABS_MT_SLOT,
    ABS_MT_TRACKING_ID,
    ABS_X,
    ABS_Y,
    BTN_TOUCH,
    FINGERS,
    TouchScreen,
)
from pocketvisor.devices.virtio_input import (
    CFG_ABS_INFO,
    CFG_EV_BITS,
    CFG_PROP_BITS,
    EV_ABS,
    EV_KEY,
    EV_SYN,
    Event,
    VirtioInput,
)

WIDTH, HEIGHT = 480, 800


class Receiver:
    """Follows events as Linux's input core does."""

    def __init__(self) -> None:
        self.slot = 0
        self.fingers: dict[int, dict[int, int]] = {}
        self.keys: set[int] = set()
        self.pointer: dict[int, int] = {}

    def take(self, source: TouchScreen | Keyboard) -> bool:
        """One burst, which ends in its only SYN_REPORT."""
        burst = source.next()
        if burst is None:
            return False
        assert source.next() == burst
        source.sent()
        assert [event.type for event in burst].count(EV_SYN) == 1
        assert burst[-1] == Event(EV_SYN, 0, 0)
        assert len(burst) <= 8
        for event in burst:
            self._follow(event)
        return True

    def take_all(self, source: TouchScreen | Keyboard) -> None:
        while self.take(source):
            pass

    def _follow(self, event: Event) -> None:
        if event.type == EV_KEY:
            assert (event.code in self.keys) != bool(event.value), "a key that changes"
            (self.keys.add if event.value else self.keys.discard)(event.code)
        elif event.type == EV_ABS and event.code == ABS_MT_SLOT:
            self.slot = event.value
        elif event.type == EV_ABS and event.code == ABS_MT_TRACKING_ID:
            assert (self.slot in self.fingers) == (event.value == -1)
            if event.value == -1:
                del self.fingers[self.slot]
            else:
                self.fingers[self.slot] = {}
        elif event.type == EV_ABS and event.code in (ABS_MT_POSITION_X, ABS_MT_POSITION_Y):
            self.fingers[self.slot][event.code] = event.value
        elif event.type == EV_ABS:
            self.pointer[event.code] = event.value


touches = st.tuples(
    st.integers(-10, WIDTH + 10),
    st.integers(-10, HEIGHT + 10),
    st.sampled_from(["down", "move", "up"]),
    st.integers(0, 4),
)
steps = st.lists(touches | st.integers(0, 3), max_size=300)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_guest_believes_what_the_fingers_do(script: list[tuple[int, int, str, int] | int]) -> None:
    screen, receiver = TouchScreen(WIDTH, HEIGHT), Receiver()
    fingers: dict[int, tuple[int, int]] = {}
    for step in script:
        if isinstance(step, int):  # the guest takes so many bursts
            for _ in range(step):
                receiver.take(screen)
            continue
        x, y, phase, slot = step
        changed = screen.touch(x, y, phase, slot)
        if (phase == "down" and slot not in fingers) or (phase == "move" and slot in fingers):
            fingers[slot] = (min(max(x, 0), WIDTH - 1), min(max(y, 0), HEIGHT - 1))
        elif phase == "up" and slot in fingers:
            del fingers[slot]
        else:
            assert not changed
        assert len(screen.save()["waiting"]) <= 64 + 2 * FINGERS
    receiver.take_all(screen)
    believed = {
        slot: (position[ABS_MT_POSITION_X], position[ABS_MT_POSITION_Y])
        for slot, position in receiver.fingers.items()
    }
    assert believed == fingers
    assert (BTN_TOUCH in receiver.keys) == bool(fingers)
    if len(fingers) == 1 and len(receiver.fingers) == 1:
        assert receiver.pointer.keys() >= {ABS_X, ABS_Y}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0x2FF), st.booleans()) | st.integers(0, 3), max_size=900))
def test_guest_believes_what_the_keys_do(script: list[tuple[int, bool] | int]) -> None:
    keyboard, receiver, pressed = Keyboard(), Receiver(), set()
    for step in script:
        if isinstance(step, int):
            for _ in range(step):
                receiver.take(keyboard)
            continue
        code, down = step
        keyboard.key(code, down)
        if code in KEYS:
            (pressed.add if down else pressed.discard)(code)
        assert len(keyboard.save()["waiting"]) <= 256 + len(KEYS)
    receiver.take_all(keyboard)
    assert receiver.keys == pressed


def test_unheard_keys_are_bounded() -> None:
    keyboard, receiver = Keyboard(), Receiver()
    for _ in range(5000):
        keyboard.key(30, True)
        keyboard.key(30, False)
    keyboard.key(31, True)
    assert len(keyboard.save()["waiting"]) <= 257
    receiver.take_all(keyboard)
    assert receiver.keys == {31}


def test_unheard_touches_are_bounded() -> None:
    screen, receiver = TouchScreen(WIDTH, HEIGHT), Receiver()
    screen.touch(5, 5, "down", 2)
    receiver.take_all(screen)
    for number in range(1000):
        screen.touch(1, 1, "down" if number % 2 == 0 else "up", 0)
    screen.touch(9, 9, "down", 1)
    screen.touch(7, 7, "move", 2)
    assert len(screen.save()["waiting"]) <= 64 + 2 * FINGERS
    receiver.take_all(screen)
    assert {slot: position[ABS_MT_POSITION_X] for slot, position in receiver.fingers.items()} == {1: 9, 2: 7}


def test_moves_that_wait_become_one() -> None:
    screen, receiver = TouchScreen(WIDTH, HEIGHT), Receiver()
    screen.touch(0, 0, "down", 0)
    screen.touch(0, 0, "down", 1)
    for x in range(1, 400):
        screen.touch(x, 0, "move", x % 2)
    assert len(screen.save()["waiting"]) == 4
    receiver.take_all(screen)
    assert receiver.fingers[1][ABS_MT_POSITION_X] == 399
    assert receiver.fingers[0][ABS_MT_POSITION_X] == 398


def test_first_finger_is_the_pointer() -> None:
    screen, receiver = TouchScreen(WIDTH, HEIGHT), Receiver()
    screen.touch(10, 20, "down", 1)
    screen.touch(30, 40, "down", 0)
    screen.touch(50, 60, "move", 0)
    receiver.take_all(screen)
    assert receiver.pointer == {ABS_X: 10, ABS_Y: 20}
    screen.touch(10, 20, "up", 1)
    screen.touch(70, 80, "move", 0)
    receiver.take_all(screen)
    assert receiver.pointer == {ABS_X: 70, ABS_Y: 80}


@pytest.mark.parametrize(
    "phase, slot", [("hover", 0), ("down", -1), ("down", FINGERS), ("move", 0), ("up", 0)]
)
def test_what_cannot_be_changes_nothing(phase: str, slot: int) -> None:
    screen = TouchScreen(WIDTH, HEIGHT)
    assert not screen.touch(1, 1, phase, slot)
    assert screen.next() is None


def test_new_driver_starts_from_nothing() -> None:
    screen, keyboard = TouchScreen(WIDTH, HEIGHT), Keyboard()
    screen.touch(1, 1, "down", 0)
    keyboard.key(30, True)
    for source in (screen, keyboard):
        source.forget()
        assert source.next() is None
    assert not screen.touch(1, 1, "up", 0)
    assert not keyboard.key(30, False)


def test_states_go_round() -> None:
    screen, keyboard = TouchScreen(WIDTH, HEIGHT), Keyboard()
    screen.touch(1, 1, "down", 3)
    screen.sent()
    screen.touch(2, 2, "move", 3)
    keyboard.key(30, True)
    keyboard.sent()
    keyboard.key(30, False)
    for source, other in ((screen, TouchScreen(WIDTH, HEIGHT)), (keyboard, Keyboard())):
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(source.save()))
        other.restore(state)  # type: ignore[attr-defined]
        assert other.save() == source.save()  # type: ignore[attr-defined]
        assert other.next() == source.next()  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [{"waiting": [{"phase": "jump"}]}, {"down": {"99": {}}}, {"next_id": -1}])
def test_impossible_touch_state_is_refused(change: dict[str, object]) -> None:
    screen = TouchScreen(WIDTH, HEIGHT)
    with pytest.raises(ValueError):
        screen.restore(screen.save() | change)


def test_touch_screen_describes_itself() -> None:
    windows = VirtioInput(TouchScreen(WIDTH, HEIGHT)).windows
    assert windows is not None
    assert windows[CFG_PROP_BITS, 0] == b"\2"
    assert windows[CFG_EV_BITS, EV_KEY][BTN_TOUCH // 8] == 1 << BTN_TOUCH % 8
    assert struct.unpack("<5I", windows[CFG_ABS_INFO, ABS_MT_SLOT])[1] == FINGERS - 1
    assert struct.unpack("<5I", windows[CFG_ABS_INFO, ABS_Y])[:2] == (0, HEIGHT - 1)
    assert all(len(data) <= 128 for data in windows.values())


def test_keyboard_has_all_keys_and_no_buttons() -> None:
    windows = VirtioInput(Keyboard()).windows
    assert windows is not None
    bits = int.from_bytes(windows[CFG_EV_BITS, EV_KEY], "little")
    assert {code for code in range(0x300) if bits >> code & 1} == KEYS
    assert BTN_TOUCH not in KEYS and {1, 28, 57, 116, 172, 446} <= KEYS
