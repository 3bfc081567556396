"""What an open workbench does when it is asked through its socket: the operations of the API, by name.

What few runs are asked for, and is slow to load, is imported when it is asked for: attacks, the debugger and
moves between machines.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pocketvisor.control import phone_calls, workbench
from pocketvisor.control.attack_calls import AttackRequest
from pocketvisor.control.balloon_calls import BalloonRequest
from pocketvisor.control.clipboard_calls import ClipboardRequest
from pocketvisor.control.debug_calls import DebugRequest
from pocketvisor.control.memory_calls import MemoryRequest
from pocketvisor.control.migration_calls import MigrationRequest
from pocketvisor.control.modem_calls import ModemRequest
from pocketvisor.control.network_calls import NetworkRequest
from pocketvisor.control.phone_calls import PhoneRequest
from pocketvisor.control.policy_calls import PolicyRequest
from pocketvisor.control.power_calls import PowerRequest
from pocketvisor.control.profile_calls import ProfileRequest
from pocketvisor.control.qos_calls import QosRequest, SetQos
from pocketvisor.control.server import Tell
from pocketvisor.control.service_calls import AskServices, SetOffers
from pocketvisor.control.workbench import Reply, Request
from pocketvisor.errors import ControlError, GuestError
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.services import balloon as balloon_service
from pocketvisor.services import clipboard as clipboard_service
from pocketvisor.services import guest_services
from pocketvisor.services import memory as memory_service
from pocketvisor.services import modem as modem_service
from pocketvisor.services import network as network_service
from pocketvisor.services import phone as phone_service
from pocketvisor.services import policy as policy_service
from pocketvisor.services import power as power_service
from pocketvisor.services import profile as profile_service
from pocketvisor.services import qos as qos_service

if TYPE_CHECKING:
    from pocketvisor.services.attack import Attacks
    from pocketvisor.services.migration import Migrations

_DONE = {
    "pause": "is paused",
    "resume": "runs on",
    "reset": "was reset",
    "restart": "was started again",
    "power-off": "is off",
    "kill": "was ended",
    "remove": "was removed",
    "foreground": "is in the foreground",
}


class WorkbenchService:
    """The handler of a WorkbenchServer, over handsets and images that somebody else holds."""

    def __init__(
        self,
        handsets: Callable[[], Sequence[Handset]],
        images: Callable[[], dict[str, GuestImage]],
        run_file: Callable[[Path], None] | None = None,
    ) -> None:
        """`run_file`: what a window does with a profile that somebody opens in a file manager."""
        self.handsets = handsets
        self._images = images
        self._run_file = run_file
        self.attack: Attacks | None = None
        """How handsets are attacked; a window shows what is going on."""

    @cached_property
    def migrations(self) -> "Migrations":
        from pocketvisor.services.migration import Migrations

        return Migrations()

    async def __call__(self, request: Request, tell: Tell = lambda *_: None) -> Reply:
        match request:
            case workbench.List():
                return workbench.Listing([describe(handset) for handset in self.handsets()])
            case workbench.Operate(operation, guest_name, handset_name):
                guest = self.guest(guest_name, handset_name)
                await _operation(guest, operation)
                return done(f"{guest.name} {_DONE[operation]}", guest)
            case workbench.StartGuest(image_name, handset_name, name):
                handset = self.handset(handset_name)
                guest = await handset.start(find_image(self._images(), image_name), name=name or None)
                return done(f"{guest.name} runs on {handset.name}", guest)
            case workbench.RunFile(path):
                if self._run_file is None:
                    raise ControlError("This workbench has no window that could ask what to run it on")
                self._run_file(Path(path))
                return workbench.Done(f"{Path(path).stem} is opened in the workbench")
            case workbench.Tell(guest_name, device, payload, handset_name):
                guest = self.guest(guest_name, handset_name)
                guest.send(device, payload)
                return done(f"{guest.name}'s {device} was told", guest)
            case workbench.Screenshot(guest_name, handset_name):
                guest = self.guest(guest_name, handset_name)
                return workbench.Picture(await guest.screenshot(), guest.name)
            case _ if isinstance(request, ProfileRequest):
                return await profile_service.answer(self, request, tell)
            case _ if isinstance(request, PolicyRequest):
                return await policy_service.answer(self, request)
            case _ if isinstance(request, MigrationRequest):
                return await self.migrations.answer(self, request, tell)
            case _ if isinstance(request, NetworkRequest):
                return await network_service.answer(self.guest(request.guest, request.handset), request)
            case _ if isinstance(request, ModemRequest):
                return modem_service.answer(self.guest(request.guest, request.handset), request)
            case _ if isinstance(request, BalloonRequest):
                return await balloon_service.answer(self.guest(request.guest, request.handset), request)
            case _ if isinstance(request, ClipboardRequest):
                return await clipboard_service.answer(self.guest(request.guest, request.handset), request)
            case AskServices():
                named = [self.handset(request.handset)] if request.handset else self.handsets()
                return guest_services.show(named)
            case SetOffers():
                guest = self.guest(request.guest, request.handset)
                return guest_services.set_offers(guest, request.offers)
            case _ if isinstance(request, AttackRequest):
                from pocketvisor.services import attack

                return await attack.answer(self, request, tell)
            case _ if isinstance(request, DebugRequest):
                from pocketvisor.services import debug

                return await debug.answer_at(self, request)
            case SetQos():
                return qos_service.of_guest(self.guest(request.guest, request.handset), request)
            case _ if isinstance(request, QosRequest):
                return qos_service.answer(self.handset(request.handset), request)
            case _ if isinstance(request, MemoryRequest):
                return await memory_service.answer(self.handset(request.handset), request)
            case _ if isinstance(request, PowerRequest):
                return power_service.answer(self.handset(request.handset), request)
            case phone_calls.PressKey():
                pressed, sentence = await phone_service.press(self.handset(request.handset), request)
                return done(sentence, pressed)
            case _ if isinstance(request, PhoneRequest):
                return phone_service.answer(self.handset(request.handset), request)
        raise ControlError("The workbench does not know this request")

    def handset(self, name: str) -> Handset:
        handsets = self.handsets()
        if name:
            found = [handset for handset in handsets if handset.name.casefold() == name.casefold()]
            found = found or [handset for handset in handsets if handset.model.id == name]
        else:
            found = list(handsets)
        if len(found) == 1:
            return found[0]
        if not handsets:
            raise ControlError("The workbench has no handset")
        names = ", ".join(handset.name for handset in handsets)
        which = f"no handset '{name}'" if name and not found else "more than one handset"
        raise ControlError(f"There is {which} in the workbench; it has {names}")

    def guest(self, name: str, handset_name: str) -> Guest:
        handsets = [self.handset(handset_name)] if handset_name else self.handsets()
        found: list[Guest] = []
        for handset in handsets:
            try:
                found.append(handset.find(name))
            except GuestError:
                continue
        if not found:
            raise ControlError(f"There is no guest '{name}' in the workbench")
        if len(found) > 1:
            where = ", ".join(guest.handset.name for guest in found)
            raise ControlError(f"There is a guest '{name}' on several handsets ({where}): say which")
        return found[0]


def done(sentence: str, guest: Guest) -> workbench.Done:
    return workbench.Done(
        sentence,
        workbench.GuestShown(
            guest=guest.name,
            handset=guest.handset.name,
            id=guest.id,
            state=guest.state.value,
            pid=guest.pid,
        ),
    )


def describe(handset: Handset) -> workbench.HandsetInfo:
    return workbench.HandsetInfo(
        name=handset.name,
        model=handset.model.id,
        ram_mib=handset.model.ram_mib,
        ram_used_mib=handset.ram_used_mib,
        guests=[_describe_guest(guest) for guest in handset.guests],
    )


def find_image(images: dict[str, GuestImage], name: str) -> GuestImage:
    """By id, or by name without regard to capitals. Raises GuestError."""
    if name in images:
        return images[name]
    for image in images.values():
        if image.name.casefold() == name.casefold():
            return image
    raise GuestError(f"There is no guest '{name}'; known are {', '.join(images) or 'none'}")


def _describe_guest(guest: Guest) -> workbench.GuestInfo:
    counters = guest.counters()
    return workbench.GuestInfo(
        id=guest.id,
        name=guest.name,
        image=guest.image.id,
        state=guest.state.value,
        problem=guest.problem or guest.not_responding,
        foreground=guest.handset.foreground is guest,
        ram_mib=guest.ram_mib,
        ticks=counters.ticks,
        clock_ns=counters.clock_ns,
        idle_ns=counters.idle_ns,
        cpu_ns=counters.cpu_ns,
        ram_bytes=counters.ram_bytes,
        pid=guest.pid,
        isolation=guest.isolation,
    )


async def _operation(guest: Guest, operation: str) -> None:
    operations: dict[str, Callable[[], Awaitable[None]]] = {
        "pause": guest.pause,
        "resume": guest.resume,
        "reset": guest.reset,
        "restart": guest.restart,
        "power-off": guest.power_off,
        "kill": guest.kill,
        "remove": lambda: guest.handset.remove(guest),
    }
    if operation == "foreground":
        guest.handset.set_foreground(guest)
    else:
        await operations[operation]()
