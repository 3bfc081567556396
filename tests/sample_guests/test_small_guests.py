"""The template, the self-test and the MMIO benchmark."""

import re

from pocketvisor.testing import SyncHandset

ORANGE = (0xFF, 0xB3, 0x00)


def test_the_template_echoes_marks_touches_and_powers_off(handset: SyncHandset) -> None:
    guest = handset.start("template")
    guest.expect("powers off")
    guest.write("hello")
    guest.expect("hello")
    for place in ((100, 150), (300, 600)):
        guest.tap(*place)
    guest.wait_still()
    picture = guest.screenshot()
    assert picture.getpixel((100, 150)) == ORANGE
    assert picture.getpixel((300, 600)) == ORANGE
    assert picture.getpixel((200, 400)) != ORANGE
    guest.write("q")
    guest.wait_off()


def test_the_board_passes_the_self_test(handset: SyncHandset) -> None:
    guest = handset.start("self_test")
    guest.expect_pass()
    guest.wait_off()


def test_the_self_test_can_fail(handset: SyncHandset) -> None:
    guest = handset.start("self_test", append="fail=1")
    assert guest.ending().code == 1


def test_the_benchmark_marks_each_of_its_rounds(handset: SyncHandset) -> None:
    guest = handset.start("bench_mmio", append="rounds=1000 repeat=2", rate="max")
    guest.wait_off()
    begun = re.findall(r"BEGIN (\S+) (\d+)", guest.text)
    assert begun == re.findall(r"END (\S+) (\d+)", guest.text)
    assert len(begun) == 10
    assert ("pl011-read", "1000") in begun
