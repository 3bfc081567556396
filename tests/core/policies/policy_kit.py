"""Policies, orders and clocks for tests: everything real but the time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pocketvisor.policies.applying import Applied, deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.orders import Kind, new_order
from pocketvisor.policies.signing import DocumentKind, sign
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
"""A Monday at noon."""


class HandClock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = int(START.timestamp()) * SECOND
        self.up = 1000 * SECOND
        self.booted = "boot 1"

    def wall_ns(self) -> int:
        return self.now

    def up_ns(self) -> int:
        return self.up

    def boot(self) -> str:
        return self.booted

    def passes(self, hours: float) -> None:
        self.now += int(hours * HOUR)
        self.up += int(hours * HOUR)

    def turned(self, hours: float) -> None:
        """By somebody: no time passes."""
        self.now += int(hours * HOUR)

    def restarts(self) -> None:
        self.booted += "'"
        self.up = 0


def policy_text(profile: bytes, number: int = 1, sections: str = "", header: str = "") -> str:
    issued = (START - timedelta(minutes=1)).isoformat()
    head = "" if "issued" in header else f"issued = {issued}\n"
    return (
        f'[policy]\nprofile = "{profile.hex()}"\nnumber = {number}\norganisation = "Acme"\n'
        f"{head}{header}\n{sections}\n"
    )


@dataclass
class IT:
    """Somebody who governs, with a key and a machine of their user's."""

    folder: Path
    key: AuthorityKey = field(default_factory=AuthorityKey.new)
    clock: Any = field(default_factory=HandClock)

    @property
    def store(self) -> GovernanceStore:
        return GovernanceStore(self.folder / "governance.sqlite", self.clock)

    def machine(self, name: str) -> "IT":
        """The same IT; another machine, which knows nothing."""
        folder = self.folder / name
        folder.mkdir()
        return IT(folder, self.key, self.clock)

    def profile(self, name: str = "work", keys: NewKeys | None = None) -> ProfileFile:
        return ProfileFile.create(self.folder / f"{name}.vphone", keys)

    def policy(self, profile: bytes, number: int = 1, sections: str = "", header: str = "") -> bytes:
        return sign(policy_text(profile, number, sections, header), DocumentKind.POLICY, self.key)

    def order(
        self,
        kind: Kind,
        profile: bytes,
        serial: int,
        reason: str = "",
        hours: float = 48,
        after: float = 0,
    ) -> bytes:
        """Good for so many hours; issued `after` hours from now."""
        now = datetime.fromtimestamp(self.clock.wall_ns() // SECOND, UTC) + timedelta(hours=after)
        return new_order(kind, profile, serial, now, now + timedelta(hours=hours), self.key, reason)

    def deliver(self, document: bytes, file: ProfileFile | None, profile: bytes = b"") -> list[Applied]:
        own = file.id if file is not None else profile
        return deliver(document, own, file=file, store=self.store, who="test")

    def governed(self, file: ProfileFile) -> Governed:
        found = Governed.of_file(file, store=self.store)
        assert found is not None
        return found

    def governs(self, file: ProfileFile, sections: str = "", number: int = 1, header: str = "") -> Governed:
        self.deliver(self.policy(file.id, number, sections, header), file)
        return self.governed(file)
