"""Whether a handset can keep what its guests are promised: reservations never exceed what its CPU does."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import structs

from pocketvisor.errors import AdmissionError
from pocketvisor.scheduler.qos import Qos


class Promised(Protocol):
    @property
    def qos(self) -> Qos: ...


def reserved_mips(guests: Iterable[Promised]) -> int:
    return sum(guest.qos.reservation for guest in guests)


def check(handset: str, total_mips: int, others: Iterable[Promised], wanted: Qos) -> None:
    """Raises AdmissionError where a guest cannot be promised that besides the others."""
    left = total_mips - reserved_mips(others)
    if wanted.reservation > max(left, 0):
        raise AdmissionError(
            f"{handset} has {max(left, 0)} of its {total_mips} MIPS left to reserve, not {wanted.reservation}"
        )


def fitting(total_mips: int, others: Iterable[Promised], wanted: Qos) -> Qos:
    """As much of it as can be promised there: for a guest that comes from elsewhere."""
    left = max(total_mips - reserved_mips(others), 0)
    return structs.replace(wanted, reservation=min(wanted.reservation, left, wanted.limit or left))
