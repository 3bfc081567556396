"""A generation on its way into the file: two threads hash and compress its chunks, the caller's writes them.

The interpreter's lock is held for microseconds at a time: hashing, compressing and SQLite let go of it.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from pocketvisor.errors import ProfileError
from pocketvisor.profile.manifest import NO_LEASE, Kind, Lease
from pocketvisor.profile.packing import pack
from pocketvisor.profile.sealing import Buffer, Sealer
from pocketvisor.profile.tree import (
    CHUNK_MAX,
    CHUNK_MIN,
    FANOUT,
    HOLE,
    ID_SIZE,
    Space,
    SpaceReader,
    node_count,
)
from pocketvisor.profile.writing import ChunkWriter

if TYPE_CHECKING:
    from pocketvisor.profile.file import Generation, ProfileFile

THREADS: Final = 2
AHEAD: Final = 12
_BATCH_BYTES: Final = 1 << 20

Progress = Callable[[str, float | None], None]
_Packed = list[tuple[int, bytes, bytes]]
"""(index, id, body); no body where the chunk is as before, or zeros."""


class SavingCancelled(ProfileError):
    """Somebody did not want the generation any more."""


class Saving:
    """Made by ProfileFile.begin(). Left without commit(), nothing has happened."""

    def __init__(self, file: "ProfileFile", parent: int, number: int, writer: ChunkWriter) -> None:
        self.parent = parent
        self.number = number
        """What the generation will have."""
        self.progress: Progress | None = None
        self._file = file
        self._sealer: Sealer = file.sealer
        self._writer = writer
        self._pool = ThreadPoolExecutor(THREADS, "profile", initializer=_be_nice)
        self._cancelled = threading.Event()
        self._over = False

    @property
    def added(self) -> int:
        """Bytes that the file has grown by, so far."""
        return self._writer.added

    def cancel(self) -> None:
        """From any thread: what is being done raises SavingCancelled."""
        self._cancelled.set()

    def space(
        self,
        name: str,
        size: int,
        chunk_size: int,
        previous: Space | None,
        changed: Iterable[int] | None,
        read: Callable[[int], Buffer],
    ) -> Space:
        """Writes the chunks of a space that are new.

        `changed`: indices, None for all; without a previous space of this size it is all, too. `read` gives a
        chunk's plain bytes and is called by two threads at a time; a chunk of zeros costs nothing, and an
        empty one stands for zeros. Raises ProfileError, and what `read` raises.
        """
        if chunk_size & (chunk_size - 1) or not CHUNK_MIN <= chunk_size <= CHUNK_MAX:
            raise ValueError(f"{chunk_size} is no size for chunks")
        count = -(-size // chunk_size)
        if previous is not None and (previous.size, previous.chunk_size) != (size, chunk_size):
            previous = None
        nodes = _Nodes(count, self._file.reader(previous) if previous is not None else None)
        if changed is None or previous is None:
            indices: Iterable[int] = range(count)
            total = count
        else:
            chosen = sorted(set(changed))
            indices, total = chosen, len(chosen)
            if chosen and not 0 <= chosen[0] <= chosen[-1] < count:
                raise ValueError(f"{name} has {count} chunks")
        blank = Space(name, size, chunk_size, (HOLE,) * node_count(size, chunk_size))

        zeros = bytes(chunk_size)

        def work(batch: list[int]) -> _Packed:
            packed: _Packed = []
            for index in batch:
                if self._cancelled.is_set():
                    break
                # A copy: what is hashed and what is compressed are the same bytes, whatever the guest does.
                plain = bytes(read(index))
                length = blank.chunk_length(index)
                if plain and len(plain) != length:
                    raise ValueError(f"{name}, chunk {index} has {len(plain)} bytes, not {length}")
                if not plain or plain == (zeros if length == chunk_size else zeros[:length]):
                    packed.append((index, HOLE, b""))
                    continue
                own = self._sealer.chunk_id(plain)
                before = nodes.before(index)
                packed.append((index, own, b"" if own == before else self._seal(own, plain)))
            return packed

        done = 0
        for packed in self._in_order(work, _batches(indices, max(1, _BATCH_BYTES // chunk_size))):
            self._writer.add((own, body) for _, own, body in packed if body)
            for index, own, _ in packed:
                nodes.put(index, own)
            done += len(packed)
            self._tell(f"Saving {name}", done / total if total else None)
        return Space(name, size, chunk_size, self._write_nodes(nodes, previous))

    def commit(
        self,
        *,
        name: str = "",
        kind: Kind,
        guest: bytes = b"",
        policy: bytes = b"",
        spaces: Iterable[Space],
        thumbnail: bytes = b"",
        board: int = 0,
        lease: Lease = NO_LEASE,
        created_ns: int | None = None,
    ) -> "Generation":
        """It is durable, and the main file alone is complete, when this returns. Raises ProfileError."""
        self._look()
        self._tell("Finishing", None)
        generation = self._file._commit(
            self,
            self._writer,
            name=name,
            kind=kind,
            guest=guest,
            policy=policy,
            spaces=tuple(spaces),
            thumbnail=thumbnail,
            board=board,
            lease=lease,
            created_ns=time.time_ns() if created_ns is None else created_ns,
        )
        self._end()
        return generation

    # --- inside

    def _seal(self, own: bytes, plain: Buffer) -> bytes:
        return self._sealer.seal(pack(plain), b"chunk\0" + own)

    def _in_order(
        self, work: Callable[[list[int]], _Packed], batches: Iterator[list[int]]
    ) -> Iterator[_Packed]:
        """The batches' results as they come in turn, with a few ahead: what waits for the disk is bounded."""
        running: deque[Future[_Packed]] = deque()
        try:
            for batch in batches:
                running.append(self._pool.submit(work, batch))
                if len(running) >= AHEAD:
                    yield running.popleft().result()
                    self._look()
            while running:
                yield running.popleft().result()
                self._look()
        finally:
            for future in running:
                future.cancel()

    def _write_nodes(self, nodes: "_Nodes", previous: Space | None) -> tuple[bytes, ...]:
        ids = list(previous.nodes) if previous is not None else [HOLE] * nodes.count
        for node, content in nodes.changed():
            if content == bytes(len(content)):  # any() takes a hundred times as long for them
                ids[node] = HOLE
                continue
            own = self._sealer.chunk_id(content)
            if own != ids[node]:
                self._writer.add([(own, self._seal(own, content))])
            ids[node] = own
        return tuple(ids)

    def _tell(self, words: str, fraction: float | None) -> None:
        if self.progress is not None:
            self.progress(words, fraction)

    def _look(self) -> None:
        if self._over:
            raise ProfileError("This save is over")
        if self._cancelled.is_set():
            raise SavingCancelled("The generation was not saved: it was cancelled")

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._pool.shutdown(cancel_futures=True)
            self._file._release(self._writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._over:
            self._cancelled.set()
            self._pool.shutdown(cancel_futures=True)
            self._writer.abandon()
            self._end()


class _Nodes:
    """The ids of a space's chunks as they were and as they become. before() is for any thread."""

    def __init__(self, chunks: int, reader: SpaceReader | None) -> None:
        self.count = -(-chunks // FANOUT)
        self._chunks = chunks
        self._reader = reader
        self._new: dict[int, bytearray] = {}

    def before(self, index: int) -> bytes | None:
        return self._reader.id(index) if self._reader is not None else None

    def put(self, index: int, own: bytes) -> None:
        node, place = divmod(index, FANOUT)
        ids = self._new.get(node)
        if ids is None:
            size = min(FANOUT, self._chunks - node * FANOUT) * ID_SIZE
            before = self._reader.node(node) if self._reader is not None else b""
            ids = self._new[node] = bytearray(before or bytes(size))
        ids[place * ID_SIZE : (place + 1) * ID_SIZE] = own

    def changed(self) -> Iterator[tuple[int, bytes]]:
        for node, ids in self._new.items():
            yield node, bytes(ids)


def _batches(indices: Iterable[int], size: int) -> Iterator[list[int]]:
    iterator = iter(indices)
    while batch := list(islice(iterator, size)):
        yield batch


def _be_nice() -> None:
    """The guests come first: on Linux, a thread has a niceness of its own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
