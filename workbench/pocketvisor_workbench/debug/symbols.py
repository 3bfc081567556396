"""What is known by name in the selected guest: functions and variables, and the files that say so."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QWidget

from pocketvisor.debug.symbols.names import Symbol
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table, words_box
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.widgets import ElidedLabel, on_keys, plain_tip, tool_button

if TYPE_CHECKING:
    from pocketvisor.debug.symbols.table import SymbolTable

_LIMIT = 500
_PAUSE_MS = 120
_KINDS = (("", "All"), ("function", "Functions"), ("object", "Variables"))


class SymbolsPane(DebugPane):
    name = "symbols"
    title = "Symbols"
    picture = "tag-text-outline"
    empty_title = "No symbols"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.words = words_box("Name of a function or a variable", "Search the symbols")
        self.kind = QComboBox()
        for kind, words in _KINDS:
            self.kind.addItem(words, kind)
        self.kind.setAccessibleName("Kind of symbols")
        row = QHBoxLayout()
        row.setContentsMargins(8, 6, 8, 6)
        row.addWidget(self.words, 1)
        row.addWidget(self.kind)
        self.column.addLayout(row)
        self.model: RowsModel[Symbol] = RowsModel(
            (
                Column("Name", lambda symbol: symbol.name, mono=True),
                Column("Address", lambda symbol: f"{symbol.address:08x}", mono=True, muted=True),
                Column("Size", lambda symbol: str(symbol.size or ""), muted=True),
                Column("File", lambda symbol: symbol.file, muted=True),
            ),
            self,
        )
        self.table = plain_table(self.model, "Symbols", (240, 84, 60, 120))
        self.table.doubleClicked.connect(self._open)
        self.table.selectionModel().currentChanged.connect(self._describe)
        on_keys(self.table, "Return", lambda: self._open(self.table.currentIndex()))
        self.words.returnPressed.connect(lambda: self._open(self.model.index(0, 0)))
        self.column.addWidget(self.table, 1)
        self.hint = QLabel()
        self.hint.setObjectName("muted")
        self.hint.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setContentsMargins(16, 8, 16, 8)
        self.column.addWidget(self.hint, 1)
        self.value = ElidedLabel()
        self.value.setObjectName("value")
        self.value.setContentsMargins(10, 2, 10, 2)
        self.column.addWidget(self.value)
        self.files = ElidedLabel()
        self.files.setObjectName("muted")
        self.files.setContentsMargins(10, 2, 10, 6)
        self.column.addWidget(self.files)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE_MS)
        self._soon.timeout.connect(self.refresh)
        self.words.textChanged.connect(lambda _: self._soon.start())
        self.kind.currentIndexChanged.connect(self.refresh)
        self.inspector.symbols_changed.connect(self.refresh)
        self.refresh()

    def tools(self) -> list[QWidget]:
        add = tool_button("file-plus-outline", "Load symbols from an ELF file or a System.map")
        add.clicked.connect(self.choose_file)
        return [add]

    def forget(self) -> None:
        self.value.setText("")
        self.refresh()

    def refresh(self) -> None:
        symbols = self.inspector.symbols
        layers = symbols.layers if symbols is not None else []
        text, kind = self.words.text().strip(), self.kind.currentData()
        found = symbols.search(text, _LIMIT * (2 if kind else 1)) if symbols is not None else []
        self.model.show_rows([symbol for symbol in found if not kind or symbol.kind == kind][:_LIMIT])
        self.table.setVisible(bool(self.model.rows))
        self.hint.setVisible(not self.model.rows)
        self.hint.setText(self._hint(symbols, text))
        self.files.setText(" · ".join(f"{file.name} ({len(file.names)})" for file in layers))
        problems = symbols.problems if symbols is not None else []
        self.files.setToolTip(plain_tip("\n".join(problems) or self.files.text()))
        self.refuse(next((problem for file in layers if file.differs for problem in file.problems[:1]), ""))

    @staticmethod
    def _hint(symbols: "SymbolTable | None", text: str) -> str:
        layers = symbols.layers if symbols is not None else []
        if not any(len(file.names) for file in layers):
            problems = symbols.problems if symbols is not None else []
            return (problems[0] + ". " if problems else "Nothing is known by name yet. ") + (
                "Load an ELF file or a System.map of what runs in this guest."
            )
        return f"No symbol has '{text}' in its name." if text else "Type the beginning of a name."

    def refuse(self, sentence: str) -> None:
        """A file of another build is a thing to know as long as it is there."""
        symbols = self.inspector.symbols
        differing = [file for file in symbols.layers if file.differs] if symbols is not None else []
        super().refuse(sentence or (differing[0].problems[0] if differing and differing[0].problems else ""))

    def _selected(self) -> Symbol | None:
        index = self.table.currentIndex()
        return self.model.rows[index.row()] if index.isValid() else None

    def _open(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        symbol = self.model.rows[index.row()]
        if symbol.kind == "object":
            self.inspector.show_memory(symbol.address)
        else:
            self.inspector.show_code(symbol.address)

    def _describe(self, *_: object) -> None:
        """A variable's value, where its type is known."""
        symbol, debugger = self._selected(), self.inspector.debugger
        self.value.setText("")
        symbols = self.inspector.symbols
        if symbol is None or debugger is None or symbol.kind != "object" or symbols is None:
            return

        async def work() -> None:
            words = await symbols.value(symbol.name, debugger)
            if self._selected() is symbol:
                self.value.setText(f"{symbol.name} = {words}")
                self.value.setToolTip(plain_tip(words))

        self.inspector.ask(work)

    # Files

    def choose_file(self) -> None:
        dialog = QFileDialog(self, "Load symbols from an ELF file or a System.map")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.load(Path(name)))
        dialog.open()

    def load(self, path: Path) -> None:
        debugger = self.inspector.debugger
        if debugger is None:
            return

        async def work() -> None:
            symbols = self.inspector.symbols
            if symbols is not None:
                file = await symbols.open(path, debugger)
                for problem in file.problems:
                    self.bench.session.log.add(problem, source=debugger.guest.name)

        self.inspector.do(f"Load {path.name} for", work)
