"""A guest's modem as its handset sees it: messages and calls from the far end, and what the guest does."""

from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import Struct

from pocketvisor.board.config import ModemConfig
from pocketvisor.devices.modem.state import (
    HOME,
    Answered,
    CallEnded,
    Charge,
    Dialled,
    FarAnswers,
    FarHangsUp,
    IncomingCall,
    IncomingMessage,
    MessageLost,
    MessageSent,
    Network,
    Order,
    Report,
)
from pocketvisor.devices.phone_state import PhoneState
from pocketvisor.errors import GuestError
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import GuestState

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_SEARCHING: Final = 2
_SENT_MAX: Final = 100
_PARTS_MAX: Final = 200
_TEXT_MAX: Final = 2000
_SHOWN: Final = 60

CallState = Literal["ringing", "dialled", "active"]


class SentMessage(Struct, frozen=True):
    """A text that the guest has sent, put together from its parts."""

    number: str
    text: str


class PhoneCall(Struct, frozen=True):
    """outgoing: the guest called."""

    number: str
    state: CallState
    outgoing: bool


def modem_config(phone: PhoneState) -> ModemConfig:
    """What a modem knows of a handset."""
    return ModemConfig(network=network(phone), charge=charge(phone))


def network(phone: PhoneState) -> Network:
    signal = phone.signal.csq
    return Network(signal=signal, registration=HOME if signal != 99 else _SEARCHING)


def charge(phone: PhoneState) -> Charge:
    return Charge(percent=round(phone.battery.level), charging=phone.battery.plugged)


class Modem:
    """Events: "sms" (SentMessage: the guest sent it), "call" (PhoneCall or None: what became of the call).

    It belongs to a guest's console device, which hands it what that tells."""

    def __init__(self, guest: "Guest") -> None:
        self._guest = guest
        self._listeners = Listeners("sms", "call")
        self._parts: dict[tuple[str, int, int], dict[int, str]] = {}
        self.sent: list[SentMessage] = []
        """The last ones, oldest first."""
        self.current: PhoneCall | None = None

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    def receive_sms(self, number: str, text: str) -> None:
        """A message comes from `number`, which may be a name. Raises GuestError."""
        if not number or len(number) > 20 or len(text) > _TEXT_MAX:
            raise GuestError(f"A message has a number (up to 20 characters) and a text (up to {_TEXT_MAX})")
        self._say(IncomingMessage(number, text))

    def call(self, number: str) -> None:
        """Somebody calls the guest, and lets it ring for a minute. Raises GuestError."""
        if not any(character.isdigit() for character in number) or len(number) > 40:
            raise GuestError(f"'{number}' is no number that could call")
        if self.current is not None:
            raise GuestError(f"{self._guest.name} is on the phone with {self.current.number} already")
        self._say(IncomingCall(number))
        self._set_call(PhoneCall(number, "ringing", False))

    def answer(self) -> None:
        """Whom the guest has called picks up. Raises GuestError."""
        if self.current is None or not self.current.outgoing or self.current.state != "dialled":
            raise GuestError(f"{self._guest.name} is calling nobody who could answer")
        self._say(FarAnswers())

    def hang_up(self) -> None:
        """The far end ends the call, whoever began it. Raises GuestError."""
        if self.current is None:
            raise GuestError(f"{self._guest.name} is not on the phone")
        self._say(FarHangsUp())

    def heard(self, data: bytes) -> None:
        """What the guest's process tells. It is not believed to be small or well-formed."""
        try:
            report: Report = msgspec.msgpack.decode(data, type=Report)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        match report:
            case MessageSent():
                self._message_sent(report)
            case Dialled(number):
                self._note(f"calls {number}")
                self._set_call(PhoneCall(number, "dialled", True))
            case Answered(number, by):
                self._note(f"takes the call of {number}" if by == "guest" else f"is answered by {number}")
                self._set_call(PhoneCall(number, "active", by == "far"))
            case CallEnded(number, by):
                self._call_ended(number, by)
            case MessageLost(number):
                self._note(f"has no room for a message of {number}, and it was lost")

    def begun(self) -> None:
        """A run begins, or goes on after a restore: what changed meanwhile has not reached it."""
        phone = self._guest.handset.phone.state
        self.tell(network(phone))
        self.tell(charge(phone))

    def ended(self) -> None:
        """A run has ended, and the call with it."""
        self._parts.clear()
        if self.current is not None:
            self._set_call(None)

    def tell(self, order: Order) -> None:
        self._guest.tell("console", order)

    def _say(self, order: Order) -> None:
        if self._guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            raise GuestError(f"{self._guest.name} is {self._guest.state.value}")
        self.tell(order)

    def _message_sent(self, report: MessageSent) -> None:
        if report.count > 1:
            key = (report.number, report.reference, report.count)
            parts = self._parts.setdefault(key, {})
            parts[report.part] = report.text
            if len(self._parts) > _PARTS_MAX:
                del self._parts[next(iter(self._parts))]
            if sorted(parts) != list(range(1, report.count + 1)):
                return
            self._parts.pop(key, None)
            text = "".join(parts[number] for number in sorted(parts))
        else:
            text = report.text
        message = SentMessage(report.number, text)
        self.sent = [*self.sent, message][-_SENT_MAX:]
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        self._note(f"sends {report.number} a message: {shown!r}")
        self._listeners.emit("sms", message)

    def _call_ended(self, number: str, by: str) -> None:
        how = {
            "guest": f"ends the call with {number}",
            "far": f"is hung up on by {number}",
            "nobody": f"did not take the call of {number}",
            "network": f"cannot be reached by {number}",
        }[by]
        self._note(how)
        if self.current is not None and (by != "network" or self.current.state == "ringing"):
            self._set_call(None)

    def _set_call(self, call: PhoneCall | None) -> None:
        self.current = call
        self._listeners.emit("call", call)

    def _note(self, sentence: str) -> None:
        self._guest.run_note(sentence)
