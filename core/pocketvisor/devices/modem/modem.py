"""What a modem's commands work on: its state, and the ways to answer (ITU-T V.250, 5.7)."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from pocketvisor.devices.modem.replies import NUMERIC
from pocketvisor.devices.modem.state import ASKS_MAX, OUTPUT_MAX, ModemState, Report

_RETURN = 13
_ASK_SECONDS = 20.0


class Identity(Struct, frozen=True):
    """What the modem says of itself. The numbers are those set aside for tests."""

    maker: str = "Pocketvisor"
    model: str = "Handset"
    revision: str = "1"
    imei: str = "004999010640000"
    imsi: str = "001010123456789"
    card: str = "8900101234567890123"
    number: str = "+12025550123"


class Modem:
    """`now`: seconds since 1970 by the guest's clock. `report` takes what the handset should hear."""

    def __init__(
        self,
        now: Callable[[], float],
        report: Callable[[Report], None],
        commands: Sequence[str] = (),
        identity: Identity | None = None,
    ) -> None:
        self.commands = commands
        self.identity = identity or Identity()
        self.now = now
        self.report = report
        self.state = ModemState()

    def network_takes(self) -> bool:
        """Whether the network does one thing more for this guest: it has a limit, as real ones have."""
        now = self.now()
        recent = [at for at in self.state.asked_at if now - _ASK_SECONDS < at <= now]
        if len(recent) >= ASKS_MAX:
            return False
        self.state.asked_at = [*recent, now]
        return True

    def put(self, data: bytes) -> None:
        """What the guest does not take is bounded, the newest lost."""
        room = OUTPUT_MAX - len(self.state.output)
        self.state.lost += max(0, len(data) - room)
        self.state.output += data[:room]

    def line(self, text: str) -> None:
        """A line of information in an answer."""
        self.put(self.encode(f"\r\n{text}\r\n" if self.state.verbose else f"{text}\r\n"))

    def unasked(self, text: str) -> None:
        """An unsolicited result: always in words, whatever else the guest has set."""
        if not self.state.quiet:
            self.put(self.encode(f"\r\n{text}\r\n"))

    def result(self, text: str) -> None:
        """The end of an answer, or a call's result."""
        if self.state.quiet:
            return
        if self.state.verbose:
            self.put(f"\r\n{text}\r\n".encode())
        else:
            self.put(f"{NUMERIC.get(text, text)}\r".encode())

    def encode(self, text: str) -> bytes:
        return text.encode("utf-8" if self.state.charset == "UTF-8" else "latin-1", "replace")

    def echo(self, data: bytes) -> None:
        if self.state.echo:
            self.put(data)

    def echo_typed(self, octet: int) -> None:
        """A character of a text that is being typed."""
        self.echo(b"\r\n" if octet == _RETURN else bytes((octet,)))
