"""Exceptions and interrupts of a guest, one by one and as a timeline of what the CPU was in."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from pocketvisor.debug.board_state import interrupt_device, interrupt_name
from pocketvisor.debug.trace.ring import RawException

KINDS: Final = {
    1: "undefined",
    2: "supervisor call",
    3: "prefetch abort",
    4: "data abort",
    5: "interrupt",
    6: "acknowledged",
    7: "interrupt ended",
    8: "waiting",
    9: "woken",
    10: "hypercall",
    11: "input",
}
"""Of what is written down: an interrupt's entry, the guest's reading of its number, and its end of it are
three; waiting is WFI; input is what entered the guest from outside."""

_INPUTS: Final = {1: "console", 2: "clock", 3: "virtio", 4: "virtio configuration", 5: "device"}
_MODES: Final = {
    0x10: "user",
    0x11: "fiq",
    0x12: "irq",
    0x13: "supervisor",
    0x17: "abort",
    0x1B: "undefined",
    0x1F: "system",
}
_FAULTS: Final = {
    0x1: "alignment",
    0x2: "debug event",
    0x3: "access flag, section",
    0x5: "translation, section",
    0x6: "access flag, page",
    0x7: "translation, page",
    0x8: "external abort",
    0x9: "domain, section",
    0xB: "domain, page",
    0xC: "external abort on a walk, first level",
    0xD: "permission, section",
    0xE: "external abort on a walk, second level",
    0xF: "permission, page",
}
_LONG_FAULTS: Final = {0x04: "translation", 0x08: "access flag", 0x0C: "permission", 0x20: "alignment"}
SPURIOUS: Final = 1020
"""Numbers from here on are no interrupt's."""


class Event(Struct, frozen=True):
    """`position`: clock bytes. `pc`: of the instruction that caused it, or that comes after an interrupt.
    `mode`: the CPU's before it. `interrupt`: its number where it has one, else -1. `address` and `status`: a
    fault's; a supervisor call's r7 and a hypercall's r0 as `address`."""

    number: int
    position: int
    clock_ns: int
    kind: str
    pc: int
    context: int
    mode: str
    interrupt: int
    address: int
    status: int
    text: str
    """What there is to say of it."""


class Span(Struct, frozen=True):
    """From when to when the CPU was in something, in the guest's time. `depth`: within how many others."""

    name: str
    kind: str
    begin_ns: int
    end_ns: int
    begin: int
    end: int
    depth: int
    event: int
    """The number of the event that began it."""

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.begin_ns


def events(raw: Sequence[RawException], first: int = 0) -> list[Event]:
    """`first`: the number of the first one. Of kinds that are not known there is none."""
    return [_event(one, first + n) for n, one in enumerate(raw) if one.kind in KINDS]


def _event(raw: RawException, number: int) -> Event:
    kind = KINDS[raw.kind]
    interrupt = raw.address & 0x3FF if kind in ("acknowledged", "interrupt ended") else -1
    return Event(
        number=number,
        position=raw.position,
        clock_ns=raw.clock_ns,
        kind=kind,
        pc=raw.pc,
        context=raw.context,
        mode=_MODES.get(raw.mode, f"0x{raw.mode:02x}"),
        interrupt=interrupt,
        address=raw.address,
        status=raw.status,
        text=_text(kind, raw, interrupt),
    )


def _text(kind: str, raw: RawException, interrupt: int) -> str:
    match kind:
        case "data abort":
            what = "writing" if raw.status & 1 << 11 else "reading"
            return f"{what} 0x{raw.address:08x}: {fault(raw.status)}"
        case "prefetch abort":
            return f"0x{raw.address:08x}: {fault(raw.status)}"
        case "supervisor call":
            return f"r7 = {raw.address}"
        case "hypercall":
            return f"r0 = 0x{raw.address:08x}"
        case "input":
            return f"{_INPUTS.get(raw.address, str(raw.address))} {raw.status}"
        case _ if interrupt >= 0:
            return interrupt_text(interrupt)
    return ""


def interrupt_text(number: int) -> str:
    """What a person calls the interrupt: its name, and the device's."""
    if number >= SPURIOUS:
        return "spurious"
    device = interrupt_device(number)
    return f"{interrupt_name(number)}, {device}" if device else interrupt_name(number)


def fault(status: int) -> str:
    """The cause in a fault status register."""
    if status & 1 << 9:
        code = status & 0x3F
        level = f", level {code & 3}" if code < 0x10 else ""
        return _LONG_FAULTS.get(code & 0x3C if code < 0x10 else code, f"status 0x{code:02x}") + level
    return _FAULTS.get(status & 0xF | (status >> 6 & 0x10), f"status 0x{status & 0x40F:03x}")


def spans(found: Iterable[Event]) -> list[Span]:
    """The timeline: interrupts from their acknowledgement to their end, nested as they were, and waits. What
    was begun before the first event, or is not over at the last, is left out."""
    made: list[Span] = []
    under: list[Event] = []
    waiting: Event | None = None
    for event in found:
        match event.kind:
            case "acknowledged" if event.interrupt < SPURIOUS:
                under.append(event)
            case "interrupt ended":
                # Ended out of turn, as some guests do: those in between are over as well.
                at = next((n for n, one in enumerate(under) if one.interrupt == event.interrupt), None)
                if at is not None:
                    made.append(_span(interrupt_text(event.interrupt), "interrupt", under[at], event, at))
                    del under[at:]
            case "waiting":
                waiting = event
            case "woken" if waiting is not None:
                made.append(_span("waiting", "waiting", waiting, event, 0))
                waiting = None
    made.sort(key=lambda span: (span.begin_ns, span.depth))
    return made


def _span(name: str, kind: str, begin: Event, end: Event, depth: int) -> Span:
    return Span(
        name,
        kind,
        begin.clock_ns,
        max(begin.clock_ns, end.clock_ns),
        begin.position,
        end.position,
        depth,
        begin.number,
    )
