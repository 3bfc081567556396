"""A simple model of what a handset takes from its battery, for whoever wants the level to follow the load.

    current = IDLE + PANEL + CPU * instructions / (what the CPU could have done in that time) + radio * bytes

The first three are milliamperes, typical of a phone of about 2010: radio and memory in standby, a panel at
half its brightness, a CPU of one core at full load. A radio takes so much charge a kilobyte, by its kind, as
Balasubramanian, Balasubramanian and Venkataramani measured it ("Energy Consumption in Mobile Phones", 2009:
0.036, 0.025 and 0.007 J at 3.7 V), and at most RADIO_MA. A charger gives half the capacity an hour, and
carries the load besides. Left out: what a radio goes on taking after a transfer, its signal's strength, the
panel's content, temperature, and ageing.
"""

from typing import Final

from msgspec import structs

from pocketvisor.devices.phone_state import BatteryState

IDLE_MA: Final = 8.0
PANEL_MA: Final = 110.0
CPU_MA: Final = 250.0
RADIO_MA: Final = 300.0
_MAH_A_KB: Final = {"2G": 2.7e-3, "3G": 1.9e-3, "Wi-Fi": 0.53e-3}
SECONDS_PER_HOUR: Final = 3600.0


def cpu_ma(instructions: int, seconds: float, rate: int) -> float:
    """On the average; rate: instructions a second that the CPU could have done."""
    return CPU_MA * min(instructions / (rate * seconds), 1.0) if seconds > 0 else 0.0


def radio_ma(sent_and_received: int, seconds: float, kind: str) -> float:
    """On the average, of so many bytes over a network of that kind."""
    if seconds <= 0:
        return 0.0
    charge = _MAH_A_KB.get(kind, 0.0) * sent_and_received / 1000
    return min(charge * SECONDS_PER_HOUR / seconds, RADIO_MA)


def after(battery: BatteryState, drawn_ma: float, seconds: float) -> BatteryState:
    """The battery when so much was drawn for so long."""
    if seconds <= 0:
        return battery
    current = battery.capacity_mah / 2 if battery.plugged else -drawn_ma
    charge = current * seconds / SECONDS_PER_HOUR
    level = min(max(battery.level + 100.0 * charge / battery.capacity_mah, 0.0), 100.0)
    return structs.replace(battery, level=level, milliamps=round(current))
