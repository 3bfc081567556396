"""virtio-gpu (VIRTIO 1.1, chapter 5.7): one scanout of 2D pictures, a cursor, a panel that may be resized.

A driver makes pictures, fills them from its RAM and says which part of which is seen; see the resources and
the scanout for what happens to them. Every command is done at once, so that a fence is answered with it. The
panel's size is changed by the handset (SetPanel): the driver is told and asks for the display's modes again.

A driver that shows nothing a while after a change of size could not follow it, as Linux's framebuffer
console, whose buffer is not made anew: it gets the size back that it could show.

A driver can put nothing wrong that is more than an error code: what has no sense as a request at all is
answered as unspecified. Left out: 3D (virgl), blobs, uuids, more scanouts than one, capability sets.
"""

import os
import struct
import time
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices import virtio_gpu_protocol as gpu
from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.edid import edid
from pocketvisor.devices.virtio import Answer, VirtioSlot, Windows
from pocketvisor.devices.virtio_gpu_protocol import GpuError, Rect
from pocketvisor.devices.virtio_gpu_resources import RESOURCES_MAX, Resources, ResourceState
from pocketvisor.devices.virtio_gpu_scanout import Scanout, Screen
from pocketvisor.devices.virtqueue import F_INDIRECT, Chain, fill

CONTROL_QUEUE: Final = 0
CURSOR_QUEUE: Final = 1
_QUEUE_SIZES: Final = (256, 16)
_AT_ONCE: Final = 64  # commands of one kick; what is left is taken up a little later
_HEADS: Final = 65536
_FOLLOW_SECONDS: Final = 1.5  # for a driver to show something of a new size
_PUBLISH_SECONDS: Final = (
    1 / 125
)  # at least, from one publication to the next, however often a driver flushes

Side = Annotated[int, Meta(ge=64, le=2048)]
_U32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
_I32 = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]


class SetPanel(Struct, frozen=True):
    """From the handset: the panel measures this from now on, in pixels."""

    width: Side
    height: Side


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


