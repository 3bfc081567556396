"""virtio-gpu (VIRTIO 1.1, chapter 5.7): one scanout of 2D pictures, a cursor, a panel that may be resized.

A driver makes pictures, fills them from its RAM and says which part of which is seen; see the resources and
the scanout for what happens to them. Every command is done at once, so that a fence is answered with it. The
panel's size is changed by the handset (SetPanel): the driver is told and asks for the display's modes again.

A driver that shows nothing and asks nothing for a while after a change of size could not follow it, as
Linux's framebuffer console, whose buffer is not made anew: it gets the size back that it could show.

Left out: 3D (virgl), blobs, uuids, more scanouts than one, capability sets.
"""

import os
import time
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices import virtio_gpu_protocol as gpu
from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtio import Answer, VirtioSlot, Windows
from pocketvisor.devices.virtio_gpu_commands import Commands
from pocketvisor.devices.virtio_gpu_protocol import GpuError, Rect
from pocketvisor.devices.virtio_gpu_resources import RESOURCES_MAX, Resources, ResourceState
from pocketvisor.devices.virtio_gpu_scanout import Screen
from pocketvisor.devices.virtio_replay import Answered, Replayable
from pocketvisor.devices.virtqueue import F_INDIRECT, Chain, fill

CONTROL_QUEUE: Final = 0
CURSOR_QUEUE: Final = 1
_QUEUE_SIZES: Final = (256, 16)
# Of one kick; what is left is taken up a little later: no driver keeps the devices' thread for itself.
_AT_ONCE: Final = 64  # commands
_WORK_AT_ONCE: Final = 64 << 20  # bytes moved
_HEADS: Final = 65536
# After a change of size it is looked so often whether the driver is at a loss: shows nothing, asks nothing.
_LOOK_SECONDS: Final = 1.0
_LOOKS: Final = 20
_LOOKS_AT_A_LOSS: Final = 4  # one after another, and it gets the size back
_PUBLISH_SECONDS: Final = 0.008  # at least, between two publications, however often a driver flushes

Side = Annotated[int, Meta(ge=64, le=2048)]
_U32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
_I32 = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]


class SetPanel(Struct, frozen=True):
    """From the handset: the panel measures this from now on, in pixels."""

    width: Side
    height: Side


class _Trial(Struct):
    """A change of size, and what became of it."""

    panel: SetPanel
    old: tuple[int, int]
    commands: int
    looks: int = 0
    at_a_loss: int = 0


class _Waiting(Struct):
    """An answer that the machine had no room for yet."""

    head: Annotated[int, Meta(ge=0, lt=_HEADS)]
    writes: list[tuple[Annotated[int, Meta(ge=0)], bytes]]
    length: _U32


class GpuState(Struct):
    width: Side
    height: Side
    events: _U32
    asked: bool
    resources: Annotated[list[ResourceState], Meta(max_length=RESOURCES_MAX)]
    shown: _U32
    part: tuple[_U32, _U32, _U32, _U32]
    cursor: Annotated[bytes, Meta(max_length=gpu.CURSOR_SIDE**2 * 4)]
    cursor_at: tuple[_I32, _I32]
    waiting: Annotated[list[list[_Waiting]], Meta(min_length=2, max_length=2)]


