"""Where the chips above a phone are: each over its bay, or in a row where bays are not side by side."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF

from pocketvisor_workbench.stage.chip import HEIGHT, ProfileChip

_GAP = 8


def place_over_bays(chips: Sequence[ProfileChip], bays: Sequence[QRectF], y: int) -> None:
    for chip, bay in zip(chips, bays, strict=True):
        width = min(chip.sizeHint().width(), round(bay.width()))
        chip.setGeometry(round(bay.center().x() - width / 2), y, width, HEIGHT)


def place_in_row(chips: Sequence[ProfileChip], across: int, y: int) -> None:
    """In the middle of a row so wide, as wide as they would be or as there is room for."""
    widths = [chip.sizeHint().width() for chip in chips]
    gaps = _GAP * max(len(widths) - 1, 0)
    room = across - gaps
    if widths and sum(widths) > room:
        widths = [room // len(widths)] * len(widths)
    x = (across - sum(widths) - gaps) // 2
    for chip, width in zip(chips, widths, strict=True):
        chip.setGeometry(x, y, width, HEIGHT)
        x += width + _GAP
