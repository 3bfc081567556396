"""One load under way: the files besides the main one, and how Linux and bare machines are handed over to."""

from msgspec import Struct

from pocketvisor.board import devicetree
from pocketvisor.board.config import BoardConfig, BootPlan, Content, Entry
from pocketvisor.board.loaders.layout import Layout, align
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.map import RAM_BASE
from pocketvisor.errors import ImageError

_NO_MACHINE_NUMBER = 0xFFFFFFFF


class Job(Struct):
    """What a loader works with. It places the kernel, then ends with one of the boot_* methods."""

    config: BoardConfig
    layout: Layout
    initrd: Source | None = None
    dtb: Source | None = None
    kernel: Source | None = None  # for firmware
    append: str = ""

    @property
    def room(self) -> int:
        """The most that unpacking may yield."""
        return self.config.ram_size

    def boot_linux(self, pc: int, summary: str, *, thumb: bool = False) -> BootPlan:
        """As QEMU boots Linux: initrd and device tree behind the kernel, r1 and r2 set."""
        tree = self._place_initrd_and_tree()
        entry = Entry(pc=pc, r1=_NO_MACHINE_NUMBER, r2=tree, thumb=thumb)
        return self._plan(entry, summary)

    def boot_bare(
        self, pc: int, summary: str, *, thumb: bool = False, flash: Content | None = None
    ) -> BootPlan:
        """As QEMU boots an ELF file or firmware: the device tree at the start of RAM, if it is free there.

        r2 holds the tree's address as for Linux, where QEMU leaves 0; without a tree it is 0 here too."""
        initrd = self._place_initrd() if self.initrd is not None else None
        blob, name = self._tree(initrd)
        tree = RAM_BASE
        if self.layout.bottom() < tree + len(blob):
            if self.dtb is not None:
                self.dtb.fail("has no place: the image takes the start of RAM, where the device tree goes")
            tree = 0
        else:
            self.layout.place(name, "the device tree", tree, blob)
        return self._plan(Entry(pc=pc, r2=tree, thumb=thumb), summary, flash)

    def _plan(self, entry: Entry, summary: str, flash: Content | None = None) -> BootPlan:
        banks = {} if flash is None else {0: flash}
        return BootPlan(writes=self.layout.writes, entry=entry, flash=banks, summary=summary)

    def _place_initrd(self) -> tuple[int, int]:
        assert self.initrd is not None
        address = self.layout.initrd_address()
        self.layout.place(self.initrd.name, "the initrd", address, self.initrd.data)
        return address, address + len(self.initrd)

    def _place_initrd_and_tree(self) -> int:
        initrd = self._place_initrd() if self.initrd is not None else None
        blob, name = self._tree(initrd)
        address = align(initrd[1]) if initrd else self.layout.initrd_address()
        self.layout.place(name, "the device tree", address, blob)
        return address

    def _tree(self, initrd: tuple[int, int] | None) -> tuple[bytes, str]:
        if self.dtb is None:
            try:
                return devicetree.build(self.config, self.append, initrd), "the board"
            except ValueError as error:
                raise ImageError(f"The device tree cannot be built: {error}") from error
        return devicetree.fit(
            self.dtb.bytes(), self.dtb.name, self.config, self.append, initrd
        ), self.dtb.name
