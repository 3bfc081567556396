"""Adding a guest to a handset: one from the library, or from files of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSlider,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.api import ImageError, RunOptions, image_from_files
from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.swatch import swatch
from pocketvisor_workbench.widgets import CheckBox, push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage, Handset
    from pocketvisor_workbench.session import Session

_RAM_STEP = 16
_KINDS = (("kernel", "Linux kernel"), ("elf", "ELF file"), ("firmware", "Firmware for the flash at 0"))


class FileRow(QWidget):
    """A path with a button to choose it; files can be dropped on it."""

    changed = Signal()

    def __init__(self, title: str, hint: str) -> None:
        super().__init__()
        self._title = title
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(hint)
        self.edit.setAccessibleName(title)
        self.edit.textChanged.connect(self.changed)
        browse = tool_button("folder-open-outline", f"Choose: {title}")
        browse.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit, 1)
        layout.addWidget(browse)

    @property
    def path(self) -> Path | None:
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def _browse(self) -> None:
        dialog = QFileDialog(self, self._title)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.open()


class AddGuestDialog(DialogFrame):
    picked = Signal(object, str, object)
    fetch_wanted = Signal(str)

    def __init__(
        self,
        session: "Session",
        handset: "Handset",
        parent: QWidget,
        *,
        own_files: bool = False,
        files: list[Path] | None = None,
    ) -> None:
        super().__init__(
            f"Add a guest to {handset.name}",
            f"{handset.ram_free_mib} MiB of its {handset.model.ram_mib} MiB of memory are free.",
            parent,
            accept="Start",
            picture="play",
        )
        self._session, self._handset = session, handset
        self.tabs = QTabWidget()
        self.tabs.addTab(self._make_library(), "From the library")
        self.tabs.addTab(self._make_files(), "From files of your own")
        self.body.addWidget(self.tabs, 1)
        self.body.addLayout(self._make_options())
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.body.addWidget(self.problem)
        self.tabs.currentChanged.connect(self._check)
        self.images.currentRowChanged.connect(self._image_changed)
        self.tabs.setCurrentIndex(1 if own_files else 0)
        self._place_files(files or [])
        self.images.setCurrentRow(0)
        self._image_changed()
        self.resize(560, 560)

    # Parts

    def _make_library(self) -> QWidget:
        self.images = QListWidget()
        self.images.setAccessibleName("Guests of the library")
        self.images.setSpacing(1)
        for image in self._session.images.values():
            words = image.name if image.available else f"{image.name} (not on this machine yet)"
            item = QListWidgetItem(swatch(image.accent), words)
            item.setData(Qt.ItemDataRole.UserRole, image.id)
            item.setToolTip(image.description)
            self.images.addItem(item)
        self.images.itemDoubleClicked.connect(lambda _: self.accept())
        self._about = QLabel()
        self._about.setObjectName("muted")
        self._about.setWordWrap(True)
        self._fetch = push_button("Fetch", "download")
        self._fetch.clicked.connect(self._fetch_chosen)
        row = QHBoxLayout()
        row.addWidget(self._about, 1)
        row.addWidget(self._fetch)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(self.images, 1)
        layout.addLayout(row)
        return page

    def _make_files(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(0, 12, 0, 0)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.kind = QComboBox()
        for value, words in _KINDS:
            self.kind.addItem(words, value)
        self.kind.currentIndexChanged.connect(self._kind_changed)
        self.main = FileRow("File to start from", "zImage, uImage, Android boot image, ELF file or firmware")
        self.initrd = FileRow("Initial RAM disk", "Optional")
        self.dtb = FileRow("Device tree", "Optional: the board brings its own")
        self.append = QLineEdit("console=ttyAMA0 console=tty0")
        self.append.setAccessibleName("Kernel command line")
        form.addRow("Kind", self.kind)
        form.addRow("File", self.main)
        form.addRow("Initrd", self.initrd)
        form.addRow("Device tree", self.dtb)
        form.addRow("Command line", self.append)
        for row in (self.main, self.initrd, self.dtb):
            row.changed.connect(self._check)
        return page

    def _make_options(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setAccessibleName("Name of the guest")
        self.ram = QSlider(Qt.Orientation.Horizontal)
        self.ram.setAccessibleName("Memory of the guest")
        self.ram.setMinimum(1)
        self.ram.setMaximum(max(self._handset.ram_free_mib // _RAM_STEP, 1))
        self._ram_words = QLabel()
        self._ram_words.setMinimumWidth(70)
        self._ram_words.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.ram.valueChanged.connect(self._check)
        ram = QHBoxLayout()
        ram.addWidget(self.ram, 1)
        ram.addWidget(self._ram_words)
        self.deterministic = CheckBox("Deterministic: same inputs, same run")
        self.fast = CheckBox("As fast as this computer goes")
        form.addRow("Name", self.name)
        form.addRow("Memory", ram)
        form.addRow("", self.deterministic)
        form.addRow("", self.fast)
        return form

    # What is chosen

    @property
    def ram_mib(self) -> int:
        return self.ram.value() * _RAM_STEP

    @property
    def from_files(self) -> bool:
        return self.tabs.currentIndex() == 1

    @property
    def image(self) -> "GuestImage | None":
        """The library's image that is chosen."""
        item = self.images.currentItem()
        return self._session.images.get(item.data(Qt.ItemDataRole.UserRole)) if item is not None else None

    def _place_files(self, files: list[Path]) -> None:
        """Files that were dropped on a phone, each to where it seems to belong."""
        for path in files:
            lower = path.name.casefold()
            if "initr" in lower or lower.endswith((".cpio", ".cpio.gz", ".cpio.xz", ".cpio.zst")):
                self.initrd.edit.setText(str(path))
            elif lower.endswith(".dtb"):
                self.dtb.edit.setText(str(path))
            else:
                self.main.edit.setText(str(path))
                kind = (
                    "elf"
                    if lower.endswith(".elf")
                    else "firmware"
                    if lower.endswith((".fd", ".rom"))
                    else "kernel"
                )
                self.kind.setCurrentIndex(self.kind.findData(kind))

    def _kind_changed(self) -> None:
        kernel = self.kind.currentData() == "kernel"
        for part in (self.initrd, self.dtb, self.append):
            part.setEnabled(kernel)
        self._check()

    def _image_changed(self) -> None:
        image = self.image
        if image is not None:
            self._about.setText(image.description if image.available else image.missing)
            self._fetch.setVisible(not image.available)
            self.ram.setValue(min(image.ram_mib // _RAM_STEP, self.ram.maximum()))
            self.name.setPlaceholderText(image.name)
        self._check()

    def _check(self) -> None:
        self._ram_words.setText(f"{self.ram_mib} MiB")
        self.problem.setText(self._find_problem())
        self.problem.setVisible(bool(self.problem.text()))
        ready = (
            self.main.path is not None if self.from_files else self.image is not None and self.image.available
        )
        if self.accept_button is not None:
            self.accept_button.setEnabled(bool(ready) and not self.problem.text())

    def _find_problem(self) -> str:
        if self.from_files:
            for row in (self.main, self.initrd, self.dtb):
                if row.isEnabled() and row.path is not None and not row.path.is_file():
                    return f"{row.path}: there is no such file"
            return ""
        image = self.image
        if image is not None and image.available and self.ram_mib < image.least_ram_mib:
            return (
                f"{image.name} needs at least {image.least_ram_mib} MiB; "
                f"{self._handset.name} has {self._handset.ram_free_mib} MiB left"
            )
        return ""

    def _fetch_chosen(self) -> None:
        if self.image is not None:
            self.fetch_wanted.emit(self.image.id)
            self.reject()

    def accept(self) -> None:
        if self.accept_button is None or not self.accept_button.isEnabled():
            return
        try:
            image = self._own_image() if self.from_files else self.image
        except ImageError as error:
            self.problem.setText(str(error))
            self.problem.setVisible(True)
            return
        options = RunOptions(
            ram_mib=self.ram_mib,
            deterministic=self.deterministic.isChecked(),
            rate="max" if self.fast.isChecked() else "model",
        )
        self.picked.emit(image, self.name.text().strip(), options)
        super().accept()

    def _own_image(self) -> "GuestImage":
        kind, path = self.kind.currentData(), self.main.path
        linux = kind == "kernel"
        return image_from_files(
            kernel=path if linux else None,
            elf=path if kind == "elf" else None,
            firmware=path if kind == "firmware" else None,
            initrd=self.initrd.path if linux else None,
            dtb=self.dtb.path if linux else None,
            append=self.append.text().strip() if linux else "",
            name=self.name.text().strip() or None,
            ram_mib=self.ram_mib,
        )
