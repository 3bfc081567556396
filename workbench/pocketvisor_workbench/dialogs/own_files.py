"""A guest from files of one's own: what kind it is, the file to start from, and what goes with it."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QWidget

from pocketvisor.api import GuestImage, image_from_files
from pocketvisor_workbench.dialogs.file_row import FileRow
from pocketvisor_workbench.dialogs.frame import align
from pocketvisor_workbench.phone.section import Choice

_KINDS = (("kernel", "Linux kernel"), ("elf", "ELF file"), ("firmware", "Firmware for the flash at 0"))
_HINTS = {
    "kernel": "zImage, uImage or Android boot image",
    "elf": "Bare-metal ELF file",
    "firmware": "U-Boot, UEFI or another, up to 64 MiB",
}
COMMAND_LINE: Final = "console=ttyAMA0 console=tty0"


class OwnFiles(QWidget):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 12, 0, 0)
        self._form.setVerticalSpacing(8)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.kind = Choice("Kind of guest")
        for value, words in _KINDS:
            self.kind.addItem(words, value)
        self.main = FileRow("File to start from", "")
        self.kernel = FileRow("Kernel for the firmware", "Optional: handed to the firmware to boot")
        self.initrd = FileRow("Initial RAM disk", "Optional")
        self.dtb = FileRow("Device tree", "Optional: the board brings its own")
        self.append = QLineEdit(COMMAND_LINE)
        self.append.setAccessibleName("Kernel command line")
        self._form.addRow("Kind", self.kind)
        self._form.addRow("File", self.main)
        self._form.addRow("Kernel", self.kernel)
        self._form.addRow("Initrd", self.initrd)
        self._form.addRow("Device tree", self.dtb)
        self._form.addRow("Command line", self.append)
        align(self._form)
        for row in (self.main, self.kernel, self.initrd, self.dtb):
            row.changed.connect(self._changed)
        self.kind.currentIndexChanged.connect(self._changed)
        self._changed()

    @property
    def guest_kind(self) -> str:
        return str(self.kind.currentData())

    @property
    def linux(self) -> bool:
        """There is a kernel, started by the board or by the firmware."""
        return self.guest_kind == "kernel" or (self.guest_kind == "firmware" and self.kernel.path is not None)

    def place(self, path: Path) -> None:
        """A file that was dropped, to where it seems to belong."""
        name = path.name.casefold()
        if "initr" in name or name.endswith((".cpio", ".cpio.gz", ".cpio.xz", ".cpio.zst")):
            self.initrd.edit.setText(str(path))
        elif name.endswith(".dtb"):
            self.dtb.edit.setText(str(path))
        else:
            self.main.edit.setText(str(path))
            firmware = name.endswith((".fd", ".rom"))
            kind = "elf" if name.endswith(".elf") else "firmware" if firmware else "kernel"
            self.kind.setCurrentIndex(self.kind.findData(kind))

    def problem(self) -> str:
        for row in self._rows():
            if found := row.problem():
                return found
        return ""

    def image(self, name: str | None, ram_mib: int) -> GuestImage:
        """Raises ImageError."""
        kind, path = self.guest_kind, self.main.path
        return image_from_files(
            kernel=path if kind == "kernel" else self.kernel.path if kind == "firmware" else None,
            elf=path if kind == "elf" else None,
            firmware=path if kind == "firmware" else None,
            initrd=self.initrd.path if self.linux else None,
            dtb=self.dtb.path,
            append=self.append.text().strip() if self.linux else "",
            name=name,
            ram_mib=ram_mib,
        )

    def _rows(self) -> list[FileRow]:
        """Those that count."""
        rows = [self.main, self.dtb]
        if self.guest_kind == "firmware":
            rows.append(self.kernel)
        if self.linux:
            rows.append(self.initrd)
        return rows

    def _changed(self) -> None:
        kind = self.guest_kind
        self.main.edit.setPlaceholderText(_HINTS[kind])
        self._form.setRowVisible(self.kernel, kind == "firmware")
        self._form.setRowVisible(self.initrd, self.linux)
        self._form.setRowVisible(self.append, self.linux)
        self.changed.emit()
