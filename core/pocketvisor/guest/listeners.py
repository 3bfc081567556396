"""Callbacks by event's name. A callback that fails is logged and the others are called all the same."""

import logging
from collections.abc import Callable
from typing import Any

_log = logging.getLogger(__name__)

Callback = Callable[..., None]
Unsubscribe = Callable[[], None]


class Listeners:
    def __init__(self, *events: str) -> None:
        self._callbacks: dict[str, list[Callback]] = {event: [] for event in events}

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        callbacks = self._callbacks[event]
        callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return unsubscribe

    def has(self, event: str) -> bool:
        return bool(self._callbacks[event])

    def emit(self, event: str, *arguments: Any) -> None:
        for callback in tuple(self._callbacks[event]):
            try:
                callback(*arguments)
            except Exception:
                _log.exception("A listener of '%s' failed", event)
