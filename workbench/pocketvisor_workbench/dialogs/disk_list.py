"""The disks that a guest is given besides its own: what each one's format is, and where its writes go."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from pocketvisor.api import DISKS_MAX, DiskSpec, StorageError, check_disk
from pocketvisor_workbench.dialogs.file_list import FileEntry, FileList
from pocketvisor_workbench.phone.section import Choice

_FORMATS = (("raw", "raw"), ("qcow2", "qcow2"))
_MODES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("Overlay", {"mode": "overlay"}, "What the guest writes is gone with it; the file stays as it is"),
    (
        "Kept overlay",
        {"mode": "overlay", "keep": True},
        "What it writes is kept, beside the file",
    ),
    ("Read-only", {"mode": "read-only"}, "The guest cannot write to it"),
    ("Direct", {"mode": "direct"}, "The guest changes the file itself"),
)


class DiskEntry(FileEntry):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.format = Choice(f"Format of {path.name}")
        for value, words in _FORMATS:
            self.format.addItem(words, value)
        self.mode = Choice(f"Where writes to {path.name} go")
        for words, fields, tip in _MODES:
            self.mode.addItem(words, fields)
            self.mode.setItemData(self.mode.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        if path.suffix.casefold() in (".qcow2", ".qcow"):  # its name says it; its content is never asked
            self.format.setCurrentIndex(self.format.findData("qcow2"))
        for choice in (self.format, self.mode):
            choice.currentIndexChanged.connect(self.changed)
            choice.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            self.put(choice)

    @property
    def spec(self) -> DiskSpec:
        return DiskSpec(path=self.path, format=self.format.currentData(), **self.mode.currentData())


class DiskList(FileList):
    def __init__(self) -> None:
        super().__init__(
            "Add a disk…",
            "Disks of the guest",
            ("Disk images (*.img *.raw *.qcow2 *.iso *.bin *.ext4)", "All files (*)"),
        )
        self.add_button.setToolTip("An image file, raw or qcow2; the guest changes it only where you say so")

    def entry(self, path: Path) -> FileEntry:
        return DiskEntry(path)

    @property
    def specs(self) -> tuple[DiskSpec, ...]:
        return tuple(entry.spec for entry in self.entries if isinstance(entry, DiskEntry))

    def problem(self, besides: tuple[DiskSpec, ...]) -> str:
        """`besides`: the disks that the guest has of its own."""
        specs = self.specs
        if len(specs) + len(besides) > DISKS_MAX:
            own = f", and has {len(besides)} of its own" if besides else ""
            return f"A guest can have {DISKS_MAX} disks{own}: remove some"
        for spec in specs:
            try:
                check_disk(spec)
            except StorageError as error:
                return str(error)
        paths = [spec.path.resolve() for spec in (*besides, *specs)]
        for spec in specs:
            if spec.mode == "direct" and paths.count(spec.path.resolve()) > 1:
                return f"{spec.path}: is written to directly, so it can be one disk only"
        return ""
