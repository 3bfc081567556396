"""Handsets under test, for tests that are coroutines. blocking.py has the same for all others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pocketvisor.errors import ModelError
from pocketvisor.handset import Handset
from pocketvisor.models import HandsetModel, load_models
from pocketvisor.phone import Phone
from pocketvisor.testing.guests import AsyncGuest
from pocketvisor.testing.images import resolve
from pocketvisor.testing.settings import Settings
from pocketvisor.testing.snapshots import Snapshot


class AsyncHandset:
    """One handset under test."""

    def __init__(self, model: HandsetModel, settings: Settings, name: str | None = None) -> None:
        self.api = Handset(model, name)
        self.guests: list[AsyncGuest] = []
        self._settings = settings
        self._snapshots: list[Snapshot] = []

    @property
    def model(self) -> HandsetModel:
        return self.api.model

    @property
    def phone(self) -> Phone:
        """Its battery, place, orientation and signal, for guests that are started with phone=True."""
        return self.api.phone

    async def start(self, image: object = None, **words: Any) -> AsyncGuest:
        """Start a guest: a name of the catalogue, or elf=, kernel= (initrd=, dtb=, append=) or firmware=; or
        profile=, a .vphone that it goes on from (generation=, passphrase=), and that stays as it is.

        Further words are those of RunOptions (ram_mib, rate, deterministic, record, ...) and `name`.
        """
        merged = _merged(self._settings.start, {"image": image, **words})
        if "profile" in merged:
            snapshot = Snapshot(self._settings.root, merged)
            self._snapshots.append(snapshot)
            guest = AsyncGuest(await snapshot.start(self.api), self._settings)
            self.guests.append(guest)
            return guest
        found, options, name = resolve(self._settings.root, merged)
        guest = AsyncGuest(await self.api.start(found, name=name, options=options), self._settings)
        self.guests.append(guest)
        return guest

    @property
    def foreground(self) -> AsyncGuest | None:
        """The guest that holds the phone's panel, touch and keys."""
        return next((guest for guest in self.guests if guest.api is self.api.foreground), None)

    def set_foreground(self, guest: AsyncGuest) -> None:
        self.api.set_foreground(guest.api)

    def next_foreground(self) -> None:
        self.api.next_foreground()

    async def remove(self, guest: AsyncGuest) -> None:
        """Take a guest off the handset."""
        await self.api.remove(guest.api)
        self.guests.remove(guest)

    async def close(self) -> None:
        """End all guests."""
        await self.api.close()
        while self._snapshots:
            self._snapshots.pop().close()


def _merged(usual: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What the test says goes before what its marker says; another image is without the marker's files."""
    given = {word: value for word, value in given.items() if value is not None}
    sources = {"image", "elf", "kernel", "firmware", "profile"}
    if sources & given.keys():
        other = sources | {"initrd", "dtb", "append", "generation", "passphrase"}
        usual = {word: value for word, value in usual.items() if word not in other}
    return {**usual, **given}


def find_model(name: str) -> HandsetModel:
    """A shipped model or the user's, by id; ModelError names those that there are."""
    models = load_models(on_problem=lambda problem: None)
    if name not in models:
        raise ModelError(f"There is no handset model '{name}'; there are {', '.join(models)}")
    return models[name]


@asynccontextmanager
async def open_handset(settings: Settings, model: str | None = None) -> AsyncIterator[AsyncHandset]:
    """A handset for the length of an async with block."""
    handset = AsyncHandset(find_model(model or settings.model), settings)
    try:
        yield handset
    finally:
        await handset.close()
