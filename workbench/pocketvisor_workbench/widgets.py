"""Small widgets that several panes use."""

from collections.abc import Callable
from html import escape

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QKeySequence, QPainter, QPaintEvent, QPalette, QPen, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.icons import icon, set_icon
from pocketvisor_workbench.theme import accent_ink, tokens

_TIP_MAX = 1000


class ElidedLabel(QLabel):
    """A line that is cut with an ellipsis rather than widening what it is in."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(10)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(self.alignment()), text)

    def event(self, event: QEvent) -> bool:
        """What is cut can be read under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and not self.toolTip():
            cut = self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()
            QToolTip.showText(event.globalPos(), plain_tip(self.text()) if cut else "", self)
            return True
        return super().event(event)


class TwoLines(QWidget):
    """Muted words on two lines; what is over is cut with an ellipsis."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        return self._text

    def sizeHint(self) -> QSize:
        return QSize(120, 2 * self.fontMetrics().height())

    def _lines(self, width: int) -> list[str]:
        metrics = self.fontMetrics()
        words = self._text.split()
        first = ""
        while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= width:
            first = f"{first} {words.pop(0)}".strip()
        rest = " ".join(words)
        if not first or not rest:
            return [metrics.elidedText(first or rest, Qt.TextElideMode.ElideRight, width)]
        return [first, metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)]

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QColor(tokens().muted))
        metrics = self.fontMetrics()
        for number, line in enumerate(self._lines(self.width())):
            painter.drawText(0, number * metrics.height() + metrics.ascent(), line)


class Dot(QWidget):
    """A guest's accent as a dot."""

    def __init__(self, accent: str, parent: QWidget | None = None, size: int = 9) -> None:
        super().__init__(parent)
        self._accent = accent
        self.setFixedSize(size, size)

    def set_accent(self, accent: str) -> None:
        self._accent = accent
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent_ink(QColor(self._accent)))
        painter.drawEllipse(self.rect())


class EmptyState(QWidget):
    """What a pane shows when there is nothing in it: a picture, a sentence, a way on."""

    def __init__(
        self,
        picture: str,
        title: str,
        text: str,
        parent: QWidget | None = None,
        *,
        button: QPushButton | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture = picture
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel(title, self)
        self._title.setObjectName("emptyTitle")
        self._text = QLabel(text, self)
        self._text.setObjectName("emptyText")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(6)
        layout.addStretch()
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(label is not self._icon)
            label.setTextFormat(Qt.TextFormat.PlainText)
            layout.addWidget(label)
        if button is not None:
            layout.addSpacing(8)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        self._tint()

    def set_words(self, title: str, text: str) -> None:
        self._title.setText(title)
        self._text.setText(text)

    def changeEvent(self, event: object) -> None:
        if getattr(event, "type", lambda: None)() == event.Type.PaletteChange:  # type: ignore[attr-defined]
            self._tint()

    def _tint(self) -> None:
        self._icon.setPixmap(icon(self._picture, "muted").pixmap(36, 36))


def tool_button(
    picture: str, tip: str, parent: QWidget | None = None, *, checkable: bool = False
) -> QToolButton:
    """A flat button with a picture; the tip is its name for those who cannot see it."""
    button = QToolButton(parent)
    set_icon(button, picture)
    button.setIconSize(QSize(18, 18))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def plain_tip(text: str) -> str:
    """A tip that shows words of a guest's as they are, though they look like markup; long ones are cut."""
    words = text if len(text) <= _TIP_MAX else f"{text[:_TIP_MAX]}…"
    return f"<qt>{escape(words)}</qt>".replace("\n", "<br>") if "<" in words else words


def on_keys(
    widget: QWidget,
    keys: str | QKeySequence.StandardKey,
    work: Callable[[], object],
    *,
    children: bool = False,
) -> None:
    """Keys that do something while this widget has the focus, or a child of it if wanted."""
    shortcut = QShortcut(QKeySequence(keys), widget)
    # Given to the constructor together with a callable, the context is ignored.
    shortcut.setContext(
        Qt.ShortcutContext.WidgetWithChildrenShortcut if children else Qt.ShortcutContext.WidgetShortcut
    )
    shortcut.activated.connect(work)


def push_button(text: str, picture: str = "", *, primary: bool = False, danger: bool = False) -> QPushButton:
    button = QPushButton(text)
    if picture:
        set_icon(button, picture, "on_accent" if primary else "bad" if danger else "text")
    button.setProperty("primary", primary)
    button.setProperty("danger", danger)
    return button


class CheckBox(QCheckBox):
    """Fusion's box is hardly seen on a dark ground: ours is drawn with the theme's colours."""

    _SIDE = 16

    def sizeHint(self) -> QSize:
        words = self.fontMetrics().size(0, self.text())
        return QSize(self._SIDE + 9 + words.width(), max(words.height(), self._SIDE) + 6)

    def hitButton(self, at: QPoint) -> bool:
        return self.rect().contains(at)

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0.75, (self.height() - self._SIDE) / 2 + 0.75, self._SIDE - 1.5, self._SIDE - 1.5)
        checked = self.isChecked()
        edge = colours.accent if checked or self.hasFocus() or self.underMouse() else colours.muted
        if checked and self.hasFocus():
            edge = colours.text
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        painter.setPen(QPen(QColor(edge), 1.5))
        painter.setBrush(QColor(colours.accent if checked else colours.surface))
        painter.drawRoundedRect(box, 4, 4)
        if checked:
            icon("check-bold", "on_accent").paint(painter, box.adjusted(1, 1, -1, -1).toRect())
        painter.setOpacity(1.0)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = QRectF(self._SIDE + 9, 0, self.width() - self._SIDE - 9, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
