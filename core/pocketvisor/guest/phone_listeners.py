"""Who listens to the phone that a guest is on: the same hear the next one when the guest moves."""

from dataclasses import dataclass

from pocketvisor.guest.listeners import Callback, Unsubscribe
from pocketvisor.phone import Phone


@dataclass(eq=False)
class _Listener:
    event: str
    callback: Callback
    unsubscribe: Unsubscribe


class PhoneListeners:
    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._listeners: list[_Listener] = []

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        listener = _Listener(event, callback, self._phone.on(event, callback))
        self._listeners.append(listener)

        def forget() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                listener.unsubscribe()

        return forget

    def move_to(self, phone: Phone) -> None:
        """They are told of what is another way there."""
        before, self._phone = self._phone, phone
        for listener in self._listeners:
            listener.unsubscribe()
            listener.unsubscribe = phone.on(listener.event, listener.callback)
        for listener in tuple(self._listeners):
            was, now = (getattr(one, listener.event, one.state) for one in (before, phone))
            if was != now:
                listener.callback(now)
