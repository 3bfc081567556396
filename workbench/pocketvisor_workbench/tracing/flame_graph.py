"""Where a guest spends its time: functions one above the other as they call each other, as wide as they take.

A click makes a function as wide as the view, with those that led to it above it; Escape and Backspace go back
out. Keys: the arrows go to the caller, the callees and the neighbours, Return zooms in.
"""

import zlib
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from pocketvisor.debug.trace.profile import Frame
from pocketvisor_workbench.theme import on_colour, tokens

ROW = 21
_LEAST = 0.6
_WORDS_FROM = 40
_DEPTH_MOST = 200
_BOXES_MOST = 20_000


@dataclass(frozen=True)
class Box:
    """A function where it is painted: from `left`, `width` wide, of all that is seen being 1."""

    node: Frame
    path: tuple[Frame, ...]
    """From the root to its caller."""
    left: float
    width: float

    @property
    def depth(self) -> int:
        return len(self.path)


def laid_out(root: Frame, zoomed: tuple[Frame, ...]) -> list[Box]:
    """All boxes that are at least a sliver wide. `zoomed`: the way from the root to what fills the width."""
    way = zoomed or (root,)
    boxes = [Box(node, way[:index], 0.0, 1.0) for index, node in enumerate(way)]
    waiting = [boxes[-1]]
    while waiting and len(boxes) < _BOXES_MOST:
        parent = waiting.pop()
        if parent.depth + 1 >= _DEPTH_MOST:
            continue
        left = parent.left
        for child in sorted(parent.node.children.values(), key=lambda each: each.name):
            width = parent.width * child.samples / max(parent.node.samples, 1)
            if width > 0.0002:
                box = Box(child, (*parent.path, parent.node), left, width)
                boxes.append(box)
                waiting.append(box)
            left += width
    return boxes


