"""The figures of a phone, read from it, and what is changed about them: what the Resources pane stands on.

What cannot be so is told once as a notice, or answered, where whoever changed it shows it himself; the pane
shows again what is so.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import PocketvisorError
from pocketvisor.scheduler.qos import ShareNow
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.log import words_of
from pocketvisor_workbench.resources.figures import (
    CpuFigures,
    CpuShare,
    MemoryFigures,
    MemoryShare,
    PowerFigures,
    PowerShare,
)

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.session import Session


class Reading(QObject):
    changed = Signal()

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session

    # What is

    def cpu(self, handset: "Handset") -> CpuFigures:
        """All guests are there, those that do not run with nothing."""
        known = {share.guest: share for share in handset.scheduler.now()}
        guests = tuple(CpuShare(guest, known.get(guest.id) or _resting(guest)) for guest in handset.guests)
        return CpuFigures(handset.scheduler.state(), guests)

    def memory(self, handset: "Handset") -> MemoryFigures:
        now = handset.memory.now()
        guests = {guest.id: guest for guest in handset.guests}
        shares = tuple(MemoryShare(guests[one.id], one) for one in now.guests if one.id in guests)
        return MemoryFigures(now, shares)

    def power(self, handset: "Handset") -> PowerFigures:
        now = handset.power.now()
        guests = {guest.id: guest for guest in handset.guests}
        shares = tuple(PowerShare(guests[one.guest], one) for one in now.guests if one.guest in guests)
        return PowerFigures(now, shares)

    # What is to be

    def change_share(self, guest: "Guest", wanted: dict[str, int]) -> str:
        """Shares, reservation or limit; answers why not."""
        try:
            guest.set_qos(**wanted)
        except PocketvisorError as error:
            return f"{words_of(error)}."
        self.changed.emit()
        return ""

    def set_boost(self, boost: float) -> None:
        self._do(lambda handset: handset.scheduler.set_boost(boost))

    def set_response(self, milliseconds: float | None) -> None:
        self._do(lambda handset: handset.scheduler.set_response(milliseconds))

    def set_low(self, percent: int, background_mips: int) -> None:
        self._do(lambda handset: handset.power.set_low(percent=percent, background_mips=background_mips))

    def set_sharing(self, sharing: bool) -> None:
        """Off: it takes a moment until each guest has its own again."""
        handset = self._session.handset
        if handset is None:
            return

        async def work(_: Job) -> None:
            await handset.memory.set_share(sharing)
            self.changed.emit()
            self._session.changed.emit()

        what = "Share equal memory" if sharing else "Take memory apart"
        self._session.run(f"{what} on {handset.name}", work, shown=False, source=handset.name)

    def _do(self, what: "Callable[[Handset], Any]") -> None:
        handset = self._session.handset
        if handset is None:
            return
        try:
            what(handset)
        except PocketvisorError as error:
            self._session.log.error(error, handset.name)
        self.changed.emit()
        self._session.changed.emit()


def _resting(guest: "Guest") -> ShareNow:
    return ShareNow(
        guest=guest.id,
        name=guest.name,
        qos=guest.qos,
        used=0.0,
        granted=0.0,
        entitled=0.0,
        share=0.0,
        hungry=False,
        foreground=guest is guest.handset.foreground,
        boosted=False,
        limited_by="",
        wait_ms=0.0,
    )
