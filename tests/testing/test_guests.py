"""Real guests under test: what the fixtures promise to a software maker's tests, used as they would be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pocketvisor.errors import ImageError, ModelError, OutOfMemory
from pocketvisor.testing import AsyncHandset, NotSeen, PictureError, SyncGuest, SyncHandset

EPOCH = 1_299_999_960
"""When a minute begins: what a test paints stays until the next one, as then the phone draws its clock."""
UP = ((240, 700), (240, 200))


def screen_is(guest: SyncGuest, name: str) -> None:
    """Input and console go different ways into a guest: ask until it is so."""
    for _ in range(50):
        guest.send_line("where")
        if guest.expect(r"^screen (\w+)\n")[1] == name:  # the whole line, however it comes in pieces
            return
        guest.wait_guest_time(0.05)
    raise AssertionError(f"the screen never became {name}")


@pytest.mark.pocketvisor("self_test", rate="max")
def test_a_guest_that_tests_itself_passes_and_powers_off(guest: SyncGuest) -> None:
    ending = guest.expect_pass()
    assert ending.line == "PASS" and "WFI returns" in ending.text
    assert guest.wait_off().kind == "power-off"
    assert guest.counters().ticks > 0


@pytest.mark.pocketvisor("self_test", rate="max", append="fail=1")
def test_a_guest_that_fails_is_a_failure_that_shows_its_last_lines(guest: SyncGuest) -> None:
    with pytest.raises(NotSeen, match=r"said 'FAIL .*no failure was asked for"):
        guest.expect_pass()


@pytest.mark.pocketvisor("personal", rtc_epoch=EPOCH)
def test_touch_keys_and_console_reach_the_guest(guest: SyncGuest) -> None:
    guest.expect("> ")
    guest.send_line("trace on")
    guest.expect("trace on\n")
    guest.tap(100, 120)
    assert guest.expect(r"touch (\d+) (\d+) down").groups() == ("100", "120")
    guest.expect("up")
    guest.press("volume-up")
    assert guest.expect(r"key (\d+) down\n[^k]*key (\d+) up").group(1, 2) == ("115", "115")  # KEY_VOLUMEUP
    guest.swipe(*UP)
    screen_is(guest, "home")
    guest.send_line("lock")
    screen_is(guest, "lock")
    guest.type("\n")
    screen_is(guest, "home")


@pytest.mark.pocketvisor("personal", rtc_epoch=EPOCH)
def test_what_does_not_come_is_a_failure_in_time(guest: SyncGuest) -> None:
    guest.expect("> ")
    with pytest.raises(NotSeen, match=r"'no such text' did not appear within 0.2 s"):
        guest.expect("no such text", 0.2)
    with pytest.raises(NotSeen, match=r"did not stop within 0\.1 s"):
        guest.wait_stopped(0.1)
    with pytest.raises(NotSeen, match=r"came to no end within 0\.1 s"):
        guest.ending(0.1)


@pytest.mark.pocketvisor("personal", rtc_epoch=EPOCH)
def test_a_picture_is_waited_for_and_a_wrong_one_is_shown(
    guest: SyncGuest, request: pytest.FixtureRequest
) -> None:
    guest.expect("> ")
    guest.send_line("paint 336699")
    guest.expect_picture("blue", region=(0, 0, 16, 16))
    if request.config.getoption("--pocketvisor-update"):
        return
    guest.send_line("paint 346699")
    guest.expect("painted 346699")
    with pytest.raises(PictureError, match="256 of 256 pixels differ") as failure:
        guest.expect_picture("blue", 0.3, region=(0, 0, 16, 16))
    difference = Path(str(failure.value).splitlines()[-1].strip())
    assert difference.name == "blue.diff.png" and difference.is_file()
    guest.check_picture("blue", region=(0, 0, 16, 16), tolerance=1)
    guest.check_picture("blue", region=(0, 0, 16, 16), mask=[(0, 0, 480, 800)])


@pytest.mark.pocketvisor("personal", rtc_epoch=EPOCH, deterministic=True, paused=True)
def test_two_deterministic_runs_come_out_alike(handset: SyncHandset) -> None:
    digests = set()
    for _ in range(2):
        guest = handset.start()
        guest.run_until(20_000_000)
        digests.add((guest.counters().ticks, guest.digest()))
        handset.remove(guest)
    assert len(digests) == 1


@pytest.mark.pocketvisor("personal", rtc_epoch=EPOCH)
def test_a_recorded_run_can_be_had_again(handset: SyncHandset) -> None:
    guest = handset.start()
    guest.expect("> ")
    guest.tap(10, 10)
    recording = guest.recording()
    handset.remove(guest)
    again = handset.start(replay=recording, record=False)
    again.wait_stopped()
    assert (again.counters().ticks, again.digest()) == (recording.end.ticks, recording.end.digest)


@pytest.mark.pocketvisor(model="galaxy-s2")
def test_a_handset_holds_several_guests_and_one_foreground(handset: SyncHandset) -> None:
    personal, work = handset.start("personal"), handset.start("work")
    assert handset.model.id == "galaxy-s2" and handset.foreground is personal
    handset.set_foreground(work)
    assert handset.foreground is work
    work.expect("Work phone")
    personal.expect("Personal phone")


@pytest.mark.parametrize("guest", ["personal", {"image": "work", "name": "Other"}], indirect=True)
def test_the_guest_may_be_a_parameter(guest: SyncGuest) -> None:
    guest.expect("phone")
    assert guest.name in ("Personal", "Other")


def test_wrong_words_are_told_in_a_sentence(
    handset_factory: Callable[..., SyncHandset], tmp_path: Path
) -> None:
    handset = handset_factory()
    with pytest.raises(ModelError, match="There is no handset model 'no-such'"):
        handset_factory("no-such")
    with pytest.raises(ImageError, match="There is no guest 'no-such' in the catalogue"):
        handset.start("no-such")
    with pytest.raises(ImageError, match="there is no such file"):
        handset.start(elf=tmp_path / "absent.elf")
    with pytest.raises(TypeError, match="'speed' is nothing that a guest is started with"):
        handset.start("personal", speed=3)
    with pytest.raises(OutOfMemory):
        handset.start("personal", ram_mib=1024)


@pytest.mark.pocketvisor("personal", rtc_epoch=EPOCH)
async def test_coroutines_have_the_same(async_handset: Callable[..., AsyncHandset]) -> None:
    async with async_handset() as handset:
        guest = await handset.start()
        await guest.expect("> ")
        await guest.press("power")
        assert (await guest.screenshot()).size == (480, 800)
        await guest.power_off()
        assert (await guest.wait_stopped()).kind == "power-off"
