"""What a handset's guests take from its battery: each one's part, now and since it is here.

A guest pays for its instructions and for the bytes that it sends and receives, and while it is in the
foreground for the panel. What the phone takes whoever runs on it, nobody pays. Time is that of the guest that
was awake longest, so that a handset whose guests are all paused takes nothing; an idle guest costs nothing.

A battery that is low leaves guests in the background fewer MIPS, as the handset is set (set_low()) and as the
policy of a governed guest says ([power]), whichever is less.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from pocketvisor import phone_power
from pocketvisor.control.power_calls import GuestPower, LowBattery, PowerNow
from pocketvisor.control.qos_calls import MIPS_MOST
from pocketvisor.control.status import StatusPage
from pocketvisor.errors import PhoneError
from pocketvisor.guest.options import GuestState
from pocketvisor.models import HandsetModel
from pocketvisor.phone import Phone

if TYPE_CHECKING:
    from pocketvisor.network.service import GuestNetwork
    from pocketvisor.policies.governed import Governed

__all__ = ["GuestPower", "LowBattery", "Power", "PowerNow"]

_SECONDS_MOST: Final = 3600.0
"""Of guests' time at one look: what a guest says beyond that is not believed."""
_SMOOTH_SECONDS: Final = 2.0


class Consumer(Protocol):
    """What has to be known of a guest."""

    id: str
    name: str
    state: GuestState
    network: "GuestNetwork | None"
    governed: "Governed | None"

    @property
    def status(self) -> StatusPage: ...


class _Meter:
    """One guest's."""

    def __init__(self, ticks: int, clock_ns: int, radio_bytes: int) -> None:
        self.ticks, self.clock_ns, self.radio_bytes = ticks, clock_ns, radio_bytes
        self.cpu_ma = self.panel_ma = self.radio_ma = self.mah = 0.0

    @property
    def ma(self) -> float:
        return self.cpu_ma + self.panel_ma + self.radio_ma

    def blend(self, weight: float, cpu: float, panel: float, radio: float) -> None:
        self.cpu_ma += weight * (cpu - self.cpu_ma)
        self.panel_ma += weight * (panel - self.panel_ma)
        self.radio_ma += weight * (radio - self.radio_ma)


class Power:
    """A handset's, which lets it look twice a second."""

    def __init__(
        self,
        model: HandsetModel,
        phone: Phone,
        guests: Callable[[], Sequence[Consumer]],
        foreground: Callable[[], object],
    ) -> None:
        self._rate = model.mips * 1_000_000
        self._phone = phone
        self._guests = guests
        self._foreground = foreground
        self._meters: dict[Consumer, _Meter] = {}
        self._base_ma = self._base_mah = 0.0
        self.low = LowBattery()

    def set_low(self, *, percent: int | None = None, background_mips: int | None = None) -> None:
        """What is None stays. Raises PhoneError."""
        percent = self.low.percent if percent is None else percent
        mips = self.low.background_mips if background_mips is None else background_mips
        if not 0 <= percent <= 100:
            raise PhoneError("A low battery is from 0 percent, which is never, to 100")
        if not 1 <= mips <= MIPS_MOST:
            raise PhoneError(f"A low battery leaves the background from 1 to {MIPS_MOST} MIPS")
        self.low = LowBattery(percent=percent, background_mips=mips)

    def background_mips(self, guest: Consumer) -> int:
        """What this guest is left of a low battery while it is in the background; 0 for no bound."""
        bounds = []
        if self._is_at(self.low.percent):
            bounds.append(self.low.background_mips)
        if guest.governed is not None and not guest.governed.released:
            power = guest.governed.policy.power
            if power.background_mips and self._is_at(power.low_percent):
                bounds.append(power.background_mips)
        return min(bounds, default=0)

    def _is_at(self, percent: int) -> bool:
        battery = self._phone.battery
        return bool(percent) and not battery.plugged and battery.level <= percent

    def look(self) -> None:
        """For what the guests did since the last look."""
        guests = self._guests()
        worked = {guest: self._worked(guest) for guest in guests}
        self._meters = {guest: self._meters[guest] for guest in guests}
        seconds = max((clock for _, clock, _ in worked.values()), default=0.0)
        awake = seconds > 0
        weight = min(seconds / _SMOOTH_SECONDS, 1.0) if awake else 1.0
        drawn = base = 0.0
        if awake:
            drawn = base = phone_power.IDLE_MA
        kind = self._phone.signal.radio
        for guest, (ticks, _, radio_bytes) in worked.items():
            meter = self._meters[guest]
            cpu = phone_power.cpu_ma(ticks, seconds, self._rate)
            radio = phone_power.radio_ma(radio_bytes, seconds, kind)
            lit = awake and guest is self._foreground() and guest.state is GuestState.RUNNING
            panel = phone_power.PANEL_MA if lit else 0.0
            meter.blend(weight, cpu, panel, radio)
            meter.mah += (cpu + panel + radio) * seconds / phone_power.SECONDS_PER_HOUR
            drawn += cpu + panel + radio
        self._base_ma += weight * (base - self._base_ma)
        self._base_mah += base * seconds / phone_power.SECONDS_PER_HOUR
        self._phone.drawn(drawn, seconds)

    def _worked(self, guest: Consumer) -> tuple[int, float, int]:
        """Instructions, seconds of its own time, bytes over the air."""
        head = guest.status.head()
        counters = guest.network.state.counters if guest.network is not None else None
        radio_bytes = counters.sent_bytes + counters.received_bytes if counters is not None else 0
        meter = self._meters.setdefault(guest, _Meter(head.ticks, head.clock_ns, radio_bytes))
        ticks = max(head.ticks - meter.ticks, 0)
        seconds = min(max(head.clock_ns - meter.clock_ns, 0) / 1e9, _SECONDS_MOST)
        sent = max(radio_bytes - meter.radio_bytes, 0)
        meter.ticks, meter.clock_ns, meter.radio_bytes = head.ticks, head.clock_ns, radio_bytes
        return ticks, seconds, sent

    def now(self) -> PowerNow:
        meters = {guest: meter for guest in self._guests() if (meter := self._meters.get(guest))}
        all_mah = sum(meter.mah for meter in meters.values()) or 1.0
        drawn = self._base_ma + sum(meter.ma for meter in meters.values())
        battery = self._phone.battery
        left = None
        if not battery.plugged and drawn > 0:
            left = battery.level / 100 * battery.capacity_mah / drawn
        return PowerNow(
            level=battery.level,
            capacity_mah=battery.capacity_mah,
            plugged=battery.plugged,
            draining=self._phone.draining,
            ma=drawn,
            base_ma=self._base_ma,
            base_mah=self._base_mah,
            hours_left=left,
            low=self.low,
            is_low=self._is_at(self.low.percent),
            guests=[
                GuestPower(
                    guest=guest.id,
                    name=guest.name,
                    ma=meter.ma,
                    cpu_ma=meter.cpu_ma,
                    panel_ma=meter.panel_ma,
                    radio_ma=meter.radio_ma,
                    mah=meter.mah,
                    share=meter.mah / all_mah,
                    throttled_mips=0 if guest is self._foreground() else self.background_mips(guest),
                )
                for guest, meter in meters.items()
            ],
        )
