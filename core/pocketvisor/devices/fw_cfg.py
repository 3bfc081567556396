"""QEMU's firmware configuration device, on MMIO with DMA (docs/specs/fw_cfg there): items for firmware.

    0x00  data, up to 8 bytes, as the item has them      0x08  selector, 16 bits, big-endian
    0x10  address of a DMA descriptor, 64 bits, big-endian: the write of its lower half starts the transfer

A transfer is done when the write that started it is: a pure function of what the guest's memory holds. What a
descriptor names lies in the guest's RAM or the transfer fails with its error bit, and a transfer is bounded.
Items are read only but for the files that are said to be written, whose content is part of what is saved.

Left out: the old interface's writes (QEMU ignores them too), ACPI tables, SMBIOS, x86's items.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices.device import Device, Port

SIZE: Final = 0x18
DATA_END: Final = 0x08
SELECTOR: Final = 0x08
DMA_HIGH: Final = 0x10
DMA_LOW: Final = 0x14

# Items by number; what is not here is a file.
SIGNATURE: Final = 0x00
ID: Final = 0x01
NOGRAPHIC: Final = 0x04
NB_CPUS: Final = 0x05
KERNEL_SIZE: Final = 0x08
INITRD_SIZE: Final = 0x0B
BOOT_MENU: Final = 0x0E
KERNEL_DATA: Final = 0x11
INITRD_DATA: Final = 0x12
CMDLINE_SIZE: Final = 0x14
CMDLINE_DATA: Final = 0x15
FILE_DIR: Final = 0x19
FILE_FIRST: Final = 0x20

VERSION: Final = 0x01
VERSION_DMA: Final = 0x02
DMA_SIGNATURE: Final = b"QEMU CFG"

CTL_ERROR: Final = 0x01
CTL_READ: Final = 0x02
CTL_SKIP: Final = 0x04
CTL_SELECT: Final = 0x08
CTL_WRITE: Final = 0x10

TRANSFER_MAX: Final = 512 << 20
"""Bytes of one transfer: more than any item has."""
_PIECE: Final = 1 << 20
_FILES_MAX: Final = 0x20
_NAME_MAX: Final = 55
_WRITTEN_MAX: Final = 4096
_NUMBER: Final = 0x3FFF  # of a selector, less its bits for writing and for the architecture's own items
_OWN: Final = 0x8000
_NOTHING: Final = 0xFFFF

_DESCRIPTOR: Final = struct.Struct(">IIQ")
_FILE: Final = struct.Struct(">IHH56s")

Content = bytes | memoryview
Written = Callable[[bytes], None]


class Memory(Protocol):
    """The guest's RAM, at once and on the vCPU's thread. Both raise ValueError and do nothing where it
    is not wholly in RAM."""

    def load(self, address: int, size: int) -> bytes: ...
    def store(self, address: int, data: Content) -> None: ...


class FwCfgState(Struct):
    selected: Annotated[int, Meta(ge=0, le=0xFFFF)] = SIGNATURE
    offset: Annotated[int, Meta(ge=0, le=1 << 33)] = 0
    dma_high: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    written: Annotated[dict[str, Annotated[bytes, Meta(max_length=_WRITTEN_MAX)]], Meta(max_length=4)] = (
        msgspec.field(default_factory=dict)
    )


class FwCfg(Device[FwCfgState]):
    """`items` by number, `files` by name; `written` has, by name, who wants to know of what a guest writes to
    a file. All of a file's content is told, after each write, a restore and a reset."""

    name = "fw_cfg"
    size = SIZE

    def __init__(
        self,
        port: Port,
        memory: Memory,
        items: Mapping[int, Content],
        files: Mapping[str, Content] | None = None,
        written: Mapping[str, Written] | None = None,
    ) -> None:
        """Raises ValueError for more files than there are numbers, or a name that is too long."""
        files = dict(sorted((files or {}).items()))
        self._memory = memory
        self._listeners = dict(written or {})
        self._names = {FILE_FIRST + number: name for number, name in enumerate(files)}
        self._items: dict[int, Content] = {
            SIGNATURE: b"QEMU",
            ID: struct.pack("<I", VERSION | VERSION_DMA),
            **items,
            FILE_DIR: _directory(files),
            **{FILE_FIRST + number: content for number, content in enumerate(files.values())},
        }
        super().__init__(port, FwCfgState(written={name: bytes(files[name]) for name in self._listeners}))

    def read(self, offset: int, size: int) -> int:
        if offset < DATA_END:
            return int.from_bytes(self._next(size).ljust(size, b"\0"), "little")
        if offset >= DMA_HIGH:
            at = offset - DMA_HIGH
            return int.from_bytes(DMA_SIGNATURE[at : at + size], "little")
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        swapped = int.from_bytes(value.to_bytes(size, "little"), "big")
        if offset == SELECTOR and size == 2:
            self._select(swapped)
        elif offset == DMA_HIGH and size == 4:
            self.state.dma_high = swapped
        elif offset == DMA_LOW and size == 4:
            self._transfer(self.state.dma_high << 32 | swapped)
        elif offset == DMA_HIGH and size == 8:
            self._transfer(swapped)

    def restored(self) -> None:
        for name, listener in self._listeners.items():
            listener(self.state.written.get(name, b""))

    def _select(self, key: int) -> None:
        known = key & _NUMBER < FILE_FIRST + _FILES_MAX
        self.state.selected, self.state.offset = key if known else _NOTHING, 0

    def _content(self) -> Content:
        """Of the selected item; empty where there is none."""
        selected = self.state.selected
        if selected & _OWN:
            return b""
        number = selected & _NUMBER
        name = self._names.get(number, "")
        if name in self._listeners:
            return self.state.written.get(name, b"")
        return self._items.get(number, b"")

    def _next(self, size: int) -> bytes:
        content, at = self._content(), self.state.offset
        found = bytes(content[at : at + size])
        self.state.offset += len(found)
        return found

    def _transfer(self, at: int) -> None:
        """What the descriptor at this address says. Its first word then says how it went: 0, or an error."""
        self.state.dma_high = 0
        try:
            control, length, address = _DESCRIPTOR.unpack(self._memory.load(at, _DESCRIPTOR.size))
        except ValueError:
            return  # there is nobody to tell
        if control & CTL_SELECT:
            self._select(control >> 16)
        try:
            done = self._move(control, length, address)
        except ValueError:
            done = False
        self._memory.store(at, struct.pack(">I", 0 if done else CTL_ERROR))

    def _move(self, control: int, length: int, address: int) -> bool:
        """Raises ValueError where the address is not the guest's RAM."""
        if not control & (CTL_READ | CTL_WRITE | CTL_SKIP) or length == 0:
            return True
        if length > TRANSFER_MAX:
            return False
        if control & CTL_READ:
            self._read_to(address, length)
        elif control & CTL_WRITE:
            return self._write_from(address, length)
        else:
            left = max(len(self._content()) - self.state.offset, 0)
            self.state.offset += min(length, left)
        return True

    def _read_to(self, address: int, length: int) -> None:
        """The item's rest, then zeros."""
        self._memory.load(address, 1)
        self._memory.load(address + length - 1, 1)  # all of it is RAM, before the first byte is moved
        content, at = self._content(), self.state.offset
        end = min(at + length, len(content))
        for start in range(at, end, _PIECE):
            self._memory.store(address + start - at, content[start : min(start + _PIECE, end)])
        moved = max(end - at, 0)
        self.state.offset += moved
        for start in range(moved, length, _PIECE):
            self._memory.store(address + start, bytes(min(_PIECE, length - start)))

    def _write_from(self, address: int, length: int) -> bool:
        name = self._names.get(self.state.selected & _NUMBER, "")
        content, at = self._content(), self.state.offset
        if name not in self._listeners or not content or at + length > len(content):
            return False
        data = self._memory.load(address, length)
        new = bytes(content[:at]) + data + bytes(content[at + length :])
        self.state.written[name] = new
        self.state.offset += length
        self._listeners[name](new)
        return True


