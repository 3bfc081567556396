"""Pictures of a panel: comparing one with its reference, and the references as files beside the tests.

A reference is a PNG of the compared region, no more, so that what moves elsewhere on the panel does not
change the file. Rectangles are (x, y, width, height) in panel pixels. Left out: looking for a picture at
another place than the reference's.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw

Rectangle = tuple[int, int, int, int]
Mask = Iterable[Rectangle] | Path | str
"""What is not compared: rectangles, or a PNG of the panel's size whose black pixels are left out."""


class PictureError(AssertionError):
    """A picture is not as its reference, or has none."""


class Difference(NamedTuple):
    """How two pictures differ: pixels beyond the tolerance, of how many, and by how much at most."""

    pixels: int
    compared: int
    largest: int
    beyond: Image.Image

    @property
    def share(self) -> float:
        """0 for alike, 1 where all that was compared differs."""
        return self.pixels / self.compared if self.compared else 0.0


def compare(
    actual: Image.Image, expected: Image.Image, tolerance: int = 0, mask: Image.Image | None = None
) -> Difference:
    """Compare pictures of one size. A pixel differs where a channel does by more than `tolerance`."""
    red, green, blue = ImageChops.difference(actual.convert("RGB"), expected.convert("RGB")).split()
    worst = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    compared = actual.width * actual.height
    if mask is not None:
        worst = ImageChops.multiply(worst, mask)
        compared = mask.histogram()[255]
    counts = worst.histogram()
    largest = max((level for level, count in enumerate(counts) if count), default=0)
    beyond = worst.point([255 if level > tolerance else 0 for level in range(256)])
    return Difference(sum(counts[tolerance + 1 :]), compared, largest, beyond)


def crop(picture: Image.Image, region: Rectangle | None) -> Image.Image:
    """The region of a panel's picture. ValueError where it is not wholly on the panel."""
    if region is None:
        return picture
    x, y, width, height = region
    inside = 0 <= x < x + width <= picture.width and 0 <= y < y + height <= picture.height
    if not inside:
        raise ValueError(f"the region {region} is not on a panel of {picture.width}x{picture.height} pixels")
    return picture.crop((x, y, x + width, y + height))


def mask_image(mask: Mask, size: tuple[int, int], region: Rectangle | None) -> Image.Image | None:
    """White where to compare, black where not, cut to the region; None where all is compared."""
    if isinstance(mask, str | Path):
        whole = Image.open(mask).convert("L").point([0] + [255] * 255)
        if whole.size != size:
            raise ValueError(f"{mask}: is {whole.width}x{whole.height} pixels, the panel {size[0]}x{size[1]}")
        return crop(whole, region)
    rectangles = list(mask)
    if not rectangles:
        return None
    whole = Image.new("L", size, 255)
    draw = ImageDraw.Draw(whole)
    for x, y, width, height in rectangles:
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=0)
    return crop(whole, region)


def difference_image(actual: Image.Image, expected: Image.Image, beyond: Image.Image) -> Image.Image:
    """Expected, actual, and where they differ in red, side by side."""
    faded = Image.blend(actual.convert("L").convert("RGB"), Image.new("RGB", actual.size, "white"), 0.7)
    faded.paste((220, 0, 0), mask=beyond)
    sheet = Image.new("RGB", (actual.width * 3 + 16, actual.height), (128, 128, 128))
    for number, picture in enumerate((expected, actual, faded)):
        sheet.paste(picture, (number * (actual.width + 8), 0))
    return sheet


class Reference(NamedTuple):
    """A reference picture's file, and how to compare with it."""

    path: Path
    tolerance: int = 0
    differing: float = 0.0
    region: Rectangle | None = None
    mask: Mask = ()

    def check(self, panel: Image.Image) -> tuple[Difference | None, str]:
        """(difference, problem) of a panel's picture; the problem is empty where they are alike enough."""
        if not self.path.is_file():
            return None, f"there is no {self.path} yet: run pytest with --pocketvisor-update to store it"
        actual = crop(panel, self.region)
        with Image.open(self.path) as file:
            expected = file.convert("RGB")
        if expected.size != actual.size:
            return None, (
                f"{self.path} is {expected.width}x{expected.height} pixels, "
                f"what it is compared with {actual.width}x{actual.height}"
            )
        difference = compare(actual, expected, self.tolerance, mask_image(self.mask, panel.size, self.region))
        if difference.share <= self.differing:
            return difference, ""
        return difference, (
            f"{difference.pixels} of {difference.compared} pixels differ from {self.path} by more than "
            f"{self.tolerance}, the most by {difference.largest}"
        )

    def store(self, panel: Image.Image) -> None:
        """Make the panel's picture the reference."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        crop(panel, self.region).save(self.path, optimize=True)

    def keep_difference(self, panel: Image.Image, folder: Path) -> list[Path]:
        """Write what was seen, and how it differs where there is a reference, into a report's folder."""
        folder.mkdir(parents=True, exist_ok=True)
        actual = crop(panel, self.region)
        kept = [folder / f"{self.path.stem}.actual.png"]
        actual.save(kept[0])
        difference, _ = self.check(panel)
        if difference is not None:
            with Image.open(self.path) as file:
                sheet = difference_image(actual, file.convert("RGB"), difference.beyond)
            kept.append(folder / f"{self.path.stem}.diff.png")
            sheet.save(kept[1])
        return kept
