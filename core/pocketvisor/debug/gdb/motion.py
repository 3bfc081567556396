"""The guest in motion on gdb's behalf: going on, stepping, and both backwards, up to the stop that gdb hears
of.

ARM's watchpoints stop before the access, and gdb knows that: it steps over the access by itself to see what
has changed. Going backwards it does the same in the other direction, and so has to be told the place right
behind the access.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from pocketvisor.debug.gdb.breakpoints import Breakpoints
from pocketvisor.debug.gdb.packet import numbers
from pocketvisor.debug.gdb.registers import EXPEDITED, encoded
from pocketvisor.debug.gdb.target import Halt, Target

_SIGINT: Final = 2
_SIGTRAP: Final = 5
VCONT_ACTIONS: Final = b"vCont;c;C;s;S;r"


class Order:
    """What a packet wants the guest to do. `verb`: "c", "s", "r" (step while the PC is in a range), "bs",
    "bc"."""

    def __init__(self, verb: str, *, pc: int | None = None, range: tuple[int, int] = (0, 0)) -> None:
        self.verb = verb
        self.pc = pc
        self.range = range


def parsed(packet: bytes) -> Order | None:
    """Of c, C, s, S (with an address), bs, bc and vCont; None for what is none of them. Raises ValueError."""
    if packet in (b"bs", b"bc"):
        return Order(packet.decode())
    if packet.startswith(b"vCont;"):
        return _action(packet[6:].partition(b";")[0])  # there is one thread: the first that fits it is first
    verb, rest = packet[:1].decode("latin-1"), packet[1:]
    if verb in ("C", "S"):
        signal, _, rest = rest.partition(b";")
        numbers(signal, 1)
    elif verb not in ("c", "s"):
        return None
    return Order(verb.lower(), pc=numbers(rest, 1)[0] if rest else None)


def _action(action: bytes) -> Order:
    action = action.partition(b":")[0]
    verb, rest = action[:1].decode("latin-1").lower(), action[1:]
    if verb == "r":
        first, end = numbers(rest, 2)
        return Order("r", range=(first, end))
    if verb not in ("c", "s"):
        raise ValueError("no such action")
    if rest and action[:1] in b"CS":  # a guest knows no signals
        numbers(rest, 1)
    return Order(verb)


class Motion:
    def __init__(self, target: Target, breakpoints: Breakpoints) -> None:
        self._target = target
        self._breakpoints = breakpoints
        self._interrupted = False

    def begin(self) -> None:
        """An order has come: what interrupts from now on is meant for it, if it has not even begun to run."""
        self._interrupted = False

    async def interrupt(self) -> None:
        """Ctrl-C: run() comes back soon."""
        self._interrupted = True
        await self._target.pause()

    async def run(self, order: Order) -> Halt:
        """After begin(). Raises PocketvisorError."""
        target = self._target
        if order.pc is not None:
            await target.set_register("pc", order.pc)
        self._breakpoints.settle()
        match order.verb:
            case "s":
                return await target.step()
            case "r":
                return await self._step_through(*order.range)
            case "bs":
                return await target.reverse_step()
            case "bc":
                return await self._backwards()
        await target.resume()
        if self._interrupted:  # before it ran: that did not stop it
            await target.pause()
        return await target.wait_stopped()

    async def _step_through(self, first: int, end: int) -> Halt:
        while True:
            halt = await self._target.step()
            if self._interrupted or halt.reason != "step" or not first <= halt.pc < end:
                return halt
            await asyncio.sleep(0)  # the others of the handset come in between

    async def _backwards(self) -> Halt:
        halt = await self._target.reverse_resume()
        if halt.reason == "watchpoint" and self._breakpoints.words(halt):
            while (await self._target.step()).reason == "watchpoint":
                pass  # the access itself is met first
        return halt


def stop_reply(halt: Halt, registers: Mapping[str, int], words: bytes) -> bytes:
    """`words`: those of the breakpoint, see Breakpoints.words()."""
    signal = _SIGINT if halt.reason == "pause" else _SIGTRAP
    if halt.reason == "start-of-recording":
        words = b"replaylog:begin;"
    elif halt.reason == "end-of-recording":
        words = b"replaylog:end;"
    return b"T%02x%bthread:1;%b" % (signal, words, expedited(registers))


def standing_reply(registers: Mapping[str, int]) -> bytes:
    """For one that stands already."""
    return b"T%02xthread:1;%b" % (_SIGTRAP, expedited(registers))


def expedited(registers: Mapping[str, int]) -> bytes:
    return b"".join(
        b"%02x:%b;" % (register.number, encoded(register, registers))
        for register in EXPEDITED
        if register.name in registers
    )
