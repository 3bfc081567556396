"""A visitor's way through the workbench in a real window, with mouse and keyboard, and real guests."""

import os
import signal
import subprocess
import sys
import time

import pytest
from visitor import Journey, until


def test_two_guests_are_live_side_by_side_on_one_phone(journey: Journey) -> None:
    assert [guest["name"] for guest in journey.guests()] == ["Personal", "Work"]
    personal, work = journey.ask(widget="pane-Personal"), journey.ask(widget="pane-Work")
    assert personal["visible"] and work["visible"]
    assert personal["y"] == work["y"] and personal["x"] + personal["width"] < work["x"]
    until(lambda: all(guest["painted"] > 0 and guest["frames"] > 0 for guest in journey.guests()))
    assert journey.guest("Personal")["foreground"] and journey.guest("Personal")["focused"]


def test_a_swipe_in_the_pane_reaches_the_guest_and_its_picture_changes(journey: Journey) -> None:
    before = journey.guest("Work")
    journey.swipe_on("Work", (0.5, 0.85), (0.5, 0.15))
    assert journey.guest("Work")["events"] > before["events"] + 8
    until(lambda: journey.guest("Work")["frames"] > before["frames"] + 3)
    until(lambda: journey.guest("Work")["painted"] > before["painted"] + 3)
    assert journey.guest("Work")["foreground"]


def test_one_key_brings_the_other_guest_to_the_front(journey: Journey) -> None:
    journey.click("pane-Work", 0.5, 0.4)
    until(lambda: journey.guest("Work")["focused"])
    journey.keys("ctrl+Tab")
    until(lambda: journey.guest("Personal")["foreground"] and journey.guest("Personal")["focused"])


def test_typing_goes_to_the_guest_in_front_and_to_no_other(journey: Journey) -> None:
    journey.click("chip-Personal")
    until(lambda: journey.guest("Personal")["focused"])
    personal, work = journey.heard("Personal"), journey.heard("Work")
    journey.xdotool("type", "--delay", "20", "hello")
    until(lambda: journey.guest("Personal")["events"] >= personal + 10)
    assert journey.heard("Work") - work <= 3  # the lines on its console


def test_a_swipe_on_the_bezel_brings_the_other_guest_to_the_front(journey: Journey) -> None:
    journey.click("chip-Personal")
    until(lambda: journey.guest("Personal")["foreground"])
    journey.swipe("pane-Personal", (0.1, -0.03), (0.9, -0.03))
    until(lambda: journey.guest("Work")["foreground"])


def test_a_killed_process_is_reported_in_its_pane_and_started_again_by_a_click(journey: Journey) -> None:
    personal, work = journey.guest("Personal"), journey.guest("Work")
    os.kill(work["pid"], signal.SIGKILL)
    until(lambda: journey.guest("Work")["state"] == "crashed" and journey.guest("Work")["overlay"])
    assert "SIGKILL" in journey.guest("Work")["problem"]
    assert (
        journey.guest("Personal")["state"] == "running"
        and journey.guest("Personal")["pid"] == personal["pid"]
    )
    journey.click("restart-Work")
    until(lambda: journey.guest("Work")["state"] == "running" and not journey.guest("Work")["overlay"])
    assert journey.guest("Work")["pid"] not in (0, work["pid"])
    journey.until_ready("Work", times=2)
    journey.swipe_on("Personal", (0.5, 0.85), (0.5, 0.15))
    until(lambda: journey.guest("Personal")["ticks"] > personal["ticks"])


def test_the_palette_leads_to_the_demo_and_back(journey: Journey) -> None:
    journey.click("pane-Personal", 0.5, 0.4)
    journey.keys("ctrl+shift+p")
    until(lambda: journey.ask(widget="paletteBox")["visible"])
    journey.xdotool("type", "--delay", "20", "demo phones")
    journey.keys("Return")
    until(lambda: journey.ask(view=True) == "demo")
    assert not journey.ask(widget="dock-library")["visible"]
    journey.keys("ctrl+shift+1")
    until(lambda: journey.ask(view=True) == "grid" and journey.ask(widget="dock-library")["visible"])


def test_the_command_line_finds_the_open_workbench(journey: Journey) -> None:
    command = [sys.executable, "-m", "pocketvisor.cli", "pause", "Personal"]
    subprocess.run(command, env=journey.environment, check=True, timeout=60)
    until(lambda: journey.guest("Personal")["state"] == "paused" and journey.guest("Personal")["overlay"])
    subprocess.run([*command[:3], "resume", "Personal"], env=journey.environment, check=True, timeout=60)
    until(lambda: journey.guest("Personal")["state"] == "running")


def test_a_guest_is_dragged_from_the_library_onto_a_phone(journey: Journey) -> None:
    journey.drag("card-template", "pane-Work")
    until(lambda: len(journey.guests()) == 3 and journey.guest("Template")["state"] == "running")
    assert journey.guest("Template")["foreground"]
    journey.click("library-search")
    journey.xdotool("type", "--delay", "20", "htc dream")
    until(lambda: (journey.ask(widget="card-htc-dream") or {}).get("visible"))
    journey.drag("card-htc-dream", "header-Nexus One")
    until(lambda: journey.ask(widget="handset-Dream (T-Mobile G1)"))


@pytest.mark.parametrize(
    ("mode", "place", "says"),
    [
        ("flood console", (0.28, 0.765), "all work and no play"),
        ("flood panel", (0.72, 0.765), "paints without a pause, from now on"),
    ],
    ids=["console", "panel"],
)
def test_the_window_answers_beside_a_hostile_guest(
    journey: Journey, mode: str, place: tuple[float, float], says: str
) -> None:
    command = [sys.executable, "-m", "pocketvisor.cli"]
    handset = ["--handset", "Nexus One"]
    subprocess.run([*command, "start", "hostile", *handset], env=journey.environment, check=True, timeout=60)
    until(lambda: journey.guest("Hostile")["state"] == "running" and journey.guest("Hostile")["frames"] > 0)
    until(lambda: "> " in journey.ask(printed="Hostile"))
    journey.click("pane-Hostile", *place)
    until(lambda: says in journey.ask(printed="Hostile"))
    ticks = journey.guest("Hostile")["ticks"]
    until(lambda: journey.guest("Hostile")["ticks"] > ticks + 10_000_000)
    gaps = []
    for _ in range(8):
        journey.ask(gaps=True)
        end = time.monotonic() + 0.4
        until(lambda end=end: time.monotonic() > end)
        gaps.append(journey.ask(gaps=True))
    # One of them may be this machine's doing.
    assert sorted(gaps)[-2] < 0.1, f"{mode}: {gaps}"
    subprocess.run([*command, "remove", "Hostile"], env=journey.environment, check=True, timeout=60)
    until(lambda: all(guest["name"] != "Hostile" for guest in journey.guests()))
    assert journey.guest("Work")["state"] == "running"


def test_the_window_kept_answering_all_the_way(journey: Journey) -> None:
    journey.ask(gaps=True)
    journey.swipe_on("Work", (0.5, 0.85), (0.5, 0.15))
    journey.keys("ctrl+Tab", "ctrl+Tab")
    journey.keys("ctrl+shift+d")
    journey.keys("ctrl+shift+d")
    until(lambda: journey.guest("Work")["state"] == "running")
    assert journey.ask(gaps=True) < 1.0