class VirtioGpu(Replayable):
    device_id = 16
    features = gpu.F_EDID | F_INDIRECT
    queue_sizes: tuple[int, ...] = _QUEUE_SIZES
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, width: int, height: int, ppi: float, memory: memoryview, screen: Screen) -> None:
        """`memory` is that which the pane shows; the largest picture is bounded by it."""
        self.commands = Commands(width, height, ppi, memory, screen)
        self._events = 0
        self.config = gpu.CONFIG.pack(0, 0, 1, 0)
        self._waiting: list[list[Answer]] = [[], []]
        self._published = 0.0
        self._publishing = False
        self._restored: GpuState | None = None
        self._tried: SetPanel | None = None
        self._commands_seen = 0

    def activate(self) -> None:
        state, self._restored = self._restored, None
        if state is not None:
            self._go_on(state)

    def deactivate(self) -> None:
        self._restored = self._tried = None
        self.commands.forget()
        self._waiting = [[], []]

    def kick(self, queue: int) -> None:
        found = self.port.queue(queue)
        if found is None or not self._give(queue):
            return
        answers: list[Answer] = []
        self.commands.work = 0
        while len(answers) < _AT_ONCE and self.commands.work < _WORK_AT_ONCE:
            chain = found.pop()
            if chain is None:
                break
            answers.append(self._command(chain) if queue == CONTROL_QUEUE else self._cursor_command(chain))
        self._publish()
        self._waiting[queue] = answers
        if self._give(queue) and found.waiting():
            self.port.retry(queue)

    def configured(self) -> None:
        """The driver clears the events that it has seen; a size that it has not asked for since stays one."""
        _, clear, _, _ = gpu.CONFIG.unpack(self.port.written_config())
        if not clear:
            return
        self._set_events((self._events & ~clear) | (0 if self.commands.asked else gpu.EVENT_DISPLAY))

    def control(self, data: bytes, fd: int | None = None) -> None:
        """SetPanel, from the handset."""
        if fd is not None:
            os.close(fd)
        try:
            panel = msgspec.msgpack.decode(data, type=SetPanel)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"the panel cannot be set: {error}") from error
        old = self._size
        if (panel.width, panel.height) == old:
            return
        self._resize(panel.width, panel.height)
        self._tried = panel
        if self.commands.scanout.shown[0]:
            self._look_later(_Trial(panel, old, self._commands_seen))

    @property
    def _size(self) -> tuple[int, int]:
        return self.commands.width, self.commands.height

    def _look_later(self, trial: _Trial) -> None:
        self.port.loop.later(_LOOK_SECONDS, lambda: self._look(trial))

    def _look(self, trial: _Trial) -> None:
        """Did the driver follow a change of size?"""
        if self._tried is not trial.panel:
            return
        at_a_loss = not self.commands.scanout.shown[0] and self._commands_seen == trial.commands
        trial.commands = self._commands_seen
        trial.at_a_loss = trial.at_a_loss + 1 if at_a_loss else 0
        trial.looks += 1
        if trial.at_a_loss == _LOOKS_AT_A_LOSS:
            self._resize(*trial.old)
        elif trial.looks < _LOOKS:
            self._look_later(trial)

    def _resize(self, width: int, height: int) -> None:
        self.commands.width, self.commands.height = width, height
        self.commands.asked = False
        self._set_events(self._events | gpu.EVENT_DISPLAY)

    def _set_events(self, events: int) -> None:
        self._events = events
        self.config = gpu.CONFIG.pack(events, 0, 1, 0)
        self.port.configure(self.config)

    # Replays

    def replay_begins(self) -> None:
        self.activate()

    def unanswered(self, queue: int) -> list[int]:
        waiting = self._waiting if self._restored is None else self._restored.waiting
        return [one.head if isinstance(one, _Waiting) else one[0].head for one in waiting[queue]]

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        """Every command is done again. How large the panel was the log knows alone."""
        self._waiting[queue] = []
        for chain in taken:
            if queue == CURSOR_QUEUE:
                self.commands.cursor(self._request(chain))
            else:
                self.commands.control(self._request(chain), self.port.memory)
                self.commands.answered(answered.written(chain))
        self._publish()

    def replayed_config(self, config: bytes) -> None:
        self.config = config
        self._events, _, _, _ = gpu.CONFIG.unpack(config)
        if self._events & gpu.EVENT_DISPLAY:
            self.commands.asked = False

    # State

    def save(self) -> State:
        if self._restored is not None:
            return plain(self._restored)
        number, part = self.commands.scanout.shown
        picture, x, y = self.commands.scanout.cursor
        return plain(
            GpuState(
                width=self.commands.width,
                height=self.commands.height,
                events=self._events,
                asked=self.commands.asked,
                resources=self.commands.resources.save(),
                shown=number,
                part=(part.x, part.y, part.width, part.height),
                cursor=picture or b"",
                cursor_at=(x, y),
                waiting=[
                    [
                        _Waiting(chain.head, [(at, bytes(data)) for at, data in writes], length)
                        for chain, writes, length in answers
                    ]
                    for answers in self._waiting
                ],
            )
        )

    def restore(self, state: State) -> None:
        """Pictures come back when the slot goes on, since they are filled from the guest's RAM."""
        self._restored = from_plain(state, GpuState)
        self.commands.width, self.commands.height = self._restored.width, self._restored.height
        self._events, self.commands.asked = self._restored.events, self._restored.asked
        self.config = gpu.CONFIG.pack(self._events, 0, 1, 0)

    def _go_on(self, state: GpuState) -> None:
        self.commands.forget()
        self.commands.resources = resources = Resources.restored(state.resources, self.port.memory)
        self.commands.scanout.set_cursor(state.cursor or None, *state.cursor_at)
        try:
            if state.shown:
                self.commands.scanout.show(resources.get(state.shown), Rect(*state.part))
        except GpuError as error:
            raise ValueError(f"a scanout is impossible here ({error})") from error
        self._waiting = [
            [(Chain(one.head, (), ()), one.writes, one.length) for one in answers]
            for answers in state.waiting
        ]
        for queue in (CONTROL_QUEUE, CURSOR_QUEUE):
            self._give(queue)

    def _publish(self) -> None:
        if self._publishing:
            return
        due = self._published + _PUBLISH_SECONDS - time.monotonic()
        if due > 0:
            self._publishing = True
            self.port.loop.later(due, self._publish_now)
        else:
            self._publish_now()

    def _publish_now(self) -> None:
        self._publishing = False
        self._published = time.monotonic()
        self.commands.scanout.publish()

    # Queues

    def _give(self, queue: int) -> bool:
        """Gives back what is done. False where the machine has no room: then once more a little later."""
        answers = self._waiting[queue]
        if answers and not self.port.answer(queue, answers):
            self.port.retry(queue)
            return False
        self._waiting[queue] = []
        return True

    def _request(self, chain: Chain) -> memoryview:
        """What the driver sent, copied once."""
        memory, left = self.port.memory, gpu.REQUEST_MAX
        parts = []
        for piece in chain.readable:
            size = min(piece.size, left)
            parts.append(memory.read(piece.address, size))
            left -= size
        return memoryview(parts[0] if len(parts) == 1 else b"".join(parts))

    def _command(self, chain: Chain) -> Answer:
        self._commands_seen += 1
        writes = fill(chain, self.commands.control(self._request(chain), self.port.memory))
        return chain, writes, sum(len(data) for _, data in writes)

    def _cursor_command(self, chain: Chain) -> Answer:
        self.commands.cursor(self._request(chain))
        return chain, (), 0
