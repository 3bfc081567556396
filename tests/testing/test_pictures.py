"""What a picture's comparison promises: tolerance, share, region and mask mean what they say."""

from pathlib import Path

import pytest
from PIL import Image

from pocketvisor.testing.pictures import Reference, compare, crop, mask_image


def picture(width: int = 40, height: int = 30, colour: tuple[int, int, int] = (10, 20, 30)) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def test_alike_is_alike() -> None:
    difference = compare(picture(), picture())
    assert (difference.pixels, difference.share, difference.largest) == (0, 0.0, 0)


def test_a_pixel_differs_by_its_worst_channel_beyond_the_tolerance() -> None:
    other = picture()
    other.putpixel((3, 4), (10, 27, 30))
    assert compare(picture(), other, tolerance=7).pixels == 0
    difference = compare(picture(), other, tolerance=6)
    assert (difference.pixels, difference.largest) == (1, 7)
    assert difference.beyond.getbbox() == (3, 4, 4, 5)


def test_masked_rectangles_are_not_compared() -> None:
    other = picture()
    other.paste((200, 200, 200), (0, 0, 10, 5))
    mask = mask_image([(0, 0, 10, 5)], other.size, None)
    difference = compare(picture(), other, mask=mask)
    assert difference.pixels == 0 and difference.compared == 40 * 30 - 50


def test_a_mask_may_be_a_picture_and_is_cut_to_the_region(tmp_path: Path) -> None:
    painted = Image.new("L", (40, 30), 255)
    painted.paste(0, (20, 0, 40, 30))
    painted.save(tmp_path / "mask.png")
    mask = mask_image(tmp_path / "mask.png", (40, 30), (10, 0, 20, 30))
    assert mask is not None and mask.size == (20, 30) and mask.histogram()[255] == 300
    with pytest.raises(ValueError, match="40x30 pixels, the panel 50x30"):
        mask_image(tmp_path / "mask.png", (50, 30), None)


@pytest.mark.parametrize("region", [(30, 0, 11, 5), (0, 0, 0, 5), (-1, 0, 5, 5)])
def test_a_region_lies_on_the_panel(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is not on a panel of 40x30"):
        crop(picture(), region)


def test_a_reference_holds_its_region_alone(tmp_path: Path) -> None:
    reference = Reference(tmp_path / "sub" / "button.png", region=(5, 5, 10, 8))
    assert "--pocketvisor-update" in reference.check(picture())[1]
    reference.store(picture())
    with Image.open(reference.path) as stored:
        assert stored.size == (10, 8)
    outside = picture()
    outside.putpixel((0, 0), (255, 255, 255))
    assert reference.check(outside)[1] == ""
    inside = picture()
    inside.putpixel((7, 7), (255, 255, 255))
    assert "1 of 80 pixels differ" in reference.check(inside)[1]
    assert reference._replace(differing=1 / 80).check(inside)[1] == ""


def test_another_size_is_said_in_words(tmp_path: Path) -> None:
    reference = Reference(tmp_path / "all.png")
    reference.store(picture())
    assert "is 40x30 pixels, what it is compared with 41x30" in reference.check(picture(41))[1]


def test_what_differs_is_kept_for_the_eye(tmp_path: Path) -> None:
    reference = Reference(tmp_path / "all.png")
    reference.store(picture())
    other = picture()
    other.paste((200, 0, 0), (0, 0, 4, 4))
    kept = reference.keep_difference(other, tmp_path / "report")
    assert [path.name for path in kept] == ["all.actual.png", "all.diff.png"]
    with Image.open(kept[1]) as sheet:
        assert sheet.width > 3 * 40 and sheet.getpixel((2 * 48 + 1, 1)) == (220, 0, 0)
