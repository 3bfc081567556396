"""The guest's balloon: how much memory it is asked to give back, and what it says of its memory.

The guest is asked for its figures only while they can be seen.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel

from pocketvisor.api import GuestError
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.phone.section import Folding, Slider, figure, labelled, shown

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.guest.balloon import Balloon

_LEAST_LEFT_MIB = 16
_MIB = 1 << 20


class MemorySection(Folding):
    """For the guest that is shown; without a balloon it only says so."""

    def __init__(self, bench: Bench) -> None:
        super().__init__("Memory", "memory")
        self.bench = bench
        self._guest: Guest | None = None
        self._balloon: Balloon | None = None
        self._forget: Callable[[], None] | None = None
        self.target = Slider(0, 0, "Memory that the guest is asked to give back, in MiB", page=16)
        self.target.valueChanged.connect(self._moved)
        self.target.sliderReleased.connect(self._moved)
        self.value = figure(64)
        self.body.addLayout(labelled("Balloon", self.target, self.value))
        self.figures = QLabel()
        self.figures.setObjectName("muted")
        self.figures.setWordWrap(True)
        self.figures.setAccessibleName("What the guest says of its memory")
        self.body.addWidget(self.figures)

    def show_guest(self, guest: "Guest | None") -> None:
        self._guest = guest
        self._take(None)
        self.refresh(guest)

    def refresh(self, guest: "Guest | None") -> None:
        """The guest's state has changed: a balloon is there once it has begun."""
        try:
            balloon = guest.balloon if guest is not None else None
        except (GuestError, AttributeError):
            balloon = None
        if balloon is not self._balloon:
            self._take(balloon)
        if guest is not None:
            blocked = self.target.blockSignals(True)
            self.target.setRange(0, max(0, guest.ram_mib - _LEAST_LEFT_MIB))
            self.target.blockSignals(blocked)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        self._watch()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self._unwatch()
        super().hideEvent(event)

    def _take(self, balloon: "Balloon | None") -> None:
        self._unwatch()
        self._balloon = balloon
        if self.isVisible():
            self._watch()

    def _watch(self) -> None:
        if self._balloon is not None and self._forget is None:
            self._forget = self._balloon.watch(self._show)

    def _unwatch(self) -> None:
        if self._forget is not None:
            self._forget()
            self._forget = None

    def _show(self) -> None:
        balloon = self._balloon
        self.inside.setEnabled(balloon is not None)
        if balloon is None:
            self.summary.setText("no balloon")
            self.value.clear()
            self.figures.hide()
            return
        if not self.target.isSliderDown():
            shown(self.target, balloon.target_mib)
            self.value.setText(f"{balloon.target_mib} MiB")
        self.summary.setText(f"{balloon.actual_mib:.0f} MiB in the balloon")
        told = [
            f"{words} {balloon.statistics[name] // _MIB} MiB"
            for name, words in (("free", "free"), ("available", "available"), ("disk_caches", "caches"))
            if name in balloon.statistics
        ]
        self.figures.setText(", ".join(told))
        self.figures.setVisible(bool(told))

    def _moved(self) -> None:
        """While the slider is held only its value is shown."""
        balloon, mib = self._balloon, self.target.value()
        self.value.setText(f"{mib} MiB")
        if balloon is None or self.target.isSliderDown() or mib == balloon.target_mib:
            return
        try:
            balloon.set(mib)
        except GuestError as error:
            self.bench.session.log.error(error, self._guest.name if self._guest is not None else "")
            self._show()
