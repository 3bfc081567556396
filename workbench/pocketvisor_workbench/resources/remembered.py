"""How each phone shares out what it has, remembered from one start of the workbench to the next: the boost of
the foreground, the response time, what a low battery leaves the background, and whether memory is shared.

It is the phone's on this bench, by its name, and not its guests': those have their shares in their profiles,
and take them along. What stands as it does on a new phone is not kept.
"""

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Struct
from PySide6.QtCore import QObject

from pocketvisor.control.power_calls import LowBattery
from pocketvisor.errors import PocketvisorError
from pocketvisor.scheduler.qos import BOOST_MOST, RESPONSE_LEAST_MS, RESPONSE_MOST_MS

if TYPE_CHECKING:
    from pocketvisor.api import Handset
    from pocketvisor_workbench.session import Session
    from pocketvisor_workbench.settings import Settings

_KEY: Final = "phones"
PHONES_MOST: Final = 64
"""The one that was not changed for longest goes."""


class PhoneSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    boost: Annotated[float, Meta(ge=1, le=BOOST_MOST)] = 1.0
    response_ms: Annotated[float, Meta(ge=RESPONSE_LEAST_MS, le=RESPONSE_MOST_MS)] | None = None
    low: LowBattery = LowBattery()
    share: bool = True

    @classmethod
    def of(cls, handset: "Handset") -> "PhoneSettings":
        return cls(
            boost=handset.scheduler.boost,
            response_ms=handset.scheduler.response.target_ms,
            low=handset.power.low,
            share=handset.memory.share,
        )


class Remembered(QObject):
    """A session's, for as long as that is."""

    def __init__(self, session: "Session", settings: "Settings") -> None:
        super().__init__(session)
        self._session, self._settings = session, settings
        self._phones = _read(settings.text(_KEY))
        session.handset_added.connect(self._give)
        session.handset_removed.connect(self._take)
        session.changed.connect(self._look)

    def _give(self, handset: "Handset") -> None:
        """Before it has a guest."""
        known = self._phones.get(handset.name)
        if known is None:
            return
        try:
            handset.scheduler.set_boost(known.boost)
            handset.scheduler.set_response(known.response_ms)
            handset.power.set_low(percent=known.low.percent, background_mips=known.low.background_mips)
        except PocketvisorError as error:  # somebody has edited the file
            self._session.log.error(error, handset.name)
        if not known.share:
            self._session.run(
                f"Share no memory on {handset.name}", lambda _: handset.memory.set_share(False), shown=False
            )

    def _look(self) -> None:
        for handset in self._session.handsets:
            self._take(handset)

    def _take(self, handset: "Handset") -> None:
        now = PhoneSettings.of(handset)
        if now == self._phones.get(handset.name, PhoneSettings()):
            return
        self._phones.pop(handset.name, None)
        if now != PhoneSettings():
            self._phones[handset.name] = now
        while len(self._phones) > PHONES_MOST:
            del self._phones[next(iter(self._phones))]
        self._settings.set(_KEY, msgspec.json.encode(self._phones).decode())
        self._settings.save()


def _read(text: str) -> dict[str, PhoneSettings]:
    """A file that was edited, or cut, is one that says nothing."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, PhoneSettings])
    except (msgspec.DecodeError, UnicodeError):
        return {}
