"""Debian's phone as it was built: a desktop that answers to touch, keys and keyboard, and keeps its disk."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import numpy
import pytest
from msgspec import structs

from pocketvisor.api import Guest, GuestState, Handset, RunOptions, catalogue, load_models
from pocketvisor.images import phone
from pocketvisor.images.catalogue import GuestImage

pytestmark = pytest.mark.debian

READY = "Pocketvisor Debian phone: desktop ready"
BOOT_SECONDS = 600.0  # against hanging alone
PROMPT = r"root@phone:~# "
ACCENT = 0xE21E5C

# Where things are on a panel of 480x800.
TERMINAL, SETTINGS, POWER, CLOCK_SWITCH = (60, 600), (300, 600), (420, 600), (430, 242)
KEY_COPY, KEY_PASTE = (184, 470), (247, 470)
HOME_BUTTON, KEY_L, KEY_S, KEY_ENTER, KEY_SPACE = (180, 768), (451, 579), (120, 579), (451, 695), (230, 695)


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuestImage:
    found = phone.built()
    if found is None:
        pytest.skip("the phone is not built: pocketvisor guests build debian-phone")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # what it keeps is the test's
    return found


@pytest.fixture
async def handset() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


async def start(handset: Handset, image: GuestImage) -> Guest:
    """Its time waits for it: what is asked of a program in it is asked for seconds, however few instructions
    this computer has for them."""
    guest = await handset.start(image, options=RunOptions(rate="max", deterministic=True))
    await guest.console.expect(READY, BOOT_SECONDS)
    async with asyncio.timeout(BOOT_SECONDS):
        while True:  # it may have been there before the desktop, or not yet: what is typed too early is lost
            guest.console.write(b"echo SH''ELL\n")
            with suppress(TimeoutError):
                await guest.console.expect("^SHELL", 20)
                break
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    return guest


def pixels(guest: Guest) -> numpy.ndarray:  # type: ignore[type-arg]
    panel = guest.panel
    flat = numpy.frombuffer(panel.buffer, dtype="<u4")[: panel.stride // 4 * panel.height]
    return flat.reshape(panel.height, panel.stride // 4)[:, : panel.width] & 0xFFFFFF


async def seen(guest: Guest, what: str, look) -> None:  # type: ignore[no-untyped-def]
    """Wait until the panel shows it."""
    shown = asyncio.Event()

    def frame() -> None:
        if look(pixels(guest)):
            shown.set()

    stop = guest.on("frame", frame)
    try:
        frame()
        async with asyncio.timeout(BOOT_SECONDS):
            await shown.wait()
    except TimeoutError:
        pytest.fail(f"the panel never showed {what}")
    finally:
        stop()


def digest(image: GuestImage) -> str:
    with image.disks[0].path.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()


def tap(guest: Guest, at: tuple[int, int]) -> None:
    guest.touch(*at, "down")
    guest.touch(*at, "up")


def is_home(panel: numpy.ndarray) -> bool:  # type: ignore[type-arg]
    """The wallpaper has hundreds of colours; pages of the shell have few."""
    return len(numpy.unique(panel[60:700:7, ::5])) > 150


def is_page(panel: numpy.ndarray) -> bool:  # type: ignore[type-arg]
    return int((panel[45:730] == 0x12131F).sum()) > 10_000


def has_prompt(panel: numpy.ndarray, line: int = 0) -> bool:  # type: ignore[type-arg]
    """At the start of this line of the terminal. A window that has not its shell yet shows a cursor alone,
    and what is typed there is lost as long as it has not the focus."""
    top = 41 + 27 * line
    return int((panel[top : top + 27, 16:96] > 0x808080).sum()) > 150


async def test_the_desktop_is_touched_typed_into_and_powered_off(handset: Handset, image: GuestImage) -> None:
    base = digest(image)
    guest = await start(handset, image)
    assert (guest.panel.width, guest.panel.height) == (480, 800)
    await seen(guest, "the home screen", is_home)

    tap(guest, SETTINGS)
    await seen(guest, "the settings", is_page)
    await seen(guest, "the clock's switch on", lambda panel: int((panel[200:290] == ACCENT).sum()) > 500)
    tap(guest, CLOCK_SWITCH)
    await seen(guest, "the switch off", lambda panel: int((panel[200:290] == ACCENT).sum()) < 100)

    guest.hardware_key("home", True)
    await seen(guest, "the home screen again", is_home)
    guest.hardware_key("home", False)

    # The terminal comes with the keyboard; what is typed on the glass runs.
    tap(guest, TERMINAL)
    await seen(guest, "the keyboard", lambda panel: int((panel[660:720] == ACCENT).sum()) > 1000)
    await seen(guest, "the terminal's prompt", has_prompt)
    guest.type_text("echo typed > ~/typed\n")
    await seen(guest, "the prompt behind it", lambda panel: has_prompt(panel, line=1))
    for key in (KEY_L, KEY_S, KEY_SPACE, KEY_ENTER):
        tap(guest, key)
    await seen(guest, "the prompt behind the list", lambda panel: has_prompt(panel, line=3))
    guest.console.write(b"cat ~phone/typed; sync\n")
    await guest.console.expect(r"^typed\r*$", BOOT_SECONDS)

    guest.hardware_key("power", True)
    await seen(guest, "the power menu", lambda panel: int((panel[150:260] == ACCENT).sum()) > 10_000)
    guest.hardware_key("power", False)
    tap(guest, (240, 190))
    async with asyncio.timeout(BOOT_SECONDS):
        assert (await guest.wait_stopped()).kind == "power-off"
    await handset.remove(guest)
    assert digest(image) == base

    # What was written is there the next time, and the image as it was built.
    again = await start(handset, image)
    again.console.write(b"cd ~phone; cat typed .config/phone\n")
    await again.console.expect(r"^typed\r*$", BOOT_SECONDS)
    await again.console.expect(r"hours24 0", BOOT_SECONDS)


async def test_debian_is_whole(handset: Handset, image: GuestImage) -> None:
    """Nothing of it is half configured, it runs as its user, and the board's devices have their drivers."""
    guest = await start(handset, structs.replace(image, keep=False))
    checks = {
        "dpkg --audit && echo AUDIT-$((1+1))": "AUDIT-2",
        "dpkg -l | grep -c '^ii'": r"^\d{3}\r*$",
        "id -un 1000; cat /proc/$(pidof wish8.6)/status | grep ^Uid": r"Uid:\s+1000\s+1000",
        "cat /proc/bus/input/devices | grep Name": "Pocketvisor Touchscreen",
        "until cat /sys/class/power_supply/*/capacity; do sleep 1; done": r"^\d+\r*$",
        "DISPLAY=:0 xmodmap -pke | grep ' = Insert'": r"^keycode 118 = Insert",  # before a key was pressed
        "find / -xdev -nouser -o -xdev -nogroup | wc -l": r"^0\r*$",
    }
    for command, expected in checks.items():
        guest.console.write(command.encode() + b"\n")
        await guest.console.expect(expected, BOOT_SECONDS)
        await guest.console.expect(PROMPT, BOOT_SECONDS)