def number_item(value: int, size: int = 4) -> bytes:
    """Numbers in items are little-endian."""
    return value.to_bytes(size, "little")


def board_items(cpus: int = 1, graphic: bool = True) -> dict[int, Content]:
    """What `virt` says of itself."""
    return {
        NOGRAPHIC: number_item(0 if graphic else 1, 2),
        NB_CPUS: number_item(cpus, 2),
        BOOT_MENU: number_item(0, 2),
    }


def kernel_items(kernel: Content, initrd: Content | None, append: str) -> dict[int, Content]:
    """A kernel handed in for firmware to boot, as QEMU hands it to firmware that is started with one."""
    items: dict[int, Content] = {KERNEL_SIZE: number_item(len(kernel)), KERNEL_DATA: kernel}
    if initrd is not None:
        items |= {INITRD_SIZE: number_item(len(initrd)), INITRD_DATA: initrd}
    if append:
        line = append.encode() + b"\0"
        items |= {CMDLINE_SIZE: number_item(len(line)), CMDLINE_DATA: line}
    return items


def _directory(files: Mapping[str, Content]) -> bytes:
    if len(files) > _FILES_MAX:
        raise ValueError(f"there are {len(files)} files, and numbers for {_FILES_MAX}")
    entries = []
    for number, (name, content) in enumerate(files.items()):
        encoded = name.encode()
        if not 0 < len(encoded) <= _NAME_MAX:
            raise ValueError(f"a file cannot be called '{name}'")
        entries.append(_FILE.pack(len(content), FILE_FIRST + number, 0, encoded))
    return struct.pack(">I", len(entries)) + b"".join(entries)
