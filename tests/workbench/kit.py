"""What the workbench's tests share: a window under test, its library, and waiting for something."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from driver import DriverGuest, DriverHandset, DriverMover, DriverPanel

from pocketvisor.api import GuestImage, HandsetModel
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.window import Window

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Lets the event loop go on until something holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not come true within {seconds} s")
        await asyncio.sleep(0.005)


async def taken_up(pane: Any) -> None:
    """A pane that is seen has looked at the last frame that its guest has published."""
    await until(lambda: pane._sequence == pane._panel.sequence and not pane._late.isActive())


@dataclass
class Workbench:
    """A window under test."""

    window: Window
    run: Run[Any]
    mover: DriverMover = field(default_factory=DriverMover)

    async def end(self) -> None:
        """Everything goes now, while the event loop is there."""
        self.window.close()
        await self.session.close()
        self.window.bench.sampler.close()
        self.session.deleteLater()
        self.window.end()
        await asyncio.sleep(0)  # for what widgets began as they went
        DriverPanel.close_all()

    @property
    def session(self) -> Session:
        return self.window.session

    def model(self, ident: str = "nexus-one") -> HandsetModel:
        return self.session.models[ident]

    async def handset(self, *images: str, model: str = "nexus-one") -> DriverHandset:
        """A handset with driven guests, drawn."""
        handset: Any = self.session.add_handset(self.model(model))
        for ident in images:
            guest = await handset.start(self.session.images[ident])
            guest.draw()
        if handset.guests:
            self.session.bring_to_front(handset.guests[0])
        await asyncio.sleep(0.02)
        return handset  # type: ignore[no-any-return]

    def pane(self, guest: DriverGuest) -> Any:
        pane = self.window.stage.pane_of(guest)  # type: ignore[arg-type]
        assert pane is not None
        return pane


def images() -> dict[str, GuestImage]:
    """A library with what it may hold, without files: driven guests load none."""
    return {
        "personal": GuestImage(
            id="personal", name="Personal", kind="elf", accent="#f0a35c", description="One's own"
        ),
        "work": GuestImage(id="work", name="Work", kind="elf", accent="#4f8cff", description="The firm's"),
        "debian": GuestImage(
            id="debian",
            name="Debian",
            kind="linux",
            ram_mib=256,
            least_ram_mib=192,
            accent="#d70a53",
            available=False,
            missing="Debian is not on this machine yet: fetch it",
        ),
    }