async def terminal(guest: Guest) -> None:
    """In front, with the keyboard on the glass and a prompt."""
    await seen(guest, "the home screen", is_home)
    tap(guest, TERMINAL)
    await seen(guest, "the keyboard", lambda panel: int((panel[660:720] == ACCENT).sum()) > 1000)
    await seen(guest, "the prompt", has_prompt)


async def until(promise: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOOT_SECONDS):
        while not promise():
            await asyncio.sleep(0.05)


async def test_it_has_a_clipboard_and_gives_memory(handset: Handset, image: GuestImage) -> None:
    """With the keys on its glass, in programs that know of X's selections alone, and from its shell."""
    guest = await start(handset, image)
    await until(lambda: guest.clipboard.available)
    await terminal(guest)
    handset.clipboard.put("put on the handset\n")
    guest.type_text("cat > ~/pasted\n")
    guest.console.write(b"until [ -e ~phone/pasted ]; do sleep 1; done; echo TH''ERE\n")
    await guest.console.expect("^THERE", BOOT_SECONDS)
    tap(guest, KEY_PASTE)  # the first key from the glass, after keys of the handset
    guest.console.write(b"until [ -s ~phone/pasted ]; do sleep 1; done; cat ~phone/pasted\n")
    await guest.console.expect(r"^put on the handset\r*$", BOOT_SECONDS)

    # Its first line is selected with a finger, and copied.
    for at, kind in ((6, "down"), (200, "move"), (440, "move"), (440, "up")):
        guest.touch(at, 55, kind)
    await seen(guest, "what is selected", lambda panel: int((panel[42:64, :400] > 0xC0C0C0).sum()) > 5000)
    tap(guest, KEY_COPY)
    await until(lambda: "cat > ~/pasted" in handset.clipboard.text)
    assert handset.clipboard.origin == guest.name

    user = "env DISPLAY=:0 LANG=C.UTF-8 /usr/bin/setpriv --reuid phone --regid phone --init-groups"
    copies = 'wm withdraw .; clipboard clear; clipboard append "\\u00dcber X kopiert"; after 60000 exit'
    guest.console.write(f"echo '{copies}' > /tmp/copies; {user} wish8.6 /tmp/copies &\n".encode())
    await until(lambda: handset.clipboard.text == "\u00dcber X kopiert")
    handset.clipboard.put("for X")
    # Tk asks for five seconds, which may not be enough beside others: it asks again.
    asks = "catch {selection get -selection CLIPBOARD -type UTF8_STRING} text"
    pastes = f'wm withdraw .; while {{[{asks}]}} {{puts $text}}; puts "<$text>"; exit'
    guest.console.write(f"echo '{pastes}' > /tmp/pastes; {user} wish8.6 /tmp/pastes\n".encode())
    await guest.console.expect("^<for X>", BOOT_SECONDS)
    guest.console.write(b"clipboard paste | tr a-z A-Z; printf %s-copied root | clipboard copy\n")
    await guest.console.expect("^FOR X", BOOT_SECONDS)
    await until(lambda: handset.clipboard.text == "root-copied")

    assert handset.memory.now().guests[0].id == guest.id
    guest.balloon.set(64)
    await until(lambda: guest.balloon.actual_mib == 64)
    assert guest.counters().ram_bytes <= (256 - 64) << 20
    guest.balloon.set(0)
    await until(lambda: guest.balloon.actual_mib == 0)
    guest.hardware_key("home", True)
    await seen(guest, "the home screen", is_home)


