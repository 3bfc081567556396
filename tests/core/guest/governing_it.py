"""Somebody who governs guests that run: real keys, real time, and what he signs is delivered as by another
program, so that the guests notice by themselves."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pocketvisor.guest.guest import Guest
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.orders import Kind, new_order
from pocketvisor.policies.signing import DocumentKind, sign


class Authority:
    """IT: a key, and the numbers of what it has signed."""

    def __init__(self) -> None:
        self.key = AuthorityKey.new()
        self.number = 0

    def policy(self, profile: bytes, sections: str = "", header: str = "") -> bytes:
        self.number += 1
        text = (
            f'[policy]\nprofile = "{profile.hex()}"\nnumber = {self.number}\norganisation = "Acme"\n'
            f"issued = {_now():%Y-%m-%dT%H:%M:%SZ}\n{header}\n{sections}"
        )
        return sign(text, DocumentKind.POLICY, self.key)

    def order(self, profile: bytes, kind: Kind, reason: str = "") -> bytes:
        self.number += 1
        now = _now()
        return new_order(kind, profile, self.number, now, now + timedelta(hours=1), self.key, reason)


def _now() -> datetime:
    return datetime.now(UTC)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def apply(guest: Guest, document: bytes) -> None:
    assert guest.profile is not None
    await asyncio.to_thread(deliver, document, guest.profile.file.id, file=guest.profile.file)


async def govern(guest: Guest, document: bytes) -> None:
    assert guest.profile is not None
    await apply(guest, document)
    await until(lambda: guest.governed is not None)
