"""The guest beside the attacker, and how it is: what it holds while it stands still, how it serves its user
while it runs."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from typing import Final

from blake3 import blake3
from msgspec import Struct

from pocketvisor.attack.sheet import Effect
from pocketvisor.errors import GuestError, ImageError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import LIVE_STATES, GuestState
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue

IMAGE: Final = "work"
_START_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = 5.0
FRAMES_KEPT: Final = 0.8
"""A neighbour that shows this part of its frames, or more, shows what it did."""
ANSWERS_WITHIN: Final = 1.0
"""Seconds for a line on its console to be answered, beyond what it took before."""
_FEW_FRAMES: Final = 5.0
_BUSY: Final = 0.25
_LOOKS: Final = 3


class Service(Struct, frozen=True):
    """How it serves its user; None for what it does not do."""

    frames: float | None
    answer_seconds: float | None
    elsewhere: float = 0.0
    """Processors of this computer that worked for others than the handset meanwhile."""


class Neighbour:
    """Made by start(), or of a guest that is there; ended by leave()."""

    def __init__(self, guest: Guest, *, own: bool) -> None:
        self.guest = guest
        self.own = own
        self._held = ""
        self._ran = guest.state is GuestState.RUNNING

    @classmethod
    def of(cls, guest: Guest, handset: Handset) -> "Neighbour":
        """Raises GuestError for one that cannot be compared."""
        if guest.handset is not handset:
            raise GuestError(f"{guest.name} is on {guest.handset.name}, not on {handset.name}")
        if guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            raise GuestError(f"{guest.name} is {guest.state.value}: an attack is on a guest that runs")
        guest.check_held()
        return cls(guest, own=False)

    @classmethod
    async def start(cls, handset: Handset, *, on_guest: Callable[[Guest], None] | None = None) -> "Neighbour":
        """Raises OutOfMemory, ImageError, GuestError."""
        image = catalogue().get(IMAGE)
        if image is None:
            raise ImageError(f"The guest '{IMAGE}' is missing: Pocketvisor's installation is not complete")
        guest = await handset.start(image, name="Neighbour", on_guest=on_guest)
        neighbour = cls(guest, own=True)
        try:
            await guest.console.expect(r"ready after [\d.]+ ms\n> ", timeout=_START_SECONDS)
            guest.console.write(b"anim on\n")
            await guest.console.expect("> ", timeout=_START_SECONDS)
        except TimeoutError as error:
            await asyncio.shield(handset.remove(guest))
            raise GuestError(f"The neighbour does not start: {error}") from None
        except BaseException:
            await asyncio.shield(handset.remove(guest))
            raise
        return neighbour

    async def leave(self) -> None:
        """As it was before the attack."""
        await self.go_on()
        if self.own and self.guest.state is not GuestState.STOPPED:
            await self.guest.handset.remove(self.guest)

    async def stand_still(self) -> None:
        """Whatever its user wants."""
        if self.guest.state is GuestState.RUNNING:
            await self.guest.pause()
        self.guest.held = self._held = f"{self.guest.name} stands still while it is attacked and compared"

    async def go_on(self) -> None:
        """If it ran before."""
        if self._held and self.guest.held == self._held:
            self.guest.held = ""
        if self._ran:
            await self.guest.go_on()

    @property
    def runs(self) -> bool:
        return self._ran

    async def held(self) -> dict[str, str]:
        """What it holds, by name, while it stands still: the same before and after."""
        guest = self.guest
        found = {"process": f"{guest.pid}, {guest.state.value}", "other guests": _others(guest)}
        if guest.state in LIVE_STATES and guest.ram is not None:
            found["RAM"] = await guest.digest()
            found["panel"] = await asyncio.to_thread(_panel, guest)
            found["files"] = await asyncio.to_thread(_files, guest.pid)
        return found

    async def usually_served(self) -> Service:
        """What it does while nobody attacks it: the best of some looks, where this computer is busy with
        others. One of ours has pictures to show, and is looked at until it does."""
        begun, looks, best = time.monotonic(), 1, await self.served()
        while (looks < _LOOKS and best.elsewhere > _BUSY) or (
            self.own and (best.frames or 0.0) <= _FEW_FRAMES and time.monotonic() - begun < _START_SECONDS
        ):
            again = await self.served()
            looks += 1
            best = again if (again.frames or 0.0) >= (best.frames or 0.0) else best
        return best

    async def served(self, seconds: float = 1.0) -> Service:
        """Watches it for a while."""
        guest = self.guest
        begun, first = time.monotonic(), guest.panel.sequence
        busy, ours = _busy_seconds(), _our_seconds(guest)
        answered = await self._answer() if self.own else None
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - begun)))
        elapsed = time.monotonic() - begun
        frames = (guest.panel.sequence - first) / elapsed
        elsewhere = (_busy_seconds() - busy) - (_our_seconds(guest) - ours)
        return Service(max(frames, 0.0), answered, max(elsewhere, 0.0) / elapsed)

    async def _answer(self) -> float:
        begun = time.monotonic()
        self.guest.console.write(b"uptime\n")
        try:
            await self.guest.console.expect(r"uptime\n(?s:.+?)> ", timeout=_ANSWER_SECONDS)
        except (TimeoutError, GuestError):
            return _ANSWER_SECONDS
        return time.monotonic() - begun


def worse(before: Service, now: Service) -> str:
    """What its user would notice, as a sentence; nothing where he would notice nothing."""
    for effect in served_effects(before, now):
        if not effect.unchanged:
            return f"its neighbour's {effect.name}: {effect.after} and not {effect.before}"
    return ""


def compared(before: dict[str, str], after: dict[str, str]) -> list[Effect]:
    pairs = [(name, was, after.get(name, "gone")) for name, was in before.items()]
    return [Effect(name, was, now, was == now) for name, was, now in pairs]


def served_effects(before: Service, now: Service) -> list[Effect]:
    effects = []
    if before.frames is not None and now.frames is not None and before.frames > _FEW_FRAMES:
        words = [f"{frames:.0f} a second" for frames in (before.frames, now.frames)]
        kept, note = now.frames >= before.frames * FRAMES_KEPT, ""
        if not kept and now.elsewhere > _BUSY:
            kept = True
            note = f"not judged: {now.elsewhere:.1f} of this computer's processors worked for others"
        effects.append(Effect("frames", words[0], words[1], kept, note))
    if before.answer_seconds is not None and now.answer_seconds is not None:
        words = [f"{seconds * 1000:.0f} ms" for seconds in (before.answer_seconds, now.answer_seconds)]
        kept = now.answer_seconds <= before.answer_seconds + ANSWERS_WITHIN
        effects.append(Effect("console", words[0], words[1], kept, "to answer a line"))
    return effects


def shared_descriptors(one: int, other: int) -> list[str]:
    """What two processes can both write to, by its name, but their own ends of what leads to the handset."""
    return sorted(_writable(one).keys() & _writable(other).keys())


def _writable(pid: int) -> dict[str, int]:
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as file:
                flags = int(next(line for line in file if line.startswith("flags:")).split()[1], 8)
            status = os.stat(f"/proc/{pid}/fd/{fd}")
            name = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:  # closed meanwhile
            continue
        # /dev/null, and the kernel's nameless objects, which all have one inode.
        if flags & os.O_ACCMODE and not name.startswith(("anon_inode:", "/dev/")):
            found[f"{name} ({status.st_dev}:{status.st_ino})"] = int(fd)
    return found


def _busy_seconds() -> float:
    """Of all processors since the computer began."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, *others = (int(field) for field in file.readline().split()[1:])
    return (user + nice + system + sum(others[:3])) / os.sysconf("SC_CLK_TCK")


def _our_seconds(guest: Guest) -> float:
    """Of those, what this process and the guests of a handset had."""
    total = 0.0
    for pid in (os.getpid(), *(other.pid for other in guest.handset.guests if other.pid)):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _panel(guest: Guest) -> str:
    return blake3(bytes(guest.panel.buffer)).hexdigest()


def _files(pid: int) -> str:
    """The files that its process has open, with their sizes and times."""
    lines = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            name = os.readlink(f"/proc/{pid}/fd/{fd}")
            if name.startswith("/") and not name.startswith(("/memfd:", "/dev/")):
                status = os.stat(f"/proc/{pid}/fd/{fd}")
                lines.append(f"{name} {status.st_size} {status.st_mtime_ns}")
        except OSError:
            continue
    return "\n".join(sorted(set(lines)))


def _others(guest: Guest) -> str:
    """The other guests of its handset that run, but the attacker, whom nobody pities."""
    others = [other for other in guest.handset.guests if other is not guest and other.image.id != "hostile"]
    return ", ".join(f"{other.name} {other.pid} {other.state.value}" for other in others)
