"""A virtio device in a replay: what the log says that it has answered, it does for its host's side once more.

So a disk has the content and a GPU the picture of that moment, and a device's state is one that a guest can
go on from live. Nothing comes of it for the guest, whose answers are the log's, and nothing leaves: frames,
characters and reports are dropped.

A chain is taken when the log answers it, just before the guest hears of that: until then its driver leaves it
alone. What was answered out of turn leaves the chains before it with the device, as they were in life. Left
out: drivers that change a chain while the device has it; their disk may come out different.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from pocketvisor.devices.virtio import CONFIG, STATUS, VirtioSlot, Write
from pocketvisor.devices.virtqueue import Chain, Virtqueue, VirtqueueError

_HEADER: Final = struct.Struct("<IHHHH")
_WRITE: Final = struct.Struct("<QI")
_ELEMENT: Final = struct.Struct("<II")
_ZEROS: Final = 0x8000_0000
_NO_QUEUE: Final = 0xFFFF


class Answered(NamedTuple):
    """What the log says of one answer: what was written to the guest, by address, and which chains are done,
    by their heads, each with how many bytes that is."""

    writes: dict[int, memoryview]
    used: list[tuple[int, int]]

    def written(self, chain: Chain) -> bytes:
        """What a chain's buffers were given, up to the first that was given nothing."""
        content = b""
        for piece in chain.writable:
            data = self.writes.get(piece.address)
            if data is None:
                break
            content += data
        return content


class Replayable:
    """A device that has more to do in a replay than to lose its chains."""

    def replay_begins(self) -> None:
        """In the place of activate(): there is no queue to be served."""

    def unanswered(self, queue: int) -> list[int]:
        """Heads of chains that a restored device had taken and not answered."""
        return []

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        """`taken`: the chains that this answer is for, and those before them. Raises VirtqueueError."""

    def replayed_config(self, config: bytes) -> None:
        """The configuration space is this from now on."""


class ReplayedSlot(VirtioSlot):
    """A slot whose device follows the log. To the device all queues are empty, and all it says is lost."""

    _taken: list[set[int]]

    @property
    def _replayable(self) -> Replayable | None:
        return self.device if isinstance(self.device, Replayable) else None

    # For the device

    def queue(self, number: int) -> Virtqueue | None:
        return None

    def give(self, queue: int, writes: Sequence[Write], used: Sequence[tuple[int, int]]) -> bool:
        return False

    def clear(self, queue: int, ranges: Sequence[tuple[int, int]], used: Sequence[tuple[int, int]]) -> bool:
        return False

    def retry(self, queue: int) -> None:
        pass

    def configure(self, config: bytes) -> bool:
        return True

    def broken(self) -> None:
        pass

    # For the board

    def serve(self, queue: int) -> None:
        if queue in (STATUS, CONFIG):
            super().serve(queue)

    def replayed(self, payload: bytes) -> None:
        """A logged answer, before the guest has it."""
        if len(payload) < _HEADER.size:
            return
        generation, number, writes, used, _ = _HEADER.unpack_from(payload)
        if not self._active or generation != self._generation:
            return  # of a driver that has gone: the machine drops it
        if number == _NO_QUEUE:
            self._stop()
            return
        queue = self._queues[number] if number < len(self._queues) else None
        if queue is None:
            return
        try:
            answered = _parse(payload, writes, used)
        except struct.error:
            return  # not an answer: nothing comes of it there either
        before = queue.position
        try:
            taken = self._take(queue, self._taken[number], answered)
            if (device := self._replayable) is not None:
                device.replayed(number, taken, answered)
        except VirtqueueError:  # its driver has changed what it had given away
            queue.position = (before + used) & 0xFFFF

    def replayed_config(self, config: bytes) -> None:
        device = self._replayable
        if device is not None and len(config) == len(self.device.config):  # else the machine takes it neither
            device.replayed_config(config)

    def _take(self, queue: Virtqueue, waiting: set[int], answered: Answered) -> list[Chain]:
        taken: list[Chain] = []
        for head, _ in answered.used:
            while head not in waiting:
                chain = queue.pop()
                if chain is None:
                    raise VirtqueueError("what was answered is not there")
                taken.append(chain)
                waiting.add(chain.head)
            waiting.discard(head)
        return taken

    def _begin(self) -> None:
        queues = range(len(self.device.queue_sizes))
        device = self._replayable
        self._taken = [set(device.unanswered(queue) if device is not None else ()) for queue in queues]
        if device is not None:
            device.replay_begins()


def _parse(payload: bytes, writes: int, used: int) -> Answered:
    """Raises struct.error where the payload ends before."""
    view = memoryview(payload)
    at = _HEADER.size
    written = {}
    for _ in range(writes):
        address, size = _WRITE.unpack_from(payload, at)
        at += _WRITE.size
        if not size & _ZEROS:
            written[address] = view[at : at + size]
            at += size
    return Answered(written, [_ELEMENT.unpack_from(payload, at + 8 * index) for index in range(used)])
