"""Each guest's colour: its image's, and one of its own where two guests of a phone have the same image."""

from typing import Any

from kit import Workbench
from PySide6.QtGui import QColor

from pocketvisor_workbench.accents import accent_of, free_accent
from pocketvisor_workbench.resources.memory import GuestMemoryRow
from pocketvisor_workbench.widgets import Dot


def test_guests_of_one_image_have_colours_that_can_be_told_apart_and_keep_them(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("work", "work", "work", "personal")
        accents = [accent_of(guest) for guest in reversed(handset.guests)][::-1]
        assert accents[0] == handset.guests[0].image.accent, "the first one has its image's, whoever is asked"
        assert accents[3] == handset.guests[3].image.accent
        hues = [QColor(accent).hueF() for accent in accents]
        assert all(abs(one - other) > 0.05 for one in hues for other in hues if one is not other)
        await handset.remove(handset.guests[0])
        assert [accent_of(guest) for guest in handset.guests] == accents[1:]
        later = await handset.start(workbench.session.images["work"])
        assert accent_of(later) == accents[0], "the one that is free again"
        row = GuestMemoryRow(handset.guests[0])
        dots = row.findChildren(Dot)
        assert len(dots) == 1 and dots[0]._accent == accents[1]

    workbench.run(scenario())


def test_on_another_phone_a_guest_has_its_image_s_colour_again(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("work", "work")
        second = handset.guests[1]
        assert accent_of(second) != second.image.accent
        second.go_to(workbench.session.add_handset(workbench.model("motorola-droid")))
        assert accent_of(second) == second.image.accent

    workbench.run(scenario())


def test_a_colour_that_is_taken_is_turned_and_a_grey_gets_one() -> None:
    assert free_accent("#4f8cff", ["#f0a35c"]) == "#4f8cff"
    turned = QColor(free_accent("#4f8cff", ["#4f8cff"]))
    assert turned.hueF() != QColor("#4f8cff").hueF() and turned.valueF() == QColor("#4f8cff").valueF()
    assert QColor(free_accent("#808080", ["#808080"])).hsvSaturationF() > 0.3
    taken: list[str] = []
    for _ in range(7):
        taken.append(free_accent("#d70a53", taken))
    assert len(set(taken)) == 7
