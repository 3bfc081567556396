"""The vault's part of the Profiles pane: where copies go, and how far they are."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.phone.section import Folding
from pocketvisor_workbench.widgets import tool_button


class VaultPart(Folding):
    def __init__(self, bench: Bench) -> None:
        super().__init__("Vault", "safe-square-outline")
        self.bench = bench
        self._path: Path | None = None
        self.address = QLineEdit()
        self.address.setPlaceholderText("A folder, or s3://bucket/path")
        self.address.setAccessibleName("Where copies of all profiles go")
        self.address.setToolTip(
            "Every generation is copied there as it is made; a lost phone comes back from it"
        )
        self.address.editingFinished.connect(self._set)
        choose = tool_button("folder-open-outline", "Choose the vault's folder")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.address, 1)
        row.addWidget(choose)
        self.body.addLayout(row)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.body.addWidget(self.problem)
        self.unfold(False)
        bench.session.vaulting.changed.connect(self.refresh)
        self.refresh()

    def show_path(self, path: Path | None) -> None:
        self._path = path
        self.refresh()

    def refresh(self) -> None:
        vaulting = self.bench.session.vaulting
        if not self.address.hasFocus():
            self.address.setText(vaulting.address)
        copies = vaulting.of(self._path) if self._path is not None else None
        self.problem.hide()
        if not vaulting.address:
            words = "none"
        elif copies is None:
            words = "ready"
        elif copies.busy:
            words = f"{copies.missing} to copy" if copies.missing > 1 else "copying"
            if copies.fraction is not None:
                words += f", {copies.fraction:.0%}"
        elif copies.problem:
            words = "not reached"
            self.problem.setText(copies.problem)
            self.problem.show()
        else:
            words = f"all copied, to {copies.newest}" if copies.newest else "ready"
        self.summary.setText(words)

    def _set(self) -> None:
        self.bench.session.vaulting.set_address(self.address.text())

    def _choose(self) -> None:
        dialog = QFileDialog(self, "The vault's folder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.bench.session.vaulting.set_address)
        dialog.open()
