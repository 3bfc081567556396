"""The records of leases on this machine, in the ledger: each change is durable when it returns.

Several processes may change records at once (a workbench, `receive`, a command): a change is worked out
again where another came between.
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from pocketvisor.errors import MigrationError
from pocketvisor.migration import lease
from pocketvisor.migration.lease import Record
from pocketvisor.profile.manifest import NO_LEASE, Lease, Manifest

_TRIES_MAX: Final = 100

_decoder = msgspec.msgpack.Decoder(Record)


class LeaseStore(Protocol):
    """What a Ledger has for this."""

    def lease(self, profile: bytes) -> bytes | None: ...

    def swap_lease(self, profile: bytes, expected: bytes | None, new: bytes | None) -> bool: ...

    def leases(self) -> dict[bytes, bytes]: ...


class Leases:
    """All calls block for some milliseconds: in a front end they belong into a thread."""

    def __init__(self, store: LeaseStore) -> None:
        self._store = store

    def get(self, profile: bytes) -> Record | None:
        return _read(self._store.lease(profile))

    def all(self) -> list[Record]:
        return [record for data in self._store.leases().values() if (record := _read(data)) is not None]

    def change(self, profile: bytes, step: Callable[[Record | None], Record | None]) -> Record | None:
        """The record as it is then. What the step raises changes nothing."""
        for _ in range(_TRIES_MAX):
            data = self._store.lease(profile)
            before = _read(data)
            after = step(before)
            if after == before:
                return after
            new = msgspec.msgpack.encode(after) if after is not None else None
            if self._store.swap_lease(profile, data, new):
                return after
        raise MigrationError("Other programs change the record of this phone all the time")

    def owner(self, profile: bytes, number: int = 0) -> Record:
        """The record of a phone that is to be run or moved from here, made where there is none: with the
        number of its last generation. Raises MigrationError where it is not this machine's."""
        record = self.change(profile, lambda record: record or lease.owned(profile, number))
        assert record is not None
        if sentence := lease.why_not(record, "The phone"):
            raise MigrationError(sentence)
        return record


def written_lease(leases: Leases, profile: bytes, before: Manifest | None) -> Lease:
    """What a new generation says of it, for a machine that has no record of the phone. The number alone: who
    holds it is not for everybody to read."""
    record = leases.get(profile)
    numbers = (record.number if record is not None else 0, before.lease.number if before is not None else 0)
    return Lease(max(numbers), NO_LEASE.holder)


def _read(data: bytes | None) -> Record | None:
    if data is None:
        return None
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MigrationError(f"The record of whose a phone is makes no sense: {error}") from error
