"""Where the parts of a drawn phone are, for a handset with some guests at some scale. Pure arithmetic.

Spread: one bay a guest, side by side on the phone's plate; the phone's front (earpiece, glass, keys) is
around the bay of the foreground. Single: the front alone. A phone that is turned is the same one turned as a
whole: bays that were side by side are then one above the other.
"""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSizeF

from pocketvisor_workbench.stage.placement import turned, turned_size

KEY_RAIL = 26.0
"""Beside the phone, for the keys on its edges."""


@dataclass(frozen=True)
class PhoneGeometry:
    """All in the handset view's pixels, the phone's upper left corner (with its key rails) at 0, 0. width and
    height are one screen's while the phone is upright; what is answered is where things are with the phone
    turned clockwise by `turn` degrees."""

    width: float
    height: float
    bays: int
    rim: float
    side: float
    top: float
    bottom: float
    seam: float
    turn: int = 0

    @classmethod
    def of(
        cls, width: int, height: int, factor: float, guests: int, *, single: bool = False, turn: int = 0
    ) -> "PhoneGeometry":
        across = width * factor
        return cls(
            width=float(round(across)),
            height=float(round(height * factor)),
            bays=1 if single else max(guests, 1),
            rim=float(round(max(3.0, 0.02 * across))),
            side=float(round(max(5.0, 0.042 * across))),
            top=float(round(max(20.0, 0.125 * across))),
            bottom=float(round(max(30.0, 0.17 * across))),
            seam=float(round(max(3.0, 0.014 * across))),
            turn=turn,
        )

    @property
    def pitch(self) -> float:
        """From one bay to the next."""
        return self.width + 2 * (self.side + self.rim) + self.seam

    @property
    def size(self) -> QSizeF:
        """The whole phone with its key rails."""
        whole = self._upright_size
        return QSizeF(*turned_size(whole.width(), whole.height(), self.turn))

    @property
    def front_size(self) -> QSizeF:
        """The phone's front while it is upright, rim included."""
        return QSizeF(
            self.width + 2 * (self.side + self.rim),
            self.height + self.top + self.bottom + 2 * self.rim,
        )

    def bay(self, index: float) -> QRectF:
        """The screen of a bay; between two bays while the foreground is on its way."""
        return self._turned(self._bay(index))

    def front(self, index: float) -> QRectF:
        """The phone's front around a bay, rim included."""
        screen = self._bay(index)
        return self._turned(
            QRectF(screen.x() - self.side - self.rim, 0.0, self.front_size.width(), self.front_size.height())
        )

    def plate(self) -> QRectF:
        """The plate that carries all bays."""
        return self._turned(self._plate())

    def front_keys(self, index: float, count: int) -> list[QRectF]:
        """The keys below the glass, evenly spread."""
        screen = self._bay(index)
        size = min(self.bottom * 0.74, screen.width() / max(count, 1) * 0.9, 46.0)
        step = screen.width() / max(count, 1)
        middle = screen.bottom() + self.bottom / 2
        return [
            self._turned(QRectF(screen.x() + step * (n + 0.5) - size / 2, middle - size / 2, size, size))
            for n in range(count)
        ]

    def edge_keys(self, count: int, *, left: bool) -> list[QRectF]:
        """The keys on one edge of the plate, from the top, reaching into the rail."""
        plate = self._plate()
        height = min(max(26.0, self.height * 0.1), 64.0)
        x = plate.x() - KEY_RAIL if left else plate.right()
        y = plate.y() + max(24.0, self.height * 0.08)
        return [self._turned(QRectF(x, y + n * (height + 6), KEY_RAIL, height)) for n in range(count)]

    def along(self, across: float, down: float) -> float:
        """How far a way on the screen goes from one bay towards the next."""
        return {0: across, 90: down, 180: -across, 270: -down}[self.turn]

    # Upright

    @property
    def _upright_size(self) -> QSizeF:
        return QSizeF(
            2 * KEY_RAIL + (self.bays - 1) * self.pitch + self.front_size.width(), self.front_size.height()
        )

    def _turned(self, rect: QRectF) -> QRectF:
        whole = self._upright_size
        return turned(rect, whole.width(), whole.height(), self.turn)

    def _bay(self, index: float) -> QRectF:
        return QRectF(
            KEY_RAIL + self.rim + self.side + index * self.pitch,
            self.rim + self.top,
            self.width,
            self.height,
        )

    def _plate(self) -> QRectF:
        first, last = self._bay(0), self._bay(self.bays - 1)
        edge = self.side + self.rim
        return QRectF(
            first.x() - edge,
            first.y() - edge,
            last.right() - first.x() + 2 * edge,
            self.height + 2 * edge,
        )
