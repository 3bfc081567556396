"""virtio-blk (VIRTIO 1.1, chapter 5.2): a disk, or a drive whose medium the handset changes.

Reads and writes are done at once, on the host's page cache; a flush is offloaded, and what waits for one is
answered when everything written before is durable. A driver that did not take FLUSH has each write made so.
A request for what a lazy disk's loader has not brought yet is taken up again when that has come.
Work is bounded: after BUDGET bytes the rest waits for the next turn, and a larger request goes on there. What
the host's file cannot do is an I/O error to the guest and a word to the handset.

Left out: SCSI commands, secure erase, several queues, geometry, changing the cache's mode (CONFIG_WCE).
"""

import contextlib
import errno
import os
import select
import struct
import time
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices import disk_requests as requests
from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.disk_flushes import Flushes
from pocketvisor.devices.disk_requests import IO_ERROR, OK, UNSUPPORTED, Pieces, Refused, Request
from pocketvisor.devices.virtio import VirtioSlot, Windows, Write
from pocketvisor.devices.virtio_replay import Answered, Replayable
from pocketvisor.devices.virtqueue import F_INDIRECT, Chain
from pocketvisor.storage.files import SECTOR, FileStore, MissingStore, NotLoaded, ShortFile, Store
from pocketvisor.storage.lazy_store import LostChunk
from pocketvisor.storage.overlay import OverlayStore

F_SEG_MAX: Final = 1 << 2
F_RO: Final = 1 << 5
F_BLK_SIZE: Final = 1 << 6
F_FLUSH: Final = 1 << 9
F_TOPOLOGY: Final = 1 << 10
F_DISCARD: Final = 1 << 13
F_WRITE_ZEROES: Final = 1 << 14

QUEUE_SIZE: Final = 256
ID_SIZE: Final = 20

BATCH: Final = 256 << 10
"""Bytes read after which what is done goes to the guest, though more is waiting."""
STEP: Final = 1 << 20
"""Bytes of a request that are done at once; a larger one takes several steps."""
BUDGET: Final = 8 << 20
"""Bytes read or written in one turn, about."""
CHAINS: Final = 256
"""Requests in one turn."""

_CONFIG: Final = struct.Struct("<QIIHBBIBBHIB3xIIIIIB3x")
_STATUS: Final = (b"\0", b"\1", b"\2")
_NOTE_SECONDS: Final = 30.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_Unsigned32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
_Unsigned64 = Annotated[int, Meta(ge=0)]


class DiskTrouble(Struct, frozen=True):
    """To the handset: the host's file could not do what the guest asked. At most one of a kind in 30 s.

    kind: "full" (no room on the host's disk), "short" (the file has become shorter), "lost" (a flush failed,
    and none will succeed before the guest starts anew), "unloaded" (the profile it comes from does not give a
    part), or "failed"; detail: the host's words."""

    kind: str
    detail: str = ""


class Medium(Struct, frozen=True):
    """From the handset, with a descriptor: what is in the drive now. Without one, nothing is."""

    size: Annotated[int, Meta(ge=0, le=1 << 40, multiple_of=SECTOR)] = 0


class BlockState(Struct):
    """What is done and did not fit into the machine's queue of events: writes, used elements. What waits for
    a flush: heads of chains, and where their status goes."""

    writes: list[tuple[Annotated[int, Meta(ge=0)], Annotated[bytes, Meta(max_length=BATCH + STEP)]]] = []
    used: Annotated[list[tuple[_Unsigned32, _Unsigned32]], Meta(max_length=2 * QUEUE_SIZE)] = []
    flushes: Annotated[list[tuple[_Unsigned32, _Unsigned64]], Meta(max_length=2 * QUEUE_SIZE)] = []


