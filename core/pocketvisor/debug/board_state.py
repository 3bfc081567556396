"""The interrupt controller and the timers of a guest, for people: what is enabled, pending and active, and
when a timer will ring. ARM IHI 0048B (GICv2), ARM DDI 0406C chapter B8.

It is made of the state that the guest's process would save, which is checked: a hostile guest may have taken
that process over. Left out: who raised an SGI (there is one CPU), the timers' rights of user mode.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta, Struct

from pocketvisor.board import map as board_map
from pocketvisor.control import debug_messages
from pocketvisor.control.debug_messages import DebugReply, DebugRequest
from pocketvisor.errors import DebugError

LINES: Final = 288
_WORDS: Final = LINES // 32
IDLE_PRIORITY: Final = 0x100
TIMER_TICK_NS: Final = 16
NO_INTERRUPT: Final = 1023

_Word = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
_Long = Annotated[int, Meta(ge=0)]
_Bits = Annotated[list[_Word], Meta(min_length=_WORDS, max_length=_WORDS)]


class _Gic(Struct):
    enabled: _Bits
    pending: _Bits
    active: _Bits
    level: _Bits
    edge: _Bits
    group1: _Bits
    priority: Annotated[bytes, Meta(min_length=LINES, max_length=LINES)]
    distributor_control: _Word
    control: _Word
    priority_mask: _Word
    active_priority: Annotated[list[_Word], Meta(min_length=4, max_length=4)]
    active_priority_group1: Annotated[list[_Word], Meta(min_length=4, max_length=4)]


class _Timer(Struct):
    compare: Annotated[list[_Long], Meta(min_length=2, max_length=2)]
    control: Annotated[list[_Word], Meta(min_length=2, max_length=2)]
    frequency: _Word


class _Clock(Struct):
    bytes: _Long
    base: _Long
    correction: _Long
    tick_ps: _Word


class Interrupt(Struct, frozen=True):
    """One line of the GIC. `number` is the GIC's own, `name` as in a device tree: SGI, PPI or SPI."""

    number: int
    name: str
    device: str
    enabled: bool
    pending: bool
    active: bool
    level: bool
    """The line itself is high."""
    edge: bool
    group: int
    priority: int

    @property
    def quiet(self) -> bool:
        """Nothing is to be told of it."""
        return not (self.enabled or self.pending or self.active or self.level)


class Gic(Struct, frozen=True):
    forwards: bool
    """The distributor lets interrupts through (GICD_CTLR)."""
    signals: bool
    """The CPU interface tells the CPU (GICC_CTLR)."""
    priority_mask: int
    running_priority: int
    """Of the most urgent active one; IDLE_PRIORITY where none is."""
    highest_pending: int
    """The enabled and pending one that is most urgent; NO_INTERRUPT where none is."""
    signalled: bool
    """The CPU's IRQ line is high on account of it."""
    interrupts: list[Interrupt]


class Timer(Struct, frozen=True):
    """One of the generic timer's. `due_ns`: the guest's time until it rings, 0 where it does, None where it
    never will."""

    name: str
    interrupt: int
    enabled: bool
    masked: bool
    compare: int
    met: bool
    due_ns: int | None


class BoardState(Struct, frozen=True):
    clock_ns: int
    count: int
    """CNTVCT, and CNTPCT as well."""
    frequency: int
    gic: Gic | None
    timers: list[Timer]


class AsksProcess(Protocol):
    async def ask(self, request: DebugRequest) -> DebugReply: ...


async def read_board_state(debugger: AsksProcess) -> BoardState:
    """Of a Debugger's guest. Raises DebugError."""
    reply = await debugger.ask(debug_messages.BoardState())
    try:
        assert isinstance(reply, debug_messages.Opaque)
        return board_state(msgspec.msgpack.decode(reply.data, type=dict[str, Any]))
    except (AssertionError, msgspec.MsgspecError):
        raise DebugError("The guest's process told of a board that cannot be") from None


def board_state(parts: Mapping[str, Any]) -> BoardState:
    """`parts`: of the machine's state by name. Raises DebugError where they cannot be."""
    try:
        clock = msgspec.convert(parts.get("clock"), _Clock)
        gic = msgspec.convert(parts["gic"], _Gic) if "gic" in parts else None
        timer = msgspec.convert(parts["gtimer"], _Timer) if "gtimer" in parts else None
    except msgspec.ValidationError as error:
        raise DebugError(f"The guest's process told of a board that cannot be: {error}") from None
    clock_ns = (clock.bytes - clock.base) * clock.tick_ps // 4000 + clock.correction
    count = clock_ns // TIMER_TICK_NS
    return BoardState(
        clock_ns=clock_ns,
        count=count,
        frequency=timer.frequency if timer is not None else 0,
        gic=_gic(gic) if gic is not None else None,
        timers=_timers(timer, count, clock_ns) if timer is not None else [],
    )