class FlameGraph(QWidget):
    zoomed = Signal()
    chosen = Signal(object)
    """A function was chosen: its name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Flame graph")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._root: Frame | None = None
        self._way: tuple[Frame, ...] = ()
        self._words: list[str] = []
        self._hover: Box | None = None
        self._at: Box | None = None
        self.boxes: list[Box] = []

    def show_tree(self, root: Frame | None) -> None:
        """The zoom stays, where the new tree has the same functions on the way."""
        names = [node.name for node in self._way]
        self._root, self._way, self._hover, self._at = root, (), None, None
        if root is not None and names[1:]:
            way = [root]
            for name in names[1:]:
                child = way[-1].children.get(name)
                if child is None:
                    break
                way.append(child)
            self._way = tuple(way) if len(way) == len(names) else ()
        self._lay_out()

    def look_for(self, words: str) -> None:
        """Marks functions whose names have all of the words."""
        self._words = words.casefold().split()
        self.update()

    @property
    def is_zoomed(self) -> bool:
        return len(self._way) > 1

    def reset_zoom(self) -> None:
        self._zoom(())

    def found(self) -> float:
        """The share of the samples in functions that are marked, each sample counted once."""
        if self._root is None or not self._words:
            return 0.0
        total, waiting = 0, [self._root]
        while waiting:
            node = waiting.pop()
            if self._marked(node):
                total += node.samples
            else:
                waiting += node.children.values()
        return total / max(self._root.samples, 1)

    def _marked(self, node: Frame) -> bool:
        name = node.name.casefold()
        return bool(self._words) and all(word in name for word in self._words)

    def _zoom(self, way: tuple[Frame, ...]) -> None:
        self._way = way
        self._lay_out()
        self.zoomed.emit()

    def _lay_out(self) -> None:
        self.boxes = laid_out(self._root, self._way) if self._root is not None else []
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        deepest = max((box.depth for box in self.boxes), default=0)
        return QSize(200, (deepest + 1) * ROW + 4)

    # Painting

    def _place(self, box: Box) -> QRectF:
        return QRectF(box.left * self.width(), box.depth * ROW + 2, box.width * self.width(), ROW - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(colours.surface))
        metrics = painter.fontMetrics()
        for box in self.boxes:
            place = self._place(box)
            if place.width() < _LEAST or not place.intersects(QRectF(event.rect())):
                continue
            marked = self._marked(box.node)
            ground = QColor(colours.accent) if marked else colour_of(box.node.name)
            if self._words and not marked:
                ground.setAlpha(70)
            elif box.depth < len(self._way) - 1:
                ground.setAlpha(120)
            if box is self._hover:
                ground = ground.lighter(115)
            painter.fillRect(place.adjusted(0, 0, -0.6, 0), ground)
            if box is self._at and self.hasFocus():
                painter.setPen(QPen(QColor(colours.text), 1.5))
                painter.drawRect(place.adjusted(1, 1, -2, -1))
            if place.width() >= _WORDS_FROM:
                dim = ground.alpha() < 200
                painter.setPen(QColor(colours.text) if dim else on_colour(ground))
                room = place.adjusted(5, 0, -3, 0)
                words = metrics.elidedText(
                    box.node.name, Qt.TextElideMode.ElideRight, max(round(room.width()), 1)
                )
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)

    def words_of(self, box: Box) -> str:
        total = max(self._root.samples if self._root is not None else 1, 1)
        return (
            f"{box.node.name}\n{box.node.samples} of {total} samples, {100 * box.node.samples / total:.1f} %"
            f"\n{100 * box.node.own / total:.1f} % in itself"
        )

    # The mouse

    def box_at(self, at: QPoint) -> Box | None:
        depth, across = (at.y() - 2) // ROW, at.x() / max(self.width(), 1)
        return next(
            (box for box in self.boxes if box.depth == depth and box.left <= across < box.left + box.width),
            None,
        )

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        box = self.box_at(event.position().toPoint())
        if box is not self._hover:
            self._hover = box
            self.update()

    def leaveEvent(self, _: QEvent) -> None:
        self._hover = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        box = self.box_at(event.position().toPoint())
        if box is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        self._at = box
        self.chosen.emit(box.node.name)
        self._into(box)

    def _into(self, box: Box) -> None:
        self._zoom((*box.path, box.node) if box.path else ())
        self._at = next((each for each in self.boxes if each.node is box.node), None)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            box = self.box_at(event.pos())
            if box is not None:
                QToolTip.showText(event.globalPos(), self.words_of(box), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    # The keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Escape, Qt.Key.Key_Backspace) and self.is_zoomed:
            way = self._way[:-1] if key == Qt.Key.Key_Backspace else ()
            self._zoom(way if len(way) > 1 else ())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at is not None:
            self._into(self._at)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right) and self.boxes:
            self._go(key)
        else:
            super().keyPressEvent(event)

    def _go(self, key: int) -> None:
        at = self._at if self._at in self.boxes else None
        if at is None:
            self._at = self.boxes[0]
        elif key == Qt.Key.Key_Up and at.path:
            self._at = next(box for box in self.boxes if box.node is at.path[-1])
        elif key == Qt.Key.Key_Down:
            below = [box for box in self.boxes if box.path and box.path[-1] is at.node]
            self._at = max(below, key=lambda box: box.width, default=at)
        else:
            row = sorted((box for box in self.boxes if box.depth == at.depth), key=lambda box: box.left)
            step = -1 if key == Qt.Key.Key_Left else 1
            self._at = row[min(max(row.index(at) + step, 0), len(row) - 1)] if row else at
        if self._at is not None:
            self.setAccessibleDescription(self.words_of(self._at))
            self.chosen.emit(self._at.node.name)
        self.update()

    def focusInEvent(self, _: object) -> None:
        self.update()

    def focusOutEvent(self, _: object) -> None:
        self.update()


def colour_of(name: str) -> QColor:
    """The same for a name everywhere; warm, the kernel's and the users' apart by nothing but their names."""
    number = zlib.crc32(name.encode("utf-8", "replace"))
    hue = 8 + number % 44
    light = 0.56 + (number >> 8) % 16 / 100 if tokens().dark else 0.62 + (number >> 8) % 14 / 100
    return QColor.fromHslF(hue / 360, 0.62, light)
