"""The hostile guest on its handset, and what it is made to do: its commands, and code in its process."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pocketvisor.attack.probes import PARTS, foothold
from pocketvisor.attack.probes.foothold import Carry
from pocketvisor.attack.probes.foothold import Run as RunProbe
from pocketvisor.attack.probes.tally import Ask, Told
from pocketvisor.errors import GuestError, ImageError
from pocketvisor.guest import seccomp
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue

IMAGE: Final = "hostile"
PARTS_OF_BOARD: Final = ("rng", "balloon", "console")
"""Devices besides those of every board, to be attacked."""
_COMMAND_SECONDS: Final = 30.0
_PROBE_SECONDS: Final = 20.0
_START_SECONDS: Final = 20.0
_COUNTS: Final = ("attempts", "reached", "needs-reset", "no-answer", "abort", "nothing-there")
_STOPS: Final = ("the device needs a reset", "no answer", "a data abort", "nothing there")


class Attacker:
    """Made by start(), ended by remove()."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._carried = False
        self._told: asyncio.Future[Told] | None = None
        self._stop = guest.on("device", self._device)

    @classmethod
    async def start(cls, handset: Handset, *, on_guest: Callable[[Guest], None] | None = None) -> "Attacker":
        """Raises OutOfMemory, ImageError, GuestError."""
        image = hostile_image()
        free = handset.ram_free_mib
        options = RunOptions(
            ram_mib=image.ram_mib if free >= image.ram_mib else image.least_ram_mib,
            parts=PARTS_OF_BOARD,
            devices=(Path(foothold.__file__),),
        )
        guest = await handset.start(image, name="Attacker", options=options, on_guest=on_guest)
        attacker = cls(guest)
        try:
            await attacker.ready()
        except BaseException:
            await asyncio.shield(attacker.remove())
            raise
        return attacker

    async def remove(self) -> None:
        self._stop()
        if self.guest.state is not GuestState.STOPPED:
            await self.guest.handset.remove(self.guest)

    async def ready(self) -> None:
        try:
            await self.guest.console.expect(r"hostile\n(?s:.*?)> ", timeout=_START_SECONDS)
        except TimeoutError as error:
            raise GuestError(f"The hostile guest does not start: {error}") from None

    async def anew(self) -> None:
        """As it was at its start, whatever it has done to itself."""
        self._carried = False
        if self.guest.state in (GuestState.OFF, GuestState.CRASHED):
            await self.guest.restart()
        else:
            await self.guest.reset()
        await self.ready()

    async def suite(self, name: str) -> Told:
        """A command that counts by itself. Raises GuestError where it does not come back."""
        self.guest.console.write(f"attack {name}\n".encode())
        pattern = f"{re.escape(name)}: " + ", ".join(rf"(\d+) {count}" for count in _COUNTS)
        try:
            found = await self.guest.console.expect(pattern, timeout=_COMMAND_SECONDS)
        except TimeoutError:
            raise GuestError(f"{name}: the hostile guest does not come back") from None
        attempts, reached, *stops = (int(group) for group in found.groups())
        stopped_by = {stop: count for stop, count in zip(_STOPS, stops, strict=True) if count}
        return Told(name, attempts, reached, stopped_by)

    async def mode(self, mode: str, seconds: float) -> int:
        """Begins a mode, and how many attempts it says to have made at least; it goes on."""
        self.guest.console.write(f"{mode}\n".encode())
        await self.guest.console.expect(rf"{mode}: .*from now on", timeout=_START_SECONDS)
        await asyncio.sleep(seconds)
        text = self.guest.console.text.decode("latin-1").rpartition("from now on")[2]
        counts = [int(count) for count in re.findall(rf"{re.escape(mode)}: (\d+) ", text)]
        return max(counts, default=0)

    async def probe(self, module: str, name: str, ask: Ask) -> Told:
        """Code in its process. Raises GuestError where it does not come back, or makes no sense."""
        await self._carry()
        self._told = asyncio.get_running_loop().create_future()
        self._order(RunProbe(f"{_PACKAGE}.{module}", name, msgspec.msgpack.encode(ask)))
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                return await self._told
        except TimeoutError:
            how = self.guest.problem or f"the code in the process of {self.guest.name} does not come back"
            raise GuestError(f"{name}: {how}") from None

    def send_probe(self, module: str, name: str, ask: Ask) -> None:
        """As probe(), for one from which nothing comes back; what it needs is carried there before."""
        self._order(RunProbe(f"{_PACKAGE}.{module}", name, msgspec.msgpack.encode(ask)))

    async def carry(self) -> None:
        await self._carry()

    async def _carry(self) -> None:
        if not self._carried:
            folder = Path(foothold.__file__).parent
            for part in PARTS:
                source = await asyncio.to_thread((folder / f"{part}.py").read_text)
                self._order(Carry(f"{_PACKAGE}.{part}", source))
            self._carried = True

    def _order(self, order: Carry | RunProbe) -> None:
        self.guest.send(foothold.Foothold.name, msgspec.msgpack.encode(order))

    def _device(self, device: str, data: bytes) -> None:
        if device != foothold.Foothold.name or self._told is None or self._told.done():
            return
        try:
            self._told.set_result(msgspec.msgpack.decode(data, type=Told))
        except msgspec.MsgspecError as error:
            sentence = f"What the code in the guest's process says makes no sense: {error}"
            self._told.set_exception(GuestError(sentence))


_PACKAGE: Final = "pocketvisor.attack.probes"


def hostile_image() -> GuestImage:
    """Raises ImageError."""
    image = catalogue().get(IMAGE)
    if image is None:
        raise ImageError(f"The guest '{IMAGE}' is missing: the installation of Pocketvisor is not complete")
    return image


def asked(name: str, others: list[int], number: int = 0) -> Ask:
    """What a probe is to know: the processes of others, and the filter's list."""
    allowed = [*seccomp.ALLOWED.values(), *(rule.number for rule in seccomp.RULES.values()), 234]
    return Ask(name, targets=others, allowed=allowed, home=os.path.expanduser("~"), number=number)
