"""A phone is carried from handset to handset and out to a file manager, in a real window with real guests."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from visitor import Journey, needed, until

DREAM = "Dream (T-Mobile G1)"


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):  # it may go while one reads
        return True


def active(journey: Journey) -> str:
    """The title of the window with the keyboard; for a moment between two there is none."""
    try:
        return journey.xdotool("getactivewindow", "getwindowname").strip()
    except subprocess.CalledProcessError:
        return ""


def answer(journey: Journey, title: str) -> None:
    """A dialog is accepted by keyboard, once the keyboard is its own."""
    until(lambda: active(journey).startswith(title))
    journey.keys("Return")
    until(lambda: active(journey) == "Pocketvisor")


def lives(journey: Journey) -> None:
    """A finger comes to it, and it runs."""
    before = journey.guest("Personal")
    journey.swipe_on("Personal", (0.5, 0.5), (0.5, 0.1))
    assert journey.guest("Personal")["events"] > before["events"] + 8
    until(lambda: journey.guest("Personal")["ticks"] > before["ticks"])


def test_a_guest_is_dragged_to_another_phone_and_runs_there(journey: Journey) -> None:
    journey.keys("ctrl+shift+n")
    answer(journey, "Add a handset")
    until(lambda: (journey.ask(widget=f"handset-{DREAM}") or {}).get("visible"))
    before = journey.guest("Personal")
    journey.drag("chip-Personal", f"handset-{DREAM}")
    until(lambda: journey.guest("Personal")["handset"] == DREAM)
    after = journey.guest("Personal")
    assert after["state"] == "running" and after["foreground"]
    assert after["pid"] not in (0, before["pid"]) and gone(before["pid"])
    until(lambda: journey.guest("Personal")["focused"])
    lives(journey)


def test_one_key_takes_it_back(journey: Journey) -> None:
    journey.keys("ctrl+shift+z")
    until(lambda: journey.guest("Personal")["handset"] == "Nexus One")


def test_the_keyboard_alone_moves_it(journey: Journey) -> None:
    journey.click("chip-Personal")
    until(lambda: journey.guest("Personal")["focused"])
    journey.keys("ctrl+m")
    answer(journey, "Move Personal")
    until(lambda: journey.guest("Personal")["handset"] == DREAM)


def test_what_it_was_comes_back_after_its_process_was_killed(journey: Journey) -> None:
    until(lambda: journey.guest("Personal")["focused"])
    journey.keys("ctrl+shift+k")
    answer(journey, "Keep Personal")
    until(lambda: journey.guest("Personal")["generation"] == 1)
    assert Path(journey.guest("Personal")["profile"]).is_file()
    os.kill(journey.guest("Personal")["pid"], signal.SIGKILL)
    until(lambda: journey.guest("Personal")["state"] == "crashed")
    until(lambda: (journey.ask(widget="banner-button") or {}).get("visible"))
    journey.click("banner-button")
    until(lambda: journey.guest("Personal")["state"] == "running")
    lives(journey)


@pytest.fixture
def folder(journey: Journey, tmp_path: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """A file manager's window beside the workbench's: its folder, and where it is."""
    needed("pcmanfm")
    workbench = journey.window("^Pocketvisor$")
    journey.xdotool("windowmove", workbench, "0", "0", "windowsize", workbench, "1000", "860")
    until(lambda: journey.ask(window=True) == [1000, 860])
    shown = tmp_path / "stick"
    shown.mkdir()
    program = subprocess.Popen(
        ["pcmanfm", "--no-desktop", str(shown)], env=journey.environment, stderr=subprocess.DEVNULL
    )
    ident = journey.window("^stick$")

    def there() -> tuple[int, int] | None:
        journey.xdotool("windowsize", ident, "420", "300", "windowmove", ident, "1010", "100", "sleep", "0.2")
        said = journey.xdotool("getwindowgeometry", "--shell", ident)
        at = {name: int(value) for name, value in (line.split("=") for line in said.split())}
        return (at["X"], at["Y"]) if at["X"] >= 1010 and at["Y"] >= 100 and at["WIDTH"] == 420 else None

    yield shown, until(there)
    program.terminate()
    program.wait(60)


def test_dragged_onto_a_folder_it_is_a_file_and_runs_where_that_is_dropped(
    journey: Journey, folder: tuple[Path, tuple[int, int]]
) -> None:
    shown, (x, y) = folder
    journey.drag_to(journey.place("chip-Work"), (str(x + 300), str(y + 200)))
    file = shown / "Work.vphone"
    until(file.is_file)
    assert journey.guest("Work")["state"] == "running" and journey.guest("Work")["profile"]
    remove(journey, "Work")
    icon = x + 207, y + 124
    until(lambda: journey.ask(colours=[icon[0] - 16, icon[1] - 16, 32, 32]) > 8)  # its window is drawn anew
    journey.drag_to((str(icon[0]), str(icon[1])), journey.place("handset-Nexus One", 0.5, 0.6))
    until(lambda: any(guest["profile"] == str(file) for guest in journey.guests()))
    assert journey.guest("Work")["handset"] == "Nexus One"


def remove(journey: Journey, name: str) -> None:
    journey.click(f"chip-{name}")
    journey.keys("ctrl+shift+p")
    until(lambda: journey.ask(widget="paletteBox")["visible"])
    journey.xdotool("type", "--delay", "20", "remove from the handset")
    journey.keys("Return")
    answer(journey, f"Remove {name}")
    until(lambda: all(guest["name"] != name for guest in journey.guests()))
