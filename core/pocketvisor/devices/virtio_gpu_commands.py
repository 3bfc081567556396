"""What a virtio-gpu's driver can ask for: each command from its bytes to the bytes of its answer.

A driver can put nothing wrong that is more than an error code: what has no sense as a request at all is
answered as unspecified.
"""

import struct
from collections.abc import Callable
from typing import Final

from pocketvisor.devices import virtio_gpu_protocol as gpu
from pocketvisor.devices.edid import edid
from pocketvisor.devices.virtio_gpu_protocol import GpuError, Rect
from pocketvisor.devices.virtio_gpu_resources import PIECE_EFFORT, Resources
from pocketvisor.devices.virtio_gpu_scanout import SIDE_MOST, Scanout, Screen
from pocketvisor.devices.virtqueue import GuestMemory

_ANSWERS: Final = {gpu.GET_DISPLAY_INFO: gpu.OK_DISPLAY_INFO, gpu.GET_EDID: gpu.OK_EDID}


class Commands:
    """The pictures and the scanout of one device, as its driver works on them. `asked`: the driver has asked
    for the display's size since that changed. `work`: about how many bytes were moved for it."""

    def __init__(self, width: int, height: int, ppi: float, scanout: memoryview, screen: Screen) -> None:
        self.width = width
        self.height = height
        self.asked = False
        self.work = 0
        self.resources = Resources()
        self.scanout = Scanout(scanout, screen)
        self._ppi = ppi
        self._done: dict[int, Callable[[memoryview, GuestMemory], bytes]] = {
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

    def forget(self) -> None:
        """The driver has gone: so have its pictures."""
        self.scanout.hide()
        self.scanout.set_cursor(None, 0, 0)
        self.resources.clear()

    def control(self, request: memoryview, memory: GuestMemory) -> bytes:
        """Answers what is to be written for a request of the control queue."""
        flags = fence = context = 0
        body = b""
        try:
            kind, flags, fence, context = gpu.HEADER.unpack_from(request)
            command = self._done.get(kind)
            if command is None:
                raise GpuError(gpu.ERR_UNSPEC)
            body = command(request[gpu.HEADER.size :], memory)
            code = _ANSWERS.get(kind, gpu.OK_NODATA)
        except GpuError as error:
            code = error.code
        except struct.error:  # the request is too short for what it says it is
            code = gpu.ERR_UNSPEC
        if not flags & gpu.FLAG_FENCE:
            return gpu.HEADER.pack(code, 0, 0, 0) + body
        return gpu.HEADER.pack(code, gpu.FLAG_FENCE, fence, context) + body

    def answered(self, answer: bytes) -> None:
        """In a replay: what was answered to the request just done."""
        if len(answer) < gpu.HEADER.size + gpu.MODE.size:
            return
        kind, _, _, _ = gpu.HEADER.unpack_from(answer)
        if kind == gpu.OK_DISPLAY_INFO:
            _, _, width, height, _, _ = gpu.MODE.unpack_from(answer, gpu.HEADER.size)
            if 0 < width <= SIDE_MOST and 0 < height <= SIDE_MOST:
                self.width, self.height = width, height

    def cursor(self, request: memoryview) -> None:
        """A request of the cursor queue, which has no answer."""
        try:
            kind, _, _, _ = gpu.HEADER.unpack_from(request)
            scanout, x, y, resource, _, _ = gpu.CURSOR.unpack_from(request, gpu.HEADER.size)
            if scanout == 0 and kind == gpu.MOVE_CURSOR:
                self.scanout.move_cursor(x, y)
            elif scanout == 0 and kind == gpu.UPDATE_CURSOR:
                self.scanout.set_cursor(self._cursor_picture(resource), x, y)
        except (GpuError, struct.error):
            pass

    def _cursor_picture(self, number: int) -> bytes | None:
        if number == 0:
            return None
        resource = self.resources.get(number)
        if (resource.width, resource.height) != (gpu.CURSOR_SIDE, gpu.CURSOR_SIDE):
            return None
        return resource.cursor()

    # Each takes what follows the header, and answers the same

    def _get_display_info(self, _: memoryview, __: GuestMemory) -> bytes:
        self.asked = True
        mode = gpu.MODE.pack(0, 0, self.width, self.height, 1, 0)
        return mode + bytes(gpu.MODE.size * (gpu.SCANOUTS_MAX - 1))

    def _get_edid(self, request: memoryview, _: GuestMemory) -> bytes:
        (scanout,) = gpu.RESOURCE.unpack_from(request)
        if scanout != 0:
            raise GpuError(gpu.ERR_INVALID_PARAMETER)
        block = edid(self.width, self.height, self._ppi)
        return gpu.EDID_HEAD.pack(len(block)) + block.ljust(gpu.EDID_MAX, b"\0")

    def _create(self, request: memoryview, _: GuestMemory) -> bytes:
        self.work += self.resources.create(*gpu.CREATE.unpack_from(request)).size
        return b""

    def _unref(self, request: memoryview, _: GuestMemory) -> bytes:
        (number,) = gpu.RESOURCE.unpack_from(request)
        self.scanout.forget(self.resources.remove(number))
        return b""

    def _set_scanout(self, request: memoryview, _: GuestMemory) -> bytes:
        x, y, width, height, scanout, number = gpu.SCANOUT.unpack_from(request)
        if scanout != 0:
            raise GpuError(gpu.ERR_INVALID_SCANOUT_ID)
        if number == 0:
            self.scanout.hide()
        else:
            self.scanout.show(self.resources.get(number), Rect(x, y, width, height))
        return b""

    def _flush(self, request: memoryview, _: GuestMemory) -> bytes:
        x, y, width, height, number = gpu.FLUSH.unpack_from(request)
        resource, rect = self.resources.get(number), Rect(x, y, width, height)
        if not rect.within(resource.width, resource.height):
            raise GpuError(gpu.ERR_INVALID_PARAMETER)
        self.work += resource.effort(rect)
        self.scanout.flush(resource, rect)
        return b""

    def _transfer(self, request: memoryview, _: GuestMemory) -> bytes:
        x, y, width, height, offset, number = gpu.TRANSFER.unpack_from(request)
        resource, rect = self.resources.get(number), Rect(x, y, width, height)
        if resource.backing is None or not rect.within(resource.width, resource.height):
            raise GpuError(gpu.ERR_INVALID_PARAMETER)
        self.work += resource.effort(rect)
        resource.transfer(rect, offset)
        return b""

    def _attach(self, request: memoryview, memory: GuestMemory) -> bytes:
        number, count = gpu.ATTACH.unpack_from(request)
        if count > gpu.ENTRIES_MAX:
            raise GpuError(gpu.ERR_UNSPEC)
        entries = request[gpu.ATTACH.size : gpu.ATTACH.size + count * gpu.ENTRY.size]
        if len(entries) < count * gpu.ENTRY.size:
            raise GpuError(gpu.ERR_UNSPEC)
        self.work += count * PIECE_EFFORT
        self.resources.attach(number, list(gpu.ENTRY.iter_unpack(entries)), memory)
        return b""

    def _detach(self, request: memoryview, _: GuestMemory) -> bytes:
        (number,) = gpu.RESOURCE.unpack_from(request)
        resource = self.resources.get(number)
        if resource.backing is None:
            raise GpuError(gpu.ERR_UNSPEC)
        resource.detach()
        return b""
