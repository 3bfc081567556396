"""Generations over a link: of each, the chunks that the other side has not got.

Left out: whose the phone is then (departure.py).
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from pocketvisor.errors import MigrationError
from pocketvisor.migration import messages
from pocketvisor.migration.link import Link
from pocketvisor.profile.file import ProfileFile
from pocketvisor.to_the_end import in_thread

_RATE_SECONDS: Final = 2.0


class MoveProgress(Struct, kw_only=True):
    """How far a move is; `fraction` is of the round that is under way."""

    words: str
    fraction: float | None = None
    round: int = 0
    sent_bytes: int = 0
    rate: float = 0.0
    """Bytes a second, over the last two."""


class Meter:
    """Bytes and their rate."""

    def __init__(self) -> None:
        self.bytes = 0
        self._began = time.monotonic()
        self._marks: list[tuple[float, int]] = [(self._began, 0)]

    def add(self, count: int) -> None:
        self.bytes += count
        now = time.monotonic()
        self._marks.append((now, self.bytes))
        while len(self._marks) > 2 and self._marks[1][0] < now - _RATE_SECONDS:
            self._marks.pop(0)

    @property
    def rate(self) -> float:
        (first, before), (last, now) = self._marks[0], self._marks[-1]
        return (now - before) / (last - first) if last - first > 1e-3 else 0.0


class Sender:
    """Sends rounds. What was sent or found there once is not asked about again."""

    def __init__(self, link: Link, file: ProfileFile, report: Callable[[MoveProgress], None]) -> None:
        self._link = link
        self._file = file
        self._report = report
        self._there: set[bytes] = set()
        self.meter = Meter()
        self.rounds = 0

    async def send(self, number: int, words: str, *, last: bool = False, runs: bool = True) -> int:
        """One generation; it is durable there when this returns. The bytes of its chunks that went over."""
        self.rounds += 1
        raw = await in_thread(self._file.raw_manifest, number)
        manifest = msgspec.msgpack.encode(raw)
        if len(manifest) > messages.MANIFEST_MAX:
            raise MigrationError(f"Generation {number} is too large to be moved")
        self._link.send(messages.Round(number, manifest, last, runs))
        wanted = list(await in_thread(self._file.chunk_ids, number) - self._there)
        before = self.meter.bytes
        for at in range(0, len(wanted), messages.IDS_MAX):
            some = wanted[at : at + messages.IDS_MAX]
            missing = await self._missing(some)
            sent = 0
            while sent < len(missing):
                bodies = await in_thread(self._some, missing[sent:])
                self._link.send(messages.Chunks(bodies))
                await self._link.drained()
                sent += len(bodies)
                self.meter.add(sum(map(len, bodies)))
                self._tell(words, (at + len(some) * sent / len(missing)) / len(wanted))
        self._link.send(messages.EndRound())
        await self._link.receive(messages.RoundDone)
        self._there.update(wanted)
        self._tell(words, 1.0)
        return self.meter.bytes - before

    async def _missing(self, ids: list[bytes]) -> list[bytes]:
        self._link.send(messages.Have(b"".join(ids)))
        answer = await self._link.receive(messages.Missing)
        bits = int.from_bytes(answer.bits, "little")
        if bits >> len(ids):
            raise MigrationError("The other machine asks for chunks that there are not")
        return [own for at, own in enumerate(ids) if bits >> at & 1]

    def _some(self, ids: list[bytes]) -> list[bytes]:
        """The first of them, as many as make a message."""
        bodies: list[bytes] = []
        size = 0
        for own in ids:
            if size >= messages.CHUNKS_BYTES:
                break
            bodies.append(self._file.raw_chunk(own))
            size += len(bodies[-1])
        return bodies

    def _tell(self, words: str, fraction: float) -> None:
        meter = self.meter
        self._report(
            MoveProgress(
                words=words, fraction=fraction, round=self.rounds, sent_bytes=meter.bytes, rate=meter.rate
            )
        )
