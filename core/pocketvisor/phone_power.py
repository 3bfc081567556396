"""A simple model of what a handset takes from its battery, for whoever wants the level to follow the load.

    current = IDLE + PANEL + CPU * instructions / (what the CPU could have done in that time)

The three are milliamperes, typical of a phone of about 2010: radio and memory in standby, a panel at half its
brightness, a CPU of one core at full load. Time is that of the guest that was awake longest, so that a
handset whose guests are all paused takes nothing. A charger gives half the capacity an hour, and carries
the load besides. Left out: the radio's transmissions, the panel's content, temperature, and ageing.
"""

from typing import Final

from msgspec import structs

from pocketvisor.devices.phone_state import BatteryState

IDLE_MA: Final = 8.0
PANEL_MA: Final = 110.0
CPU_MA: Final = 250.0
_SECONDS_PER_HOUR: Final = 3600.0


def drawn_ma(instructions: int, seconds: float, rate: int) -> float:
    """What the handset took on the average; rate: instructions a second that its CPU could have done."""
    if seconds <= 0:
        return 0.0
    load = min(instructions / (rate * seconds), 1.0)
    return IDLE_MA + PANEL_MA + CPU_MA * load


def after(battery: BatteryState, instructions: int, seconds: float, rate: int) -> BatteryState:
    """The battery when that has been done."""
    if seconds <= 0:
        return battery
    current = battery.capacity_mah / 2 if battery.plugged else -drawn_ma(instructions, seconds, rate)
    charge = current * seconds / _SECONDS_PER_HOUR
    level = min(max(battery.level + 100.0 * charge / battery.capacity_mah, 0.0), 100.0)
    return structs.replace(battery, level=level, milliamps=round(current))
