"""What a guest is promised of its handset's CPU."""

from typing import TYPE_CHECKING, cast

from pocketvisor.guest.listeners import Listeners
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.scheduler import admission
from pocketvisor.scheduler.qos import Qos

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset


class GuestShare:
    """The part of a Guest that its handset's scheduler has to do with. A new quality of service is the event
    "qos"."""

    name: str
    handset: "Handset"
    options: RunOptions
    state: GuestState
    _listeners: Listeners
    qos: Qos = Qos()

    @property
    def wants_share(self) -> bool:
        return self.options.rate == "model" and self.state is GuestState.RUNNING

    @property
    def fixed_rate(self) -> int:
        rate = self.options.rate
        return rate * 1_000_000 if isinstance(rate, int) else 0

    def set_qos(
        self, *, shares: int | None = None, reservation: int | None = None, limit: int | None = None
    ) -> Qos:
        """Of its handset's CPU; MIPS, what is None stays. It counts from the next look of the scheduler on,
        goes with it to other handsets and is kept in its profile. Raises AdmissionError where the handset
        cannot keep it, or it makes no sense; nothing has changed then."""
        wanted = self.qos.changed(shares=shares, reservation=reservation, limit=limit)
        if wanted.reservation > self.qos.reservation:
            handset = self.handset
            admission.check(handset.name, handset.model.mips, self._others, wanted)
        self._use_qos(wanted)
        return wanted

    def fit_qos(self, wanted: Qos) -> str:
        """For a guest that comes to its handset with it: as much of it as can be promised there. A sentence
        where that is less."""
        fitting = admission.fitting(self.handset.model.mips, self._others, wanted)
        self._use_qos(fitting)
        if fitting == wanted:
            return ""
        return (
            f"{self.handset.name} has {fitting.reservation} MIPS left to reserve for {self.name}, "
            f"which had {wanted.reservation} before"
        )

    @property
    def _others(self) -> "list[Guest]":
        return [guest for guest in self.handset.guests if guest is not cast("Guest", self)]

    def _use_qos(self, qos: Qos) -> None:
        if qos != self.qos:
            self.qos = qos
            self._listeners.emit("qos")