class VirtioGpu:
    device_id = 16
    features = gpu.F_EDID | F_INDIRECT
    queue_sizes: tuple[int, ...] = _QUEUE_SIZES
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, width: int, height: int, ppi: float, memory: memoryview, screen: Screen) -> None:
        """`memory` is that which the pane shows; the largest picture is bounded by it."""
        self._width = width
        self._height = height
        self._ppi = ppi
        self._memory = memory
        self._screen = screen
        self._events = 0
        self.config = gpu.CONFIG.pack(0, 0, 1, 0)
        self._asked = False  # the driver knows the size as it is now
        self._resources = Resources()
        self._scanout = Scanout(memory, screen)
        self._waiting: list[list[Answer]] = [[], []]
        self._published = 0.0
        self._publishing = False
        self._restored: GpuState | None = None
        self._commands: dict[int, Callable[[memoryview], bytes]] = {
            gpu.GET_DISPLAY_INFO: self._get_display_info,
            gpu.RESOURCE_CREATE_2D: self._create,
            gpu.RESOURCE_UNREF: self._unref,
            gpu.SET_SCANOUT: self._set_scanout,
            gpu.RESOURCE_FLUSH: self._flush,
            gpu.TRANSFER_TO_HOST_2D: self._transfer,
            gpu.RESOURCE_ATTACH_BACKING: self._attach,
            gpu.RESOURCE_DETACH_BACKING: self._detach,
            gpu.GET_EDID: self._get_edid,
        }

    def activate(self) -> None:
        state, self._restored = self._restored, None
        if state is not None:
            self._go_on(state)

    def deactivate(self) -> None:
        self._restored = None
        self._scanout.hide()
        self._scanout.set_cursor(None, 0, 0)
        self._resources.clear()
        self._waiting = [[], []]

    def kick(self, queue: int) -> None:
        found = self.port.queue(queue)
        if found is None or not self._give(queue):
            return
        answers: list[Answer] = []
        for _ in range(_AT_ONCE):
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
        self._set_events((self._events & ~clear) | (0 if self._asked else gpu.EVENT_DISPLAY))

    def control(self, data: bytes, fd: int | None = None) -> None:
        """SetPanel, from the handset."""
        if fd is not None:
            os.close(fd)
        try:
            panel = msgspec.msgpack.decode(data, type=SetPanel)
        except msgspec.MsgspecError as error:
            raise ValueError(f"the panel cannot be set: {error}") from error
        old = self._size
        if (panel.width, panel.height) == old:
            return
        self._resize(panel.width, panel.height)
        if self._scanout.shown[0]:
            self.port.loop.later(_FOLLOW_SECONDS, lambda: self._followed(panel, old))

    @property
    def _size(self) -> tuple[int, int]:
        return self._width, self._height

    def _followed(self, panel: SetPanel, old: tuple[int, int]) -> None:
        """Called a while after a change of size."""
        if self._size == (panel.width, panel.height) and not self._scanout.shown[0]:
            self._resize(*old)

    def _resize(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._asked = False
        self._set_events(self._events | gpu.EVENT_DISPLAY)

    def _set_events(self, events: int) -> None:
        self._events = events
        self.config = gpu.CONFIG.pack(events, 0, 1, 0)
        self.port.configure(self.config)

    # State

    def save(self) -> State:
        if self._restored is not None:
            return plain(self._restored)
        number, part = self._scanout.shown
        picture, x, y = self._scanout.cursor
        return plain(
            GpuState(
                width=self._width,
                height=self._height,
                events=self._events,
                asked=self._asked,
                resources=self._resources.save(number),
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
        self._width, self._height = self._restored.width, self._restored.height
        self._events, self._asked = self._restored.events, self._restored.asked
        self.config = gpu.CONFIG.pack(self._events, 0, 1, 0)

    def _go_on(self, state: GpuState) -> None:
        resources = Resources.restored(state.resources, self.port.memory)
        self._resources = resources
        self._scanout = Scanout(self._memory, self._screen)
        self._scanout.set_cursor(state.cursor or None, *state.cursor_at)
        try:
            if state.shown:
                self._scanout.show(resources.get(state.shown), Rect(*state.part))
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
        self._scanout.publish()

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
        request = self._request(chain)
        flags = fence = context = 0
        body = b""
        try:
            kind, flags, fence, context = gpu.HEADER.unpack_from(request)
            command = self._commands.get(kind)
            if command is None:
                raise GpuError(gpu.ERR_UNSPEC)
            body = command(request[gpu.HEADER.size :])
            code = _ANSWERS.get(kind, gpu.OK_NODATA)
        except GpuError as error:
            code = error.code
        except struct.error:  # the request is too short for what it says it is
            code = gpu.ERR_UNSPEC
        fenced = flags & gpu.FLAG_FENCE
        head = gpu.HEADER.pack(code, fenced, fence if fenced else 0, context if fenced else 0)
        writes = fill(chain, head + body)
        return chain, writes, sum(len(data) for _, data in writes)

    def _cursor_command(self, chain: Chain) -> Answer:
        """Has no answer."""
        request = self._request(chain)
        try:
            kind, _, _, _ = gpu.HEADER.unpack_from(request)
            scanout, x, y, resource, _, _ = gpu.CURSOR.unpack_from(request, gpu.HEADER.size)
            if scanout == 0 and kind == gpu.MOVE_CURSOR:
                self._scanout.move_cursor(x, y)
            elif scanout == 0 and kind == gpu.UPDATE_CURSOR:
                self._scanout.set_cursor(self._cursor_picture(resource), x, y)
        except (GpuError, struct.error):
            pass
        return chain, (), 0

    def _cursor_picture(self, number: int) -> bytes | None:
        if number == 0:
            return None
        resource = self._resources.get(number)
        if (resource.width, resource.height) != (gpu.CURSOR_SIDE, gpu.CURSOR_SIDE):
            return None
        return resource.picture()

    # Commands: each takes what follows the header, and answers the same

    def _get_display_info(self, _: memoryview) -> bytes:
        self._asked = True
        mode = gpu.MODE.pack(0, 0, self._width, self._height, 1, 0)
        return mode + bytes(gpu.MODE.size * (gpu.SCANOUTS_MAX - 1))

    def _get_edid(self, request: memoryview) -> bytes:
        (scanout,) = gpu.RESOURCE.unpack_from(request)
        if scanout != 0:
            raise GpuError(gpu.ERR_INVALID_PARAMETER)
        block = edid(self._width, self._height, self._ppi)
        return gpu.EDID_HEAD.pack(len(block)) + block.ljust(gpu.EDID_MAX, b"\0")

    def _create(self, request: memoryview) -> bytes:
        self._resources.create(*gpu.CREATE.unpack_from(request))
        return b""

    def _unref(self, request: memoryview) -> bytes:
        (number,) = gpu.RESOURCE.unpack_from(request)
        self._scanout.forget(self._resources.remove(number))
        return b""

    def _set_scanout(self, request: memoryview) -> bytes:
        x, y, width, height, scanout, number = gpu.SCANOUT.unpack_from(request)
        if scanout != 0:
            raise GpuError(gpu.ERR_INVALID_SCANOUT_ID)
        if number == 0:
            self._scanout.hide()
        else:
            self._scanout.show(self._resources.get(number), Rect(x, y, width, height))
        return b""

    def _flush(self, request: memoryview) -> bytes:
        x, y, width, height, number = gpu.FLUSH.unpack_from(request)
        resource, rect = self._resources.get(number), Rect(x, y, width, height)
        if not rect.within(resource.width, resource.height):
            raise GpuError(gpu.ERR_INVALID_PARAMETER)
        self._scanout.flush(resource, rect)
        return b""

    def _transfer(self, request: memoryview) -> bytes:
        x, y, width, height, offset, number = gpu.TRANSFER.unpack_from(request)
        resource, rect = self._resources.get(number), Rect(x, y, width, height)
        if resource.backing is None or not rect.within(resource.width, resource.height):
            raise GpuError(gpu.ERR_INVALID_PARAMETER)
        resource.transfer(rect, offset)
        return b""

    def _attach(self, request: memoryview) -> bytes:
        number, count = gpu.ATTACH.unpack_from(request)
        if count > gpu.ENTRIES_MAX:
            raise GpuError(gpu.ERR_UNSPEC)
        entries = request[gpu.ATTACH.size : gpu.ATTACH.size + count * gpu.ENTRY.size]
        if len(entries) < count * gpu.ENTRY.size:
            raise GpuError(gpu.ERR_UNSPEC)
        self._resources.attach(number, list(gpu.ENTRY.iter_unpack(entries)), self.port.memory)
        return b""

    def _detach(self, request: memoryview) -> bytes:
        (number,) = gpu.RESOURCE.unpack_from(request)
        resource = self._resources.get(number)
        if resource.backing is None:
            raise GpuError(gpu.ERR_UNSPEC)
        resource.detach()
        return b""


_ANSWERS: Final = {gpu.GET_DISPLAY_INFO: gpu.OK_DISPLAY_INFO, gpu.GET_EDID: gpu.OK_EDID}