class VirtioBlock(Replayable):
    device_id = 2
    queue_sizes: tuple[int, ...] = (QUEUE_SIZE,)
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, store: Store | None, serial: str = "", *, removable: bool = False) -> None:
        """No store: a drive without a medium. A removable medium is only read."""
        self._store = store
        self._serial = serial.encode("ascii", "replace")[:ID_SIZE].ljust(ID_SIZE, b"\0")
        self._removable = removable
        self._medium_fd = -1
        self._writable = store is not None and not store.read_only and not removable
        self._buffer = memoryview(bytearray(BATCH + STEP))
        self._through = False  # each write is flushed before it is answered
        self._done = 0  # bytes of the next request that are done already
        # What is done and not sent yet. The writes' bytes are in the buffer, filled up to _filled.
        self._writes: list[Write] = []
        self._used: list[tuple[int, int]] = []
        self._filled = 0
        self._flushes = Flushes(lambda: self._store, lambda: self.port.loop, self._flushed, self._trouble)
        self._loading: NotLoaded | None = None  # what the next request needs first
        self._told: dict[str, float] = {}
        self.features = F_SEG_MAX | F_BLK_SIZE | F_TOPOLOGY | F_INDIRECT
        self.features |= F_FLUSH | F_DISCARD | F_WRITE_ZEROES if self._writable else F_RO
        self.config = self._configuration()

    def activate(self) -> None:
        self._through = self._writable and not self.port.features & F_FLUSH
        self.kick(0)

    def deactivate(self) -> None:
        self._done = self._filled = 0
        self._writes, self._used = [], []
        self._flushes.forget()
        self._stop_loading()

    def control(self, data: bytes, fd: int | None) -> None:
        """A Medium: the drive's new one, or none. Raises ValueError where it makes no sense."""
        try:
            medium = msgspec.msgpack.decode(data, type=Medium)
            if not self._removable or (fd is None) != (medium.size == 0):
                raise ValueError("a disk stays where it is, and a medium has a size")
        except ValueError:  # msgspec's errors are of this kind
            if fd is not None:
                os.close(fd)
            raise
        if self._medium_fd >= 0:
            os.close(self._medium_fd)
        self._medium_fd, self._store = -1, None
        if fd is not None:
            self._medium_fd, self._store = fd, FileStore(fd, medium.size, read_only=True)
        self.config = self._configuration()
        self.port.configure(self.config)

    def save(self) -> State:
        """What was written is in the disk's files then, which are no part of the state. Nothing is made
        durable for it: that could take long. Who goes on from this state does so a little later, and does
        again the flushes that the guest waits for."""
        flushes = [(request.head, request.status) for request in self._flushes.unanswered]
        return plain(
            BlockState([(address, bytes(data)) for address, data in self._writes], self._used, flushes)
        )

    def restore(self, state: State) -> None:
        restored = from_plain(state, BlockState)
        self.deactivate()
        self._writes, self._used = [*restored.writes], restored.used
        for head, status in restored.flushes:
            self._flushes.add(Request(head, requests.FLUSH, 0, (), (), status))
        if self._writable:
            self._flushes.changed()

    # Captures and handing over, between two requests

    def begin_capture(self, shadow: int) -> None:
        """See OverlayStore; the descriptor stays the caller's. A disk that is only read needs none."""
        if isinstance(self._store, OverlayStore):
            self._store.begin_capture(shadow)
        elif self._writable:
            raise ValueError("what a guest writes to an image directly is not kept beside it")

    def end_capture(self) -> None:
        if isinstance(self._store, OverlayStore):
            self._store.end_capture()

    def hand_over(self) -> None:
        """Another process has the disk from now on, once it has taken what save() says."""
        if isinstance(self._store, OverlayStore):
            self._store.hand_over()

    def take_back(self) -> None:
        """Nothing came of it."""
        if isinstance(self._store, OverlayStore):
            self._store.take_back()

    # Replays

    def unanswered(self, queue: int) -> list[int]:
        return [head for head, _ in self._used] + [request.head for request in self._flushes.unanswered]

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        """What was changed is changed here too, and what waits for a flush still does when it goes on."""
        self._writes, self._used = [], []
        done = {head for head, _ in answered.used}
        for head in done:
            self._flushes.answered(head)
        for chain in taken:
            request = requests.parse(chain, self.port.memory)
            status = answered.writes.get(request.status)
            if status is None or bytes(status) == _STATUS[OK]:
                self._do_again(request)
            if chain.head not in done:
                self._flushes.add(request)

    def _do_again(self, request: Request) -> None:
        """Raises OSError where the disk of the replay cannot be what the guest's was."""
        store = self._store
        if store is None or not self._writable or isinstance(store, MissingStore):
            return
        try:
            if request.kind == requests.OUT:
                self._write(request, store)
                while self._done:
                    self._write(request, store)
            elif request.kind in (requests.DISCARD, requests.WRITE_ZEROES):
                requests.change_ranges(request, store, self.port.memory)
        except NotLoaded as missing:
            self._done = 0
            self._load(missing)
            self._do_again(request)
        except Refused:
            self._done = 0

    # Requests

    def kick(self, number: int) -> None:
        """One turn. What has no room in the machine's queue of events waits, and no more is taken then."""
        queue = self.port.queue(number)
        if queue is None or self._loading is not None or not self._send():
            return
        left = BUDGET
        for _ in range(CHAINS):
            position = queue.position
            chain = queue.pop()
            if chain is None:
                break
            try:
                left -= self._serve(requests.parse(chain, self.port.memory))
            except NotLoaded as missing:
                queue.position = position
                if self._load(missing):
                    self.port.retry(0)
                break
            if self._done:
                queue.position = position  # the next step takes it up again
            if (self._done or self._filled >= BATCH) and not self._send():
                break
            if left <= 0:
                self.port.retry(0)
                break
        else:
            self.port.retry(0)
        self._send()
        self._flushes.start()

    def _serve(self, request: Request) -> int:
        """One step of it. Answers how many bytes it moved; _done says whether there are further steps."""
        status, used, size, waits = OK, 1, 0, False
        try:
            store = self._store
            if store is None:
                raise Refused(IO_ERROR)
            match request.kind:
                case requests.IN:
                    before = self._done
                    size = self._read(request, store)
                    used += before + size
                case requests.OUT:
                    size, waits = self._write(request, store), self._through
                case requests.FLUSH:
                    waits = self._writable
                case requests.DISCARD | requests.WRITE_ZEROES if self._writable:
                    self._flushes.changed()
                    requests.change_ranges(request, store, self.port.memory)
                    waits = self._through
                case requests.GET_ID:
                    taken, data = requests.fitted(request.writable, self._serial)
                    self._writes += requests.spread(taken, data)
                    used += len(data)
                case _:
                    status = UNSUPPORTED
        except Refused as refused:
            status, self._done = refused.status, 0
        except OSError as error:
            status, self._done = IO_ERROR, 0
            self._trouble(_kind(error), error)
        if self._done:
            return size
        if waits and status == OK:
            self._flushes.add(request)
        else:
            self._finish(request, status, used)
        return size

    def _load(self, missing: NotLoaded) -> bool:
        """Ask for it. True where it is there already; else the queue is served again when it is."""
        if self.port.loop.inline:
            poll = select.poll()
            poll.register(missing.fd, select.POLLIN)
            while not missing.look():
                poll.poll()
                _drain(missing.fd)
        if missing.look():
            return True
        self._loading = missing
        self.port.loop.watch(missing.fd, self._look)
        return False

    def _look(self) -> None:
        """Something was loaded."""
        missing = self._loading
        if missing is None:
            return
        _drain(missing.fd)
        if missing.look():
            self._stop_loading()
            self.port.serve(0)

    def _stop_loading(self) -> None:
        if self._loading is not None:
            self.port.loop.unwatch(self._loading.fd)
            self._loading = None

    def _read(self, request: Request, store: Store) -> int:
        pieces, filled = request.writable, self._filled
        size = requests.size_of(pieces)
        offset = requests.place(request, store, size)
        after = 0
        if size > STEP:
            pieces, offset, size, after = self._step(pieces, offset, size)
        view = self._buffer[filled : filled + size]
        store.read(offset, view)
        self._done = after
        self._filled = filled + size
        self._writes += requests.spread(pieces, view)
        return size

    def _write(self, request: Request, store: Store) -> int:
        """Straight from the guest's memory."""
        pieces, memory = request.readable, self.port.memory
        size = requests.size_of(pieces)
        offset = requests.place(request, store, size)
        if not self._writable:
            raise Refused(IO_ERROR)
        after = 0
        if size > STEP:
            pieces, offset, size, after = self._step(pieces, offset, size)
        self._flushes.changed()
        store.write(offset, [memory.view(*piece) for piece in pieces], size)
        self._done = after
        return size

    def _step(self, pieces: Pieces, offset: int, size: int) -> tuple[Pieces, int, int, int]:
        """The next part of a large request: its pieces, place and size, and what is done of all after it, 0
        where that is all."""
        done = min(self._done, size)  # the driver may have made it shorter meanwhile
        part = min(STEP, size - done)
        after = done + part if done + part < size else 0
        return requests.cut(requests.cut(pieces, done)[1], part)[0], offset + done, part, after

    def _finish(self, request: Request, status: int, used: int) -> None:
        self._writes.append((request.status, _STATUS[status]))
        self._used.append((request.head, used))

    def _send(self) -> bool:
        """What is done goes to the guest; False where it has to wait."""
        if self._writes or self._used:
            if not self.port.give(0, self._writes, self._used):
                self.port.retry(0)
                return False
            self._writes, self._used = [], []
            self._filled = 0
        return True

    def _flushed(self, requests: list[Request], status: int) -> None:
        for request in requests:
            self._finish(request, status, 1)
        self._send()

    def _trouble(self, kind: str, error: OSError) -> None:
        now = time.monotonic()
        if now - self._told.get(kind, -_NOTE_SECONDS) >= _NOTE_SECONDS:
            self._told[kind] = now
            self.port.report(DiskTrouble(kind, error.strerror or ""))

    def _configuration(self) -> bytes:
        capacity = self._store.size // SECTOR if self._store is not None else 0
        changes = requests.CHANGE_BOUNDS if self._writable else (0,) * 6
        # Clusters of an overlay, and pages of the host, are eight blocks of 512 bytes: 1 << 3.
        return _CONFIG.pack(capacity, 0, QUEUE_SIZE - 2, 0, 0, 0, SECTOR, 3, 0, 8, 0, 0, *changes)


def _kind(error: OSError) -> str:
    if isinstance(error, ShortFile):
        return "short"
    if isinstance(error, LostChunk):
        return "unloaded"
    return "full" if error.errno in _FULL else "failed"


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.eventfd_read(fd)
