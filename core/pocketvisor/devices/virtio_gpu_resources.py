"""The pictures that a virtio-gpu's driver makes: pixels on our side, and the pages of the guest's RAM that
they are filled from. Bounded in bytes, number and pages, whatever the driver asks for.

Pixels are kept in the driver's own format and become x8r8g8b8 where they are shown. Guest RAM is read while
the guest runs: what it draws meanwhile shows in the picture and in nothing that the guest could see.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.virtio_gpu_protocol import (
    ENTRIES_MAX,
    ERR_INVALID_PARAMETER,
    ERR_INVALID_RESOURCE_ID,
    ERR_OUT_OF_MEMORY,
    ERR_UNSPEC,
    GpuError,
    Rect,
)
from pocketvisor.devices.virtqueue import GuestMemory

MEMORY_MAX: Final = 64 << 20
RESOURCES_MAX: Final = 1024
PIECES_MAX: Final = 2 * ENTRIES_MAX
SIDE_MAX: Final = 16384
PIECE_EFFORT: Final = 1024
"""A piece of RAM, or a row, costs about as much as so many bytes of one."""

# Where in a pixel's four bytes blue, green, red, and alpha or nothing are.
_ORDERS: Final[dict[int, tuple[int, int, int, int]]] = {
    1: (0, 1, 2, 3),  # B8G8R8A8
    2: (0, 1, 2, 3),  # B8G8R8X8
    3: (3, 2, 1, 0),  # A8R8G8B8
    4: (3, 2, 1, 0),  # X8R8G8B8
    67: (2, 1, 0, 3),  # R8G8B8A8
    68: (1, 2, 3, 0),  # X8B8G8R8
    121: (1, 2, 3, 0),  # A8B8G8R8
    134: (2, 1, 0, 3),  # R8G8B8X8
}
FORMATS: Final = frozenset(_ORDERS)
_PLAIN: Final = frozenset((1, 2))

_U32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]


class ResourceState(Struct):
    """`pixels` are as they are, since packing them takes longer than a guest may stand still; None where they
    are what the backing holds."""

    number: _U32
    format: int
    width: _U32
    height: _U32
    backing: list[tuple[Annotated[int, Meta(ge=0)], _U32]] | None
    pixels: Annotated[bytes, Meta(max_length=MEMORY_MAX)] | None


class Resource:
    """One picture."""

    def __init__(self, number: int, format: int, width: int, height: int) -> None:
        self.number = number
        self.format = format
        self.width = width
        self.height = height
        self.stride = width * 4
        self._content = bytearray(self.stride * height)
        self.pixels = memoryview(self._content)
        self.backing: list[tuple[int, int]] | None = None
        self._starts: list[int] = []
        self._views: list[memoryview] = []
        self._memory: GuestMemory | None = None

    @property
    def size(self) -> int:
        return len(self.pixels)

    @property
    def pieces(self) -> int:
        return len(self._views)

    def attach(self, entries: Sequence[tuple[int, int]], memory: GuestMemory) -> None:
        """Raises GpuError where an entry is not in RAM. Neighbours become one."""
        merged: list[tuple[int, int]] = []
        for address, length in entries:
            if not memory.contains(address, length):
                raise GpuError(ERR_UNSPEC)
            if merged and merged[-1][0] + merged[-1][1] == address:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            elif length:
                merged.append((address, length))
        starts, views, at = [], [], 0
        for address, length in merged:
            starts.append(at)
            views.append(memory.unloaded_view(address, length))
            at += length
        self._memory = memory
        self.backing, self._starts, self._views = merged, starts, views

    def detach(self) -> None:
        self.backing, self._starts, self._views = None, [], []

    def transfer(self, rect: Rect, offset: int) -> None:
        """From the backing, whose byte `offset` is the rectangle's first; what it does not reach stays."""
        at = rect.y * self.stride + rect.x * 4
        if rect.width == self.width:
            self._take(offset, at, rect.height * self.stride)
            return
        for row in range(rect.height):
            self._take(offset + row * self.stride, at + row * self.stride, rect.width * 4)

    def effort(self, rect: Rect) -> int:
        """About what it is to move this rectangle, in bytes: the same each time, unlike the time it takes."""
        factor = 1 if self.format in _PLAIN else 8
        return rect.height * (rect.width * 4 * factor + PIECE_EFFORT) + self.pieces * PIECE_EFFORT

    def same_as_backing(self) -> bool:
        if not self._views or self._starts[-1] + len(self._views[-1]) < self.size:
            return False
        if self._memory is not None and self._memory.incomplete:
            return False  # what is not loaded needs not be, for this
        at = 0
        for view in self._views:
            part = min(len(view), self.size - at)
            # A bytearray compares itself with a view as a whole, two views do it item by item.
            if self._content[at : at + part] != view[:part]:
                return False
            at += part
        return True

    def paint(self, rect: Rect, target: memoryview, stride: int, x: int, y: int) -> None:
        """A rectangle as b8g8r8x8 into `target`, rows of `stride` bytes, its corner at x, y."""
        source = rect.y * self.stride + rect.x * 4
        at = y * stride + x * 4
        lumps = [(source, at, rect.height * stride)]
        if rect.width != self.width or stride != self.stride:
            lumps = [
                (source + row * self.stride, at + row * stride, rect.width * 4) for row in range(rect.height)
            ]
        pixels = self.pixels
        if self.format in _PLAIN:
            for start, to, size in lumps:
                target[to : to + size] = pixels[start : start + size]
            return
        for start, to, size in lumps:
            target[to : to + size] = self._reordered(pixels[start : start + size])

    def cursor(self) -> bytes:
        """All of it as b8g8r8a8. Linux makes cursors of a format without alpha, and means it all the same."""
        return bytes(self._reordered(self.pixels))

    def _reordered(self, pixels: memoryview) -> bytearray:
        source = bytes(pixels)
        made = bytearray(len(source))
        for channel, place in enumerate(_ORDERS[self.format]):
            made[channel::4] = source[place::4]
        return made

    def _take(self, offset: int, at: int, size: int) -> None:
        """`size` bytes of the backing from `offset` on to the pixels at `at`."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return
        start = offset - self._starts[index]
        pixels, views = self.pixels, self._views
        while size > 0 and index < len(views):
            part = views[index][start : start + size]
            length = len(part)
            if self._memory is not None and self._memory.incomplete and self.backing is not None:
                self._memory.require(self.backing[index][0] + start, length)
            pixels[at : at + length] = part
            at += length
            size -= length
            index += 1
            start = 0


class Resources:
    """All pictures of one device, by number."""

    def __init__(self) -> None:
        self._by_number: dict[int, Resource] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_number.values())

    def get(self, number: int) -> Resource:
        resource = self._by_number.get(number)
        if resource is None:
            raise GpuError(ERR_INVALID_RESOURCE_ID)
        return resource

    def create(self, number: int, format: int, width: int, height: int) -> Resource:
        if number == 0 or number in self._by_number:
            raise GpuError(ERR_INVALID_RESOURCE_ID)
        if format not in FORMATS or not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX:
            raise GpuError(ERR_INVALID_PARAMETER)
        if self.bytes + width * height * 4 > MEMORY_MAX or len(self._by_number) >= RESOURCES_MAX:
            raise GpuError(ERR_OUT_OF_MEMORY)
        resource = self._by_number[number] = Resource(number, format, width, height)
        self.bytes += resource.size
        return resource

    def remove(self, number: int) -> Resource:
        resource = self.get(number)
        del self._by_number[number]
        self.bytes -= resource.size
        return resource

    def attach(self, number: int, entries: Sequence[tuple[int, int]], memory: GuestMemory) -> None:
        resource = self.get(number)
        if resource.backing is not None:
            raise GpuError(ERR_UNSPEC)
        if sum(one.pieces for one in self) + len(entries) > PIECES_MAX:
            raise GpuError(ERR_OUT_OF_MEMORY)
        resource.attach(entries, memory)

    def clear(self) -> None:
        self._by_number.clear()
        self.bytes = 0

    def save(self) -> list[ResourceState]:
        return [
            ResourceState(
                one.number,
                one.format,
                one.width,
                one.height,
                one.backing,
                None if one.same_as_backing() else bytes(one.pixels),
            )
            for one in self
        ]

    @classmethod
    def restored(cls, states: Sequence[ResourceState], memory: GuestMemory) -> "Resources":
        """Raises ValueError where a state is impossible here."""
        made = cls()
        try:
            for state in states:
                resource = made.create(state.number, state.format, state.width, state.height)
                if state.backing is not None:
                    made.attach(state.number, state.backing, memory)
                if state.pixels is None:
                    resource.transfer(Rect(0, 0, resource.width, resource.height), 0)
                else:
                    if len(state.pixels) != resource.size:
                        raise ValueError("a graphics resource's pixels are incomplete")
                    resource.pixels[:] = state.pixels
        except GpuError as error:
            raise ValueError(f"a graphics resource is impossible here ({error})") from error
        return made
