"""Adding a guest to a handset: one from the library, or from files of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.api import ImageError, RunOptions
from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.dialogs.more import More
from pocketvisor_workbench.dialogs.own_files import OwnFiles
from pocketvisor_workbench.fetching import way_of
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.phone.section import Slider
from pocketvisor_workbench.swatch import swatch
from pocketvisor_workbench.widgets import CheckBox, push_button

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage, Handset
    from pocketvisor_workbench.session import Session

_RAM_STEP = 16
_OWN_RAM_MIB = 256
_DISKS = (".qcow2", ".iso")
_WIDTH, _HEIGHT, _UNFOLDED = 580, 600, 820
_LEAST_WIDTH, _MARGIN = 540, 60


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
        self._suggested_mib = 0
        self.tabs = QTabWidget()
        self.tabs.addTab(self._make_library(), "From the library")
        self.own = OwnFiles()
        self.tabs.addTab(self.own, "From files of your own")
        self.body.addWidget(self._make_area(), 1)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.body.addWidget(self.problem)
        self.tabs.currentChanged.connect(self._guest_changed)
        self.images.currentRowChanged.connect(self._image_changed)
        self.own.changed.connect(self._guest_changed)
        self.more.changed.connect(self._check)
        self.more.head.clicked.connect(self._more_folded)
        self.tabs.setCurrentIndex(1 if own_files else 0)
        self._place_files(files or [])
        self.images.setCurrentRow(0)
        self._image_changed()
        self.setMinimumWidth(_LEAST_WIDTH)
        self._grow(_HEIGHT)
        (self.own.main.edit if own_files else self.images).setFocus()

    # Parts

    def _make_area(self) -> QScrollArea:
        """All but the buttons and what is wrong, which are always in sight."""
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(10)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(self._make_options())
        self.more = More()
        layout.addWidget(self.more)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setWidget(inside)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return self.area

    def _make_library(self) -> QWidget:
        self.images = QListWidget()
        self.images.setAccessibleName("Guests of the library")
        self.images.setSpacing(1)
        self.images.setMinimumHeight(140)
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
        self._fetch.setAutoDefault(False)
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

    def _make_options(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setAccessibleName("Name of the guest")
        self.ram = Slider(1, max(self._handset.ram_free_mib // _RAM_STEP, 1), "Memory of the guest", page=4)
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
        align(form)
        return form

    def _more_folded(self) -> None:
        if self.more.inside.isHidden():
            return
        self._grow(_UNFOLDED)
        QTimer.singleShot(0, self, lambda: self.area.ensureWidgetVisible(self.more.disks))

    def _grow(self, height: int) -> None:
        """Up to what the screen has."""
        room = self.screen().availableGeometry().size()
        width, height = max(_WIDTH, self.width()), max(height, self.height())
        self.resize(min(width, room.width()), min(height, room.height() - _MARGIN))

    def focusNextPrevChild(self, forward: bool) -> bool:
        """What has the keyboard is in sight."""
        moved = super().focusNextPrevChild(forward)
        focused = self.focusWidget()
        if focused is not None and self.area.isAncestorOf(focused):
            self.area.ensureWidgetVisible(focused, 0, 24)
        return moved

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
            suffix = path.suffix.casefold()
            if suffix in _DISKS:
                self.more.disks.add([path])
            elif suffix == ".py":
                self.more.devices.add([path])
            else:
                self.own.place(path)

    def _guest_changed(self) -> None:
        image = self.image
        if self.from_files:
            kind = self.own.guest_kind
            self.more.show_guest(None, "linux" if kind == "kernel" else kind)
            main = self.own.main.path
            self.name.setPlaceholderText(main.stem if main is not None else "")
            self._suggest_ram(_OWN_RAM_MIB)
        elif image is not None:
            self.more.show_guest(image, image.kind)
            self.name.setPlaceholderText(image.name)
            self._suggest_ram(image.ram_mib)
        self._check()

    def _suggest_ram(self, mib: int) -> None:
        """Once for a guest; what the user sets then stays."""
        if mib != self._suggested_mib:
            self._suggested_mib = mib
            self.ram.setValue(min(mib // _RAM_STEP, self.ram.maximum()))

    def _image_changed(self) -> None:
        image = self.image
        if image is not None:
            way = way_of(image)
            self._about.setText(image.description if image.available else image.missing)
            self._fetch.setVisible(bool(way))
            if way:
                self._fetch.setText(way.verb)
                set_icon(self._fetch, way.picture)
        self._guest_changed()

    def _check(self) -> None:
        self._ram_words.setText(f"{self.ram_mib} MiB")
        self._tell(self._find_problem())
        image = self.image
        ready = self.own.main.path is not None if self.from_files else image is not None and image.available
        if self.accept_button is not None:
            self.accept_button.setEnabled(bool(ready) and not self.problem.text())

    def _tell(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def _find_problem(self) -> str:
        image = self.image
        if self.from_files:
            if found := self.own.problem():
                return found
        elif image is not None and image.available and self.ram_mib < image.least_ram_mib:
            return (
                f"{image.name} needs at least {image.least_ram_mib} MiB; "
                f"{self._handset.name} has {self._handset.ram_free_mib} MiB left"
            )
        return self.more.problem()

    def _fetch_chosen(self) -> None:
        if self.image is not None:
            self.fetch_wanted.emit(self.image.id)
            self.reject()

    def accept(self) -> None:
        self._check()  # files may have gone meanwhile
        if self.accept_button is None or not self.accept_button.isEnabled():
            return
        name = self.name.text().strip()
        try:
            image = self.own.image(name or None, self.ram_mib) if self.from_files else self.image
        except ImageError as error:
            self._tell(str(error))
            return
        options = RunOptions(
            ram_mib=self.ram_mib,
            deterministic=self.deterministic.isChecked(),
            rate="max" if self.fast.isChecked() else "model",
        )
        self.picked.emit(image, name, self.more.apply(options))
        super().accept()
