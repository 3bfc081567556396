"""Where the parts of a drawn phone are, for a handset with some guests at some scale. Pure arithmetic.

Spread: one bay a guest, side by side on the phone's plate; the phone's front (earpiece, glass, keys) is
around the bay of the foreground. Single: the front alone.
"""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSizeF

KEY_RAIL = 26.0
"""Beside the phone, for the keys on its edges."""


@dataclass(frozen=True)
class PhoneGeometry:
    """All in the handset view's pixels, the phone's upper left corner (with its key rails) at 0, 0; width and
    height are one screen's."""

    width: float
    height: float
    bays: int
    rim: float
    side: float
    top: float
    bottom: float
    seam: float

    @classmethod
    def of(
        cls, width: int, height: int, factor: float, guests: int, *, single: bool = False
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
        )

    @property
    def pitch(self) -> float:
        """From one bay to the next."""
        return self.width + 2 * (self.side + self.rim) + self.seam

    @property
    def front_size(self) -> QSizeF:
        return QSizeF(
            self.width + 2 * (self.side + self.rim),
            self.height + self.top + self.bottom + 2 * self.rim,
        )

    @property
    def size(self) -> QSizeF:
        """The whole phone with its key rails."""
        return QSizeF(
            2 * KEY_RAIL + (self.bays - 1) * self.pitch + self.front_size.width(), self.front_size.height()
        )

    def bay(self, index: float) -> QRectF:
        """The screen of a bay; between two bays while the foreground is on its way."""
        return QRectF(
            KEY_RAIL + self.rim + self.side + index * self.pitch,
            self.rim + self.top,
            self.width,
            self.height,
        )

    def front(self, index: float) -> QRectF:
        """The phone's front around a bay, rim included."""
        screen = self.bay(index)
        return QRectF(
            screen.x() - self.side - self.rim,
            0.0,
            self.front_size.width(),
            self.front_size.height(),
        )

    def plate(self) -> QRectF:
        """The plate that carries all bays."""
        first, last = self.bay(0), self.bay(self.bays - 1)
        edge = self.side + self.rim
        return QRectF(
            first.x() - edge,
            first.y() - edge,
            last.right() - first.x() + 2 * edge,
            self.height + 2 * edge,
        )

    def front_keys(self, index: float, count: int) -> list[QRectF]:
        """The keys below the glass, evenly spread."""
        screen = self.bay(index)
        size = min(self.bottom * 0.74, screen.width() / max(count, 1) * 0.9, 46.0)
        step = screen.width() / max(count, 1)
        middle = screen.bottom() + self.bottom / 2
        return [
            QRectF(screen.x() + step * (n + 0.5) - size / 2, middle - size / 2, size, size)
            for n in range(count)
        ]

    def edge_keys(self, count: int, *, left: bool) -> list[QRectF]:
        """The keys on one edge of the plate, from the top, reaching into the rail."""
        plate = self.plate()
        height = min(max(26.0, self.height * 0.1), 64.0)
        x = plate.x() - KEY_RAIL if left else plate.right()
        y = plate.y() + max(24.0, self.height * 0.08)
        return [QRectF(x, y + n * (height + 6), KEY_RAIL, height) for n in range(count)]
