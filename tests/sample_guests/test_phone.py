"""The sample phone boots on every kind of panel, and does what fingers, keys and its console ask for."""

import time

import pytest
from PIL import ImageChops, ImageStat
from PIL.Image import Image

from pocketvisor.testing import SyncHandset

from .phone import Phone

APPS = ("notes", "contacts", "photos", "settings", "calendar", "clock", "calculator", "draw")
MODELS = ("htc-dream", "nexus-one", "motorola-droid", "htc-one-s")
KEY_A, KEY_B, KEY_ENTER, KEY_ESC = 30, 48, 28, 1
A_SATURDAY = 1_795_240_800  # 2026-11-21 06:00

# The minute on the status bar stands still for as long as a test takes.
pytestmark = pytest.mark.pocketvisor(rtc_epoch=A_SATURDAY)


def brightness(picture: Image) -> float:
    return ImageStat.Stat(picture.convert("L")).mean[0]


def differ(one: Image, other: Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is not None


@pytest.fixture
def phone(handset: SyncHandset) -> Phone:
    return Phone.start(handset)


@pytest.mark.parametrize("image", ["personal", "work"])
@pytest.mark.pocketvisor(model="zte-open", deterministic=True)
def test_the_lock_and_the_home_screen_look_as_designed(handset: SyncHandset, image: str) -> None:
    phone = Phone.start(handset, image)
    phone.guest.expect_picture(f"{image}-lock")
    phone.run("home")
    phone.guest.expect_picture(f"{image}-home")


@pytest.mark.parametrize("model", MODELS)
def test_it_fits_every_panel(handset_factory, model: str) -> None:
    """Every app's controls are on the panel, and the two dresses differ."""
    handset: SyncHandset = handset_factory(model)
    pictures = []
    for image in ("personal", "work"):
        phone = Phone.start(handset, image)
        width, height = phone.size
        assert (width, height) == (handset.model.panel.width, handset.model.panel.height)
        phone.run("home")
        for app in APPS:
            phone.run(f"app {app}")
            places = phone.where()
            assert phone.screen == app
            assert "back" in places
            assert all(0 <= x < width and 0 <= y < height for x, y in places.values())
        pictures.append(phone.guest.screenshot())
    assert differ(*pictures)


def test_a_swipe_unlocks_and_a_tap_opens_each_app(phone: Phone) -> None:
    assert phone.on("lock")
    phone.unlock()
    assert phone.on("home")
    for app in APPS:
        phone.tap(app.capitalize())
        assert phone.on(app)
        phone.tap("back")
        assert phone.on("home")


def test_a_short_swipe_leaves_it_locked(phone: Phone) -> None:
    width, height = phone.size
    phone.guest.swipe((width // 2, height * 9 // 10), (width // 2, height * 8 // 10), 0.5)
    phone.still()
    assert phone.on("lock")


def test_notes_are_typed_by_finger_and_by_keyboard(phone: Phone) -> None:
    phone.run("home")
    phone.tap("Notes")
    phone.tap("add")
    phone.still()
    for name in ("h", "i", "space"):
        phone.tap(name)
    for code in (KEY_A, KEY_B, KEY_ENTER):
        phone.guest.key(code, True)
        phone.guest.key(code, False)
    phone.run("back")  # hides the keyboard
    phone.run("back")
    places = phone.where()
    assert phone.screen == "notes"
    assert "Hi ab" in places


def test_two_thumbs_type_at_once(phone: Phone) -> None:
    phone.run("home")
    phone.tap("Notes")
    phone.tap("add")
    phone.still()
    places = phone.where()
    for slot, name in enumerate("op"):
        phone.guest.touch(*places[name], "down", slot)
    for slot, name in enumerate("op"):
        phone.guest.touch(*places[name], "up", slot)
    phone.run("back")
    phone.run("back")
    assert "Op" in phone.where()


def test_a_note_is_deleted_after_a_question(phone: Phone) -> None:
    phone.run("app notes")
    phone.tap("Groceries")
    phone.tap("action")
    phone.still()
    phone.tap("Delete")
    assert phone.on("notes")
    assert "Groceries" not in phone.where()


def test_a_list_flies_on_after_the_finger_and_comes_to_rest(phone: Phone) -> None:
    phone.run("app contacts")
    phone.still()
    width, height = phone.size
    assert "Ada Lindqvist" in phone.where()
    low, high = (width // 2, height * 8 // 10), (width // 2, height * 4 // 10)
    while True:
        begun = phone.seconds()
        phone.run("frames reset")
        phone.guest.swipe(low, high, 0.15)
        if phone.seconds() - begun < 0.3:
            break
        phone.guest.swipe(high, low, 1.0)  # the finger rested on its way, as the host did: once more
        phone.still()
    phone.still()
    assert "Ada Lindqvist" not in phone.where()
    assert phone.frames()["frames"] > 20


def test_photos_are_swiped_and_zoomed(phone: Phone) -> None:
    phone.run("app photos")
    phone.still()
    phone.tap("Ericeira")
    phone.still()
    assert phone.on("photo")
    first = phone.guest.screenshot()
    width, height = phone.size
    phone.guest.swipe((width * 8 // 10, height // 2), (width * 2 // 10, height // 2))
    phone.still()
    second = phone.guest.screenshot()
    assert differ(first, second)
    middle = height // 2
    phone.guest.touch(width * 4 // 10, middle, "down", 0)
    phone.guest.touch(width * 6 // 10, middle, "down", 1)
    phone.guest.touch(width * 1 // 10, middle, "move", 0)
    phone.guest.touch(width * 9 // 10, middle, "move", 1)
    phone.guest.touch(width * 1 // 10, middle, "up", 0)
    phone.guest.touch(width * 9 // 10, middle, "up", 1)
    phone.still()
    assert differ(second, phone.guest.screenshot())


def test_the_calculator_calculates(phone: Phone) -> None:
    phone.run("app calculator")
    for key in ("1", "2", ".", "5", "\N{MULTIPLICATION SIGN}", "8", "="):
        phone.tap(key)
    phone.still()
    hundred = phone.guest.screenshot()
    phone.tap("C")
    for key in "100":
        phone.tap(key)
    phone.tap("=")
    phone.still()
    assert not differ(hundred, phone.guest.screenshot())


@pytest.mark.pocketvisor(deterministic=True)
def test_the_stopwatch_runs_at_sixty_frames(phone: Phone) -> None:
    phone.run("app clock")
    phone.tap("STOPWATCH")
    phone.tap("start")
    assert phone.frames_a_second("frames") >= 55
    phone.tap("pause")
    phone.still()


def test_the_brightness_dims_the_panel(phone: Phone) -> None:
    phone.run("app settings")
    phone.still()
    bright = brightness(phone.guest.screenshot())
    x, y = phone.where()["brightness"]
    phone.guest.swipe((x, y), (x // 4, y))
    phone.still()
    assert brightness(phone.guest.screenshot()) < bright / 2


def test_the_power_key_sleeps_and_wakes(phone: Phone) -> None:
    phone.run("home")
    phone.still()
    assert phone.power() == "screen lock, display off"
    assert brightness(phone.guest.screenshot()) == 0
    assert phone.power() == "screen lock"
    assert brightness(phone.guest.screenshot()) > 10


def test_a_long_press_of_power_offers_to_power_off(phone: Phone) -> None:
    phone.guest.press("power", 1.0)
    phone.still()
    phone.tap("Power off")
    phone.guest.wait_off()


def test_the_keys_of_the_handset_do_what_they_say(phone: Phone) -> None:
    phone.run("home")
    phone.run("app contacts")
    shown = False
    while not shown:
        begun = phone.seconds()
        phone.guest.press("volume-up")
        phone.guest.wait_guest_time(0.3)
        shown = "volume" in phone.where()
        assert shown or phone.seconds() - begun > 1.0  # it is there for longer than that
    phone.guest.press("back")
    assert phone.on("home")
    phone.guest.press("menu")
    assert phone.on("settings")
    phone.guest.press("home")
    assert phone.on("home")
    phone.guest.press("search")
    assert phone.on("contacts")
    phone.guest.key(KEY_ESC, True)
    phone.guest.key(KEY_ESC, False)
    assert phone.on("home")


@pytest.mark.pocketvisor(model="nokia-n900")
def test_edges_stand_in_for_keys_that_are_not_there(phone: Phone) -> None:
    width, height = phone.size
    phone.run("app notes")
    phone.tap("Groceries")
    phone.still()
    phone.guest.swipe((2, height // 2), (width // 2, height // 2))
    assert phone.on("notes")
    phone.still()
    phone.guest.swipe((width // 2, height - 2), (width // 2, height // 2))
    assert phone.on("home")


def test_it_costs_nothing_while_nothing_changes(phone: Phone) -> None:
    """On the home screen it wakes for the minute alone."""
    phone.run("home")
    phone.still()
    before = phone.guest.counters()
    phone.guest.wait_guest_time(3.0)
    after = phone.guest.counters()
    assert after.waits - before.waits <= 1
    assert after.ticks - before.ticks < 20_000_000


@pytest.mark.pocketvisor(skip_idle=True)
def test_the_clock_goes_on_while_nobody_touches_it(phone: Phone) -> None:
    """The lock screen is redrawn at the minute (it once slept from each minute to the next). Here a minute in
    which nothing happens is over at once."""
    before = phone.guest.screenshot()
    deadline = time.monotonic() + 120
    while not differ(before, phone.guest.screenshot()):
        assert time.monotonic() < deadline


@pytest.mark.pocketvisor(deterministic=True)
def test_the_animation_changes_the_whole_panel_sixty_times_a_second(phone: Phone) -> None:
    phone.run("anim on")
    assert phone.frames_a_second("full") >= 55
    phone.run("anim off")
    phone.still()


def test_touches_are_traced_where_they_are(phone: Phone) -> None:
    phone.run("trace on")
    phone.guest.tap(123, 234)
    phone.guest.expect("touch 123 234 down")
    phone.guest.expect("touch 123 234 up")


def test_the_console_drives_it(phone: Phone) -> None:
    assert "anim" in phone.run("help")
    assert "no such command" in phone.run("nonsense")
    assert "2 MiB" in phone.run("fill 2")
    assert "END bench" in phone.run("bench", 200)
    assert "idle" in phone.run("uptime")
    phone.run("paint 336699")
    assert phone.guest.screenshot().getpixel((10, 10)) == (0x33, 0x66, 0x99)
    phone.run("app notes")
    assert "front" in phone.run("ps")
    phone.guest.send_line("reset")
    phone.guest.expect("ready after")
    phone.guest.send_line("off")
    phone.guest.wait_off()


def test_memory_that_is_filled_is_seen_from_outside(phone: Phone) -> None:
    before = phone.guest.counters().ram_bytes
    phone.run("fill 16")
    assert phone.guest.counters().ram_bytes - before >= 16 << 20
