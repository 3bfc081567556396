"""Where things go in RAM: where QEMU's `virt` places them (hw/arm/boot.c), and never over each other."""

from typing import Final, NoReturn

from pocketvisor.board.config import Content
from pocketvisor.board.map import RAM_BASE
from pocketvisor.errors import ImageError

KERNEL_OFFSET: Final = 0x10000
_INITRD_OFFSET_MAX: Final = 128 << 20
_PAGE: Final = 4096


class _Region:
    def __init__(self, start: int, end: int, name: str, what: str) -> None:
        self.start, self.end, self.name, self.what = start, end, name, what


class Layout:
    """Collects what is written, and refuses what does not fit or overlaps."""

    def __init__(self, ram_size: int) -> None:
        self.ram_size = ram_size
        self.end = RAM_BASE + ram_size
        self.writes: list[tuple[int, Content]] = []
        self._regions: list[_Region] = []

    def place(self, name: str, what: str, address: int, data: Content, size: int | None = None) -> None:
        """Write `data`, and keep `size` bytes from there on (at least data's) for it. `name` is the file."""
        self.reserve(name, what, address, max(size or 0, len(data)))
        if len(data):
            self.writes.append((address, data))

    def reserve(self, name: str, what: str, address: int, size: int) -> None:
        end = address + size
        if size > self.ram_size:
            self._refuse(name, f"{what} needs {_mib(size)}, the guest has {_mib(self.ram_size)} of RAM")
        if address < RAM_BASE or end > self.end:
            self._refuse(
                name,
                f"{what} does not fit into the guest's RAM: it goes to 0x{address:08x} to 0x{end:08x}, "
                f"and RAM is 0x{RAM_BASE:08x} to 0x{self.end:08x}",
            )
        for region in self._regions:
            if address < region.end and region.start < end:
                other = f"{region.what} of {region.name}" if region.name != name else region.what
                self._refuse(name, f"{what} at 0x{address:08x} overlaps {other} at 0x{region.start:08x}")
        if size:
            self._regions.append(_Region(address, end, name, what))

    def top(self) -> int:
        """The end of what is placed, at least the start of RAM."""
        return max((region.end for region in self._regions), default=RAM_BASE)

    def bottom(self) -> int:
        """The start of what is placed, the end of RAM if there is nothing."""
        return min((region.start for region in self._regions), default=self.end)

    def initrd_address(self) -> int:
        """Behind the kernel, leaving it room to unpack and grow."""
        usual = RAM_BASE + min(self.ram_size // 2, _INITRD_OFFSET_MAX)
        return align(max(usual, self.top()))

    @staticmethod
    def _refuse(name: str, cause: str) -> NoReturn:
        raise ImageError(f"{name}: {cause}")


def align(address: int, alignment: int = _PAGE) -> int:
    return (address + alignment - 1) & -alignment


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB".replace(".0 MiB", " MiB")
