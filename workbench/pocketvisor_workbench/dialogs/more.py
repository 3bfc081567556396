"""What a guest can have besides a name and memory, folded away: disks, network, display, devices of one's
own, where its flash is kept, and parts of its board. Left as it is, all is as the guest wants it."""

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QGridLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor.api import USER_DEVICES_MAX, RunOptions
from pocketvisor_workbench.dialogs.disk_list import DiskList
from pocketvisor_workbench.dialogs.file_list import FileList
from pocketvisor_workbench.dialogs.file_row import FileRow
from pocketvisor_workbench.dialogs.frame import align
from pocketvisor_workbench.dialogs.network_choice import NO_CARD, NetworkChoice
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.phone.section import Choice, Folding
from pocketvisor_workbench.widgets import CheckBox

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage

_DISPLAYS = {"framebuffer": "Framebuffer", "gpu": "GPU (virtio)", "ramfb": "ramfb (through fw_cfg)"}
_PARTS = (
    ("rng", "Random numbers", "virtio-rng"),
    ("balloon", "Memory balloon", "virtio-balloon: memory can be asked back while it runs"),
    ("console", "A second console", "virtio-console"),
    ("modem", "Modem", "AT commands on a virtio console; a phone has one"),
)


class More(Folding):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__("More", "chevron-right")
        self.head.setToolTip("Disks, network, display, devices and parts of the board")
        self._image: GuestImage | None = None
        self._kind = "elf"
        self.disks = DiskList()
        self._own_disks = QLabel()
        self._own_disks.setObjectName("muted")
        disks = QWidget()
        box = QVBoxLayout(disks)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self._own_disks)
        box.addWidget(self.disks)
        self.network = NetworkChoice()
        self.display = Choice("Display")
        self.display.addItem("", None)
        for value, words in _DISPLAYS.items():
            self.display.addItem(words, value)
        self.devices = FileList(
            "Add a device…", "Devices of your own", ("Python files (*.py)", "All files (*)")
        )
        self.devices.add_button.setToolTip("A Python file with one class of a device, found by its driver")
        self.flash = FileRow(
            "Where the flash is kept", "Optional: a file that keeps what firmware writes", new=True
        )
        self._form = QFormLayout()
        self._form.setVerticalSpacing(10)
        self._form.addRow(_word("Disks"), disks)
        self._form.addRow(_word("Network"), self.network)
        self._form.addRow(_word("Display"), self.display)
        self._form.addRow(_word("Devices"), self.devices)
        self._form.addRow(_word("Flash"), self.flash)
        self._form.addRow(_word("Board"), self._make_board())
        align(self._form)
        self.body.setContentsMargins(0, 0, 0, 4)
        self.body.addLayout(self._form)
        for part in (self.disks, self.network, self.devices, self.flash):
            part.changed.connect(self._changed)
        self.display.currentIndexChanged.connect(self._changed)
        self.unfold(False)
        self.show_guest(None, "elf")

    def _make_board(self) -> QWidget:
        board = QWidget()
        grid = QGridLayout(board)
        grid.setContentsMargins(0, 2, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setHorizontalSpacing(16)
        self.phone = CheckBox("A phone's parts")
        self.phone.setToolTip("Battery, location, motion and a modem, as the Controls pane sets them")
        self.parts = {name: CheckBox(words) for name, words, _ in _PARTS}
        for name, _, tip in _PARTS:
            self.parts[name].setToolTip(tip)
        self.legacy = CheckBox("virtio from before 1.0")
        self.legacy.setToolTip("All virtio devices as version 1, for old drivers")
        self.semihosting = CheckBox("Answer semihosting calls")
        self.semihosting.setToolTip("ARM semihosting: a program's output and its exit code")
        boxes = (self.phone, *self.parts.values(), self.legacy, self.semihosting)
        for number, box in enumerate(boxes):
            grid.addWidget(box, number // 2, number % 2)
            box.toggled.connect(self._changed)
        return board

    def unfold(self, wanted: bool) -> None:
        super().unfold(wanted)
        set_icon(self.head, "chevron-down" if wanted else "chevron-right", "muted")

    def show_guest(self, image: "GuestImage | None", kind: str) -> None:
        """The guest that is chosen, None for files of one's own, and its kind."""
        before, self._image, self._kind = self._image, image, kind
        usual = "none" if kind != "elf" else NO_CARD
        self.network.set_usual((image.network if image is not None else "") or usual)
        display = image.display if image is not None else "framebuffer"
        self.display.setItemText(0, f"As the guest wants it: {display}")
        if self.phone.isChecked() == _phone_of(before):
            self.phone.setChecked(_phone_of(image))
        for name, box in self.parts.items():
            had, has = (guest is not None and name in guest.parts for guest in (before, image))
            if had != has:
                box.setChecked(has)
            box.setEnabled(not has)
        count = len(image.disks) if image is not None else 0
        self._own_disks.setText(f"{count} of its own, and:" if count else "")
        self._own_disks.setVisible(bool(count))
        self._form.setRowVisible(self.flash, kind == "firmware")
        self._changed()

    def problem(self) -> str:
        """One sentence on what cannot be so, or nothing."""
        found = self.disks.problem(self._image.disks if self._image is not None else ())
        if found := found or self.network.problem():
            return found
        paths = [entry.path for entry in self.devices.entries]
        if len(paths) > USER_DEVICES_MAX:
            return f"A guest can have {USER_DEVICES_MAX} devices of your own: remove some"
        for path in paths:
            if not path.is_file():
                return f"{path}: there is no such file"
            if paths.count(path) > 1:
                return f"{path}: a device can be there once only"
        return self.flash.problem() if self._kind == "firmware" else ""

    def apply(self, options: RunOptions) -> RunOptions:
        """What was chosen besides, on top of other options."""
        image = self._image
        own = image.parts if image is not None else ()
        phone = self.phone.isChecked()
        return msgspec.structs.replace(
            self.network.apply(options),
            disks=self.disks.specs,
            display=self.display.currentData(),
            devices=tuple(entry.path for entry in self.devices.entries),
            flash=self.flash.path if self._kind == "firmware" else None,
            phone=phone if phone != _phone_of(image) else None,
            parts=tuple(name for name, box in self.parts.items() if box.isChecked() and name not in own),
            legacy_virtio=self.legacy.isChecked(),
            semihosting=self.semihosting.isChecked(),
        )

    def _changed(self) -> None:
        self.summary.setText(", ".join(self._words()) or "as the guest wants it")
        self.changed.emit()

    def _words(self) -> list[str]:
        """What differs from what the guest would have."""
        words = []
        for count, what in ((len(self.disks.entries), "disk"), (len(self.devices.entries), "device")):
            if count:
                words.append(f"{count} {what}{'s' if count > 1 else ''}")
        options = self.apply(RunOptions()) if not self.network.problem() else RunOptions()
        return [
            *words,
            *([self.network.words] if self.network.words else []),
            *([self.display.currentText().partition(" ")[0]] if self.display.currentData() else []),
            *(["no phone's parts"] if options.phone is False else []),
            *(["a phone's parts"] if options.phone else []),
            *(self.parts[name].text().lower() for name in options.parts),
            *(["old virtio"] if options.legacy_virtio else []),
            *(["semihosting"] if options.semihosting else []),
            *(["flash kept"] if options.flash is not None else []),
        ]


def _phone_of(image: "GuestImage | None") -> bool:
    return image.phone if image is not None else False


def _word(text: str) -> QLabel:
    """The heading of a row, at its top."""
    label = QLabel(text)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setContentsMargins(0, 6, 0, 0)
    return label
