"""What the window does about moves between machines: dialogs, and cards that show how far they are."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from pocketvisor.api import PocketvisorError
from pocketvisor_workbench.dialogs.decide import DecideDialog
from pocketvisor_workbench.dialogs.migrate import MigrateDialog
from pocketvisor_workbench.dialogs.receive import ReceiveDialog
from pocketvisor_workbench.job_card import JobCard
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.travels import Travel, trusted

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.window import Window

_ADDRESSES = "machines"
_MOST_ADDRESSES = 8


class TravelDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._travels = window.session.travels
        self._travels.began.connect(self._began)
        self._travels.decide_wanted.connect(self.open_decide)
        self.trusted = trusted

    def open_receive(self, handset: "Handset | None") -> None:
        if handset is not None:
            ReceiveDialog(handset, self._travels, self._window.settings, self._window).open()

    def open_migrate(self, guest: "Guest | None" = None) -> None:
        """Who is trusted is read from a file first, in a thread."""
        chosen = guest or self._session.guest
        if chosen is None:
            return

        async def work(_: Job) -> None:
            self._ask(chosen, await asyncio.to_thread(_trusted_addresses))

        self._session.run("Look up trusted machines", work, shown=False)

    def _ask(self, guest: "Guest", trusted_ones: dict[str, str]) -> None:
        if guest not in self._session.guests:
            return
        last = self._window.settings.text(_ADDRESSES).split()
        addresses = [*last, *(address for address in trusted_ones if address not in last)]
        known = [(address, trusted_ones.get(address, "")) for address in addresses]
        dialog = MigrateDialog(guest, self._session, known, self.trusted, self._window)

        def picked(address: str) -> None:
            self._remember(address)
            self._travels.start(guest, address)

        dialog.picked.connect(picked)
        dialog.open()

    def _remember(self, address: str) -> None:
        settings = self._window.settings
        last = [address, *(other for other in settings.text(_ADDRESSES).split() if other != address)]
        settings.set(_ADDRESSES, " ".join(last[:_MOST_ADDRESSES]))
        settings.save()

    def open_decide(self, guest: "Guest | None") -> None:
        if guest is None or not self._travels.undecided(guest):
            return
        dialog = DecideDialog(guest, self._window)
        dialog.give_up_wanted.connect(lambda: self._travels.ask_again(guest, give_up=True))
        dialog.force_wanted.connect(lambda: self._travels.go_on_by_force(guest))
        dialog.open()

    def _began(self, travel: Travel) -> None:
        travels = self._travels
        ending = travels.ending if travel.address else travels.answer
        card = JobCard(travel.job, lambda _: ending(travel))
        card.resized.connect(self._window.banners.place)
        self._window.banners.add(card)


def _trusted_addresses() -> dict[str, str]:
    """In a thread: where trusted machines were found last, the newest first, with their names."""
    from pocketvisor.migration.peers import TrustedPeers

    with suppress(PocketvisorError):  # a list that cannot be read: the address can be typed all the same
        peers = sorted(TrustedPeers().all(), key=lambda peer: -peer.added)
        return {peer.address: peer.name for peer in peers if peer.address}
    return {}