def interrupt_name(number: int) -> str:
    """As a device tree counts: SGI 0 to 15, PPI 0 to 15, SPI 0 and up."""
    if number < 16:
        return f"SGI {number}"
    return f"PPI {number - 16}" if number < 32 else f"SPI {number - 32}"


def interrupt_device(number: int) -> str:
    """What the board has at this line; empty where nothing is."""
    if number < 16:
        return ""
    if number < 32:
        return _TIMER_NAMES.get(number - 16, "")
    spi = number - 32
    first = board_map.VIRTIO.spi or 0
    if first <= spi < first + board_map.VIRTIO_SLOTS:
        slot = spi - first
        return f"virtio {_SLOT_NAMES.get(slot, f'slot {slot}')}"
    first = board_map.USER_DEVICES.spi or 0
    if first <= spi < first + board_map.USER_DEVICES_MAX:
        return f"user device {spi - first}"
    if spi == board_map.I2C_ALERT_SPI:
        return "i2c alert"
    return next((name for name, part in board_map.PARTS.items() if part.spi == spi), "")


_TIMER_NAMES: Final = dict(
    zip(
        board_map.TIMER_PPIS,
        ("secure timer", "physical timer", "virtual timer", "hypervisor timer"),
        strict=True,
    )
)
_SLOT_NAMES: Final = {
    board_map.TOUCH_SLOT: "touch",
    board_map.KEYBOARD_SLOT: "keyboard",
    board_map.GPU_SLOT: "gpu",
    board_map.NETWORK_SLOT: "network",
    **{slot: f"disk {number}" for number, slot in enumerate(board_map.DISK_SLOTS)},
    board_map.MEDIA_SLOT: "media",
    board_map.CONSOLE_SLOT: "console",
    board_map.RNG_SLOT: "rng",
    board_map.BALLOON_SLOT: "balloon",
    board_map.VSOCK_SLOT: "vsock",
    board_map.ACCELEROMETER_SLOT: "accelerometer",
}


def _bit(words: list[int], number: int) -> bool:
    return bool(words[number // 32] >> number % 32 & 1)


def _gic(state: _Gic) -> Gic:
    interrupts = [
        Interrupt(
            number=number,
            name=interrupt_name(number),
            device=interrupt_device(number),
            enabled=_bit(state.enabled, number),
            pending=_bit(state.pending, number)
            or (_bit(state.level, number) and not _bit(state.edge, number)),
            active=_bit(state.active, number),
            level=_bit(state.level, number),
            edge=_bit(state.edge, number),
            group=int(_bit(state.group1, number)),
            priority=state.priority[number],
        )
        for number in range(LINES)
    ]
    waiting = [each for each in interrupts if each.enabled and each.pending and not each.active]
    best = min(waiting, key=lambda each: (each.priority, each.number), default=None)
    running = _running_priority(state)
    enabled = state.distributor_control & state.control & 3
    return Gic(
        forwards=bool(state.distributor_control & 3),
        signals=bool(state.control & 3),
        priority_mask=state.priority_mask,
        running_priority=running,
        highest_pending=best.number if best is not None else NO_INTERRUPT,
        signalled=best is not None
        and bool(enabled & (2 if best.group else 1))
        and best.priority < state.priority_mask
        and best.priority < running,
        interrupts=interrupts,
    )


def _running_priority(state: _Gic) -> int:
    """A bit for each of the 128 group priorities."""
    for index in range(128):
        words = state.active_priority[index // 32] | state.active_priority_group1[index // 32]
        if words >> index % 32 & 1:
            return 2 * index
    return IDLE_PRIORITY


def _timers(state: _Timer, count: int, clock_ns: int) -> list[Timer]:
    timers = []
    for which, (name, ppi) in enumerate((("physical", 14), ("virtual", 11))):
        enabled, masked = bool(state.control[which] & 1), bool(state.control[which] & 2)
        compare = state.compare[which]
        met = enabled and count >= compare
        due = max(0, compare * TIMER_TICK_NS - clock_ns) if enabled else None
        timers.append(Timer(name, 16 + ppi, enabled, masked, compare, met, due))
    return timers
