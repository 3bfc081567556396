"""A handset's one clipboard, which its guests and the user's own computer copy text to and paste from.

What is copied in a guest goes here where the guest's policy lets text out, and what is here comes into a
guest where its policy lets text in; the computer's own clipboard counts as outside. Whether a text may leave
where it was copied is asked again when it is pasted. Left out: pictures and files.
"""

import time
from typing import TYPE_CHECKING

from pocketvisor.errors import GuestError
from pocketvisor.guest.clipboard_wire import problem
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class PhoneClipboard:
    """A handset's. Event: "changed"."""

    def __init__(self) -> None:
        self._listeners = Listeners("changed")
        self._text = ""
        self._source: Guest | None = None
        self.changed_at = 0.0
        """By time.monotonic()."""
        self.origin = ""
        """The guest that it was copied in, by name; empty where it comes from outside, or there is none."""

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    @property
    def text(self) -> str:
        """What is on it; nothing where its origin does not let it out any more."""
        return "" if self.withheld else self._text

    @property
    def withheld(self) -> str:
        """Why what was copied is not to be had now, for its origin's sake; empty if it is."""
        source = self._source
        return source.allows(Act.COPY_OUT) if source is not None else ""

    @property
    def source(self) -> "Guest | None":
        return self._source

    def put(self, text: str) -> None:
        """From outside. Raises GuestError for what no clipboard takes."""
        if sentence := problem(text):
            raise GuestError(sentence)
        self._set(text, None)

    def clear(self) -> None:
        self._set("", None)

    def why_not(self, guest: "Guest") -> str:
        """Why the guest may not paste what is here; empty if it may. Nothing is written to the audit log."""
        if guest is self._source:
            return ""
        return self.withheld or guest.allows(Act.COPY_IN)

    def take(self, guest: "Guest") -> str:
        """For the guest, which pastes it. Raises Refused."""
        if guest is not self._source:
            if self._source is not None:
                self._source.check(Act.COPY_OUT)
            guest.check(Act.COPY_IN)
        return self._text

    def copied(self, guest: "Guest", text: str) -> None:
        """By the guest's user. Raises Refused."""
        guest.check(Act.COPY_OUT)
        self._set(text, guest)

    def left(self, guest: "Guest") -> None:
        """A guest is on its handset no longer: what somebody governs goes with it."""
        if guest is self._source:
            if guest.governed is not None:
                self.clear()
            else:
                self._source = None

    def _set(self, text: str, source: "Guest | None") -> None:
        self._text, self._source = text, source
        self.changed_at = time.monotonic()
        self.origin = source.name if source is not None else ""
        self._listeners.emit("changed")
