"""Ten samples a second of every guest's counters, kept for a minute: what the graphs draw.

Counters come from the status page that the guest's process shares, without a message or a wait.
"""

import time
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from pocketvisor.api import GuestState
from pocketvisor_workbench.session import Session

if TYPE_CHECKING:
    from pocketvisor.api import Guest

POINTS = 600
INTERVAL_MS = 100

Curve = npt.NDArray[np.float32]


class Series:
    """One guest's last minute. Arrays are POINTS long, the newest sample last, NaN where there is none."""

    def __init__(self) -> None:
        self.cpu: Curve = np.full(POINTS, np.nan, dtype=np.float32)
        self.mips: Curve = self.cpu.copy()
        self.memory: Curve = self.cpu.copy()
        self.milliamps: Curve = self.cpu.copy()
        self._last: tuple[float, int, int] | None = None

    def sample(self, now: float, cpu_ns: int, ticks: int, ram_bytes: int, milliamps: float = 0.0) -> None:
        last, self._last = self._last, (now, cpu_ns, ticks)
        if last is None or now <= last[0] or ticks < last[2]:
            return
        seconds = now - last[0]
        # A vCPU is one thread: what seems more than a whole core is the page having been a moment late.
        self._push(self.cpu, min(max(cpu_ns - last[1], 0) / seconds / 1e7, 100.0))
        self._push(self.mips, (ticks - last[2]) / seconds / 1e6)
        self._push(self.memory, ram_bytes / 2**20)
        self._push(self.milliamps, milliamps)

    def begin_anew(self) -> None:
        """The next sample is the first of its kind; the curves stay."""
        self._last = None

    def latest(self) -> tuple[float, float, float, float]:
        """CPU per cent, MIPS, MiB and mA over the last half second; 0 where nothing is known."""
        values = [
            float(np.nanmean(curve[-5:])) if not np.isnan(curve[-1]) else 0.0 for curve in self.curves()
        ]
        return values[0], values[1], values[2], values[3]

    def curves(self) -> tuple[Curve, Curve, Curve, Curve]:
        return self.cpu, self.mips, self.memory, self.milliamps

    @staticmethod
    def _push(curve: Curve, value: float) -> None:
        curve[:-1] = curve[1:]
        curve[-1] = value


class Sampler(QObject):
    """Samples all guests of a session and tells that it did."""

    sampled = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.series: dict[Guest, Series] = {}
        session.guest_added.connect(self._added)
        session.guest_removed.connect(self._removed)
        session.state_changed.connect(self._changed)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.sample)
        self._timer.start()

    def close(self) -> None:
        self._timer.stop()

    def sample(self) -> None:
        now = time.monotonic()
        drawn = {
            share.guest: share.ma
            for handset in self._session.handsets
            for share in handset.power.now().guests
        }
        for guest, series in self.series.items():
            if guest.state is GuestState.STOPPED:  # on its way off the handset: its status page may be gone
                continue
            counters = guest.counters()
            series.sample(now, counters.cpu_ns, counters.ticks, counters.ram_bytes, drawn.get(guest.id, 0.0))
        if self.series:
            self.sampled.emit()

    def _added(self, guest: "Guest") -> None:
        self.series[guest] = Series()

    def _removed(self, guest: "Guest") -> None:
        self.series.pop(guest, None)

    def _changed(self, guest: "Guest") -> None:
        """It may be in another process now, or be what it was at another time: its counters start anew."""
        series = self.series.get(guest)
        if series is not None:
            series.begin_anew()
