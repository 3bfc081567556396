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
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")


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
    journey.swipe("pane-Personal", (0.5, 0.5), (0.5, 0.1))
    until(lambda: journey.guest("Personal")["events"] > before["events"] + 3)
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
    journey.xdotool("search", "--onlyvisible", "--name", "^Pocketvisor$", "windowmove", "0", "0")
    journey.xdotool(
        "search", "--onlyvisible", "--name", "^Pocketvisor$", "windowsize", "--sync", "1000", "860"
    )
    shown = tmp_path / "stick"
    shown.mkdir()
    program = subprocess.Popen(
        ["pcmanfm", "--no-desktop", str(shown)], env=journey.environment, stderr=subprocess.DEVNULL
    )
    ident = until(lambda: journey.xdotool("search", "--sync", "--onlyvisible", "--name", "^stick$").split())
    journey.xdotool("windowsize", "--sync", ident[0], "420", "300")
    journey.xdotool("windowmove", ident[0], "1010", "100")

    def there() -> tuple[int, int] | None:
        said = journey.xdotool("sleep", "0.1", "getwindowgeometry", "--shell", ident[0])
        at = {name: int(value) for name, value in (line.split("=") for line in said.split())}
        return (at["X"], at["Y"]) if at["X"] >= 1010 and at["Y"] >= 100 and at["WIDTH"] == 420 else None

    yield shown, until(there)
    program.terminate()
    program.wait(10)


def test_dragged_onto_a_folder_it_is_a_file_and_runs_where_that_is_dropped(
    journey: Journey, folder: tuple[Path, tuple[int, int]]
) -> None:
    shown, (x, y) = folder
    journey.drag_to(journey.place("chip-Work"), (str(x + 300), str(y + 200)))
    file = shown / "Work.vphone"
    until(file.is_file)
    assert journey.guest("Work")["state"] == "running" and journey.guest("Work")["profile"]
    remove(journey, "Work")
    journey.drag_to((str(x + 207), str(y + 124)), journey.place("handset-Nexus One", 0.5, 0.6))
    until(lambda: any(guest["profile"] == str(file) for guest in journey.guests()))
    assert journey.guest("Work")["handset"] == "Nexus One"


def remove(journey: Journey, name: str) -> None:
    journey.click(f"chip-{name}")
    journey.keys("ctrl+shift+p")
    journey.xdotool("type", "--delay", "20", "remove from the handset")
    until(lambda: journey.ask(widget="paletteBox"))
    journey.keys("Return")
    answer(journey, f"Remove {name}")
    until(lambda: all(guest["name"] != name for guest in journey.guests()))
