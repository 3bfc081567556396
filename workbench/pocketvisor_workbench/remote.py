"""What an open workbench does for those who call its socket: the same operations as in the window."""

from typing import TYPE_CHECKING

from pocketvisor.api import GuestError
from pocketvisor.control.workbench import (
    Done,
    GuestInfo,
    HandsetInfo,
    List,
    Listing,
    Operate,
    Picture,
    Reply,
    Request,
    Screenshot,
    StartGuest,
)
from pocketvisor_workbench.session import Session

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset

_METHODS = {
    "pause": "pause",
    "resume": "resume",
    "reset": "reset",
    "restart": "restart",
    "power-off": "power_off",
    "kill": "kill",
}


class Remote:
    """A handler for `WorkbenchServer`. Errors are sentences for the caller."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __call__(self, request: Request) -> Reply:
        if isinstance(request, List):
            return Listing([_handset_info(handset) for handset in self._session.handsets])
        if isinstance(request, Operate):
            return await self._operate(request)
        if isinstance(request, StartGuest):
            return await self._start(request)
        if isinstance(request, Screenshot):
            return Picture(await self._guest(request.guest, request.handset).screenshot())
        raise GuestError("The workbench does not know this request")

    async def _operate(self, request: Operate) -> Reply:
        guest = self._guest(request.guest, request.handset)
        if request.operation == "foreground":
            self._session.bring_to_front(guest)
        elif request.operation == "remove":
            await guest.handset.remove(guest)
        else:
            await getattr(guest, _METHODS[request.operation])()
        return Done(f"{guest.name} on {guest.handset.name}: {request.operation}")

    async def _start(self, request: StartGuest) -> Reply:
        handset = self._handset(request.handset)
        wanted = request.image.casefold()
        image = next(
            (image for image in self._session.images.values() if wanted in (image.id, image.name.casefold())),
            None,
        )
        if image is None:
            raise GuestError(f"There is no guest '{request.image}' in the library")
        guest = await handset.start(image, name=request.name or None)
        return Done(f"{guest.name} runs on {handset.name}")

    def _handset(self, name: str) -> "Handset":
        if not name:
            if self._session.handset is None:
                raise GuestError("The workbench has no handset")
            return self._session.handset
        for handset in self._session.handsets:
            if handset.name.casefold() == name.casefold():
                return handset
        raise GuestError(f"There is no handset '{name}'")

    def _guest(self, name: str, handset: str) -> "Guest":
        if handset:
            return self._handset(handset).find(name)
        found = [
            guest for guest in self._session.guests if name.casefold() in (guest.id, guest.name.casefold())
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise GuestError(f"There is no guest '{name}' on any handset")
        raise GuestError(f"There are {len(found)} guests '{name}': say which handset")


def _handset_info(handset: "Handset") -> HandsetInfo:
    return HandsetInfo(
        name=handset.name,
        model=handset.model.id,
        ram_mib=handset.model.ram_mib,
        ram_used_mib=handset.ram_used_mib,
        guests=[_guest_info(guest) for guest in handset.guests],
    )


def _guest_info(guest: "Guest") -> GuestInfo:
    counters = guest.counters()
    return GuestInfo(
        id=guest.id,
        name=guest.name,
        image=guest.image.id,
        state=guest.state.value,
        problem=guest.problem,
        foreground=guest.handset.foreground is guest,
        ram_mib=guest.ram_mib,
        ticks=counters.ticks,
        clock_ns=counters.clock_ns,
        idle_ns=counters.idle_ns,
        cpu_ns=counters.cpu_ns,
        ram_bytes=counters.ram_bytes,
        pid=guest.pid,
    )
