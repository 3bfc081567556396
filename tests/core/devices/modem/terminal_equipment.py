"""What sits at the other end of a modem's line: asks, and reads what comes by itself."""

from pocketvisor.devices.modem.engine import AtModem
from pocketvisor.devices.modem.state import Order, Report


class Terminal:
    def __init__(self) -> None:
        self.time = 1_767_225_600.0  # the first second of 2026
        self.reports: list[Report] = []
        self.modem = AtModem(lambda: self.time, self.reports.append)

    def ask(self, text: str, ending: bytes = b"\r") -> list[str]:
        """The lines of the answer, empty ones left out."""
        self.modem.feed(text.encode("latin-1") + ending)
        return self.heard()

    def heard(self) -> list[str]:
        """What has come since, line by line."""
        return [line for line in self.modem.take(1 << 20).decode("latin-1").split("\r\n") if line]

    def happens(self, order: Order) -> list[str]:
        self.modem.hear(order)
        return self.heard()

    def wait(self, seconds: float) -> list[str]:
        self.time += seconds
        self.modem.tick()
        return self.heard()
