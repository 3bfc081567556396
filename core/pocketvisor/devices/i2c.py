"""Chips on an I2C bus, and the SMBus alert that lets one of them ask to be looked at.

A transfer is a start, a byte with the chip's address and direction, bytes, and either another start or a
stop; a chip sees what is addressed to it. Left out: clock stretching, arbitration between masters, 10-bit
addresses and packet error codes.
"""

import copy
from typing import Any, Generic, TypeVar

from msgspec import Struct

from pocketvisor.devices.device import State, from_plain, plain

ALERT_RESPONSE = 0x0C
"""Where every master asks which chip has raised the alert (SMBus 2.0, appendix A)."""

S = TypeVar("S", bound=Struct)


class I2cChip(Generic[S]):
    """All of a chip's state is in `state`; the one it is made with is that at power on."""

    name = ""
    address = 0

    def __init__(self, state: S) -> None:
        self.state = state
        self._power_on = copy.deepcopy(state)

    def start(self, reading: bool) -> bool:
        """It was addressed; False where it does not answer."""
        return True

    def write(self, value: int) -> bool:
        """A byte to the chip; False where it is not acknowledged."""
        return False

    def read(self) -> int:
        """The next byte from the chip."""
        return 0xFF

    def event(self, payload: bytes) -> None:
        """Something from outside, at its logged tick."""

    @property
    def alerting(self) -> bool:
        return False

    def alert_answered(self) -> None:
        """The master has heard which chip it was."""

    def save(self) -> State:
        return plain(self.state)

    def parsed(self, state: object) -> S:
        """A state to take over. Raises ValueError."""
        return from_plain(state, type(self._power_on))


class I2cBus:
    """The chips by address. It remembers nothing: whoever drives it says which chip is being spoken to."""

    def __init__(self, *chips: I2cChip[Any]) -> None:
        self.chips = {chip.name: chip for chip in chips}
        self._by_address = {chip.address: chip for chip in chips}
        if len(self._by_address) != len(chips) or len(self.chips) != len(chips):
            raise ValueError("two chips have one name or address")

    @property
    def alerting(self) -> bool:
        return any(chip.alerting for chip in self.chips.values())

    def start(self, address: int, reading: bool) -> bool:
        """False where nobody answers at that address."""
        if address == ALERT_RESPONSE:
            return reading and self.alerting
        chip = self._by_address.get(address)
        return chip is not None and chip.start(reading)

    def write(self, address: int, value: int) -> bool:
        chip = self._by_address.get(address)
        return chip is not None and chip.write(value)

    def read(self, address: int) -> int:
        """0xff, the idle bus, where nobody drives it."""
        if address == ALERT_RESPONSE:
            return self._answer_alert()
        chip = self._by_address.get(address)
        return chip.read() & 0xFF if chip is not None else 0xFF

    def _answer_alert(self) -> int:
        """Of several that alert the lowest address wins."""
        for address, chip in sorted(self._by_address.items()):
            if chip.alerting:
                chip.alert_answered()
                return address << 1
        return 0xFF