async def test_it_shrinks_for_another_guest(image: GuestImage) -> None:
    """A handset that is full asks it for memory that it does not need, before anybody is refused."""
    handset = Handset(structs.replace(load_models()["nexus-one"], ram_mib=272))
    try:
        guest = await start(handset, image)
        await until(lambda: guest.balloon.statistics != {})
        guest.console.write(b"head -c 90M /dev/urandom > /dev/shm/x; rm /dev/shm/x; echo FI''LLED\n")
        await guest.console.expect("^FILLED", BOOT_SECONDS)
        held = handset.memory.now().held
        assert held > 140 << 20
        other = await handset.start(catalogue()["personal"], options=RunOptions(rate="max", ram_mib=140))
        assert other.state is GuestState.RUNNING and guest.state is GuestState.RUNNING
        assert guest.balloon.actual_mib > 0 and handset.memory.now().free >= 0
        guest.console.write(b"echo al''ive\n")
        await guest.console.expect("^alive", BOOT_SECONDS)
    finally:
        await handset.close()


@pytest.mark.long
@pytest.mark.skipif(
    os.environ.get("POCKETVISOR_BUILD_PHONE") != "1", reason="POCKETVISOR_BUILD_PHONE=1 builds it"
)
async def test_the_phone_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For real, with this machine's apt: five minutes on two cores."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    told: list[float] = []
    image = await phone.build(progress=lambda sentence, done: told.append(done), size_mib=1024)
    image.check()
    assert told == sorted(told) and told[-1] == 1.0
    assert [path.name for path in (tmp_path / "pocketvisor" / "guests").iterdir()] == ["debian-phone"]
