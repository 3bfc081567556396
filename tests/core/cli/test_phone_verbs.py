"""The verbs that handle a handset of the open workbench, and the options of a run that say how it is."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import GuestImage, Handset
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]


@pytest.fixture
async def ask(
    pocketvisor: Command, handset: Handset, monitor_image: GuestImage, tmp_path: Path
) -> AsyncIterator[Command]:
    """Runs a verb on a workbench with one handset, a Pre."""
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image})
    server = WorkbenchServer(service, tmp_path / "pocketvisor" / "workbench.sock")
    await server.open()

    async def ask(*arguments: object) -> Any:
        return await pocketvisor(*map(str, arguments), XDG_RUNTIME_DIR=str(tmp_path))

    yield ask
    await server.close()


async def test_battery(ask: Command, handset: Handset) -> None:
    ran = await ask("battery", 40, "--charging")
    assert (ran.code, ran.out) == (0, "Pre: 40 %, charging, 3.76 V, 25.0 °C\n")
    assert (handset.phone.battery.level, handset.phone.battery.plugged) == (40, True)
    shown = json.loads((await ask("battery", "--discharging", "--json")).out)
    assert (shown["level"], shown["status"], shown["millivolts"]) == (40, "discharging", 3760)
    assert (shown["draining"], shown["handset"]) == (False, "Pre")
    await ask("battery", "--drain")
    assert handset.phone.draining
    assert json.loads((await ask("battery", "--json")).out)["draining"]


async def test_location(ask: Command, handset: Handset) -> None:
    assert (await ask("location")).out == "Pre: no fix\n"
    ran = await ask("location", "-33.8688", "151.2093", "--altitude", 20)
    assert (ran.code, ran.out) == (0, "Pre: -33.868800, 151.209300, 20 m\n")
    assert handset.phone.location.fix
    shown = json.loads((await ask("location", "--json")).out)
    assert (shown["latitude"], shown["fix"], shown["walking"]) == (-33.8688, True, False)
    assert (await ask("location", "--none")).out == "Pre: no fix\n"


async def test_walking_a_gpx_file(ask: Command, handset: Handset, tmp_path: Path) -> None:
    file = tmp_path / "walk.gpx"
    file.write_text("<gpx><trkpt lat='60' lon='24'/><trkpt lat='61' lon='24'/></gpx>")
    ran = await ask("location", "--gpx", file, "--speed", 3)
    assert ran.code == 0
    assert "3.0 m/s towards 0°, on a walk" in ran.out or handset.phone.walking
    assert handset.phone.walking
    await ask("location", "--stop")
    assert not handset.phone.walking
    file.write_text("<gpx/>")
    ran = await ask("location", "--gpx", file)
    assert (ran.code, ran.err) == (1, f"pocketvisor: {file}: has no points\n")


async def test_rotate(ask: Command, handset: Handset) -> None:
    assert (await ask("rotate", "left")).out == "Pre: turned 270° clockwise\n"
    assert (await ask("rotate", "right")).out == "Pre: upright\n"
    assert (await ask("rotate", "-90", "--pitch", 30)).out == "Pre: turned 270° clockwise, leaned back 30°\n"
    assert handset.orientation == 270
    shown = json.loads((await ask("rotate", "--json", 0, "--pitch", 90)).out)
    assert shown["acceleration"] == [0.0, 0.0, 9.807]


async def test_signal(ask: Command, handset: Handset) -> None:
    assert (await ask("signal", 2, "--radio", "3g")).out == "Pre: 3G, 2 of 4 bars, -92 dBm\n"
    assert (await ask("signal", -110)).out == "Pre: 3G, 0 of 4 bars, -110 dBm\n"
    assert (await ask("signal", "--radio", "none")).out == "Pre: no network\n"
    assert handset.phone.signal.radio == "none"


async def test_key(ask: Command, start: Callable[..., Any]) -> None:
    ran = await ask("key", "power")
    assert (ran.code, ran.err) == (1, "pocketvisor: Pre has no guest that a key could be for\n")
    await start("Work")
    ran = await ask("key", "power", "--hold", 10)
    assert (ran.code, ran.out) == (0, "Work got the key 'power'\n")
    ran = await ask("key", "warp")
    assert (ran.code, ran.err) == (1, "pocketvisor: Pre has no key 'warp'\n")


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (("battery", 101), 1, "level: "),
        (("location", 91, 0), 1, "latitude: "),
        (("location", 60), 2, "a latitude and a longitude"),
        (("location", 60, 24, "--none"), 2, "a latitude and a longitude"),
        (("rotate", "upwards"), 2, "'upwards'"),
        (("rotate", 45), 1, "0, 90, 180, 270"),
        (("signal", 9), 1, "bars: 0 to 4"),
        (("signal", -10), 1, "dbm: "),
        (("signal", "--radio", "5G"), 1, "has no radio '5G'"),
        (("battery", "--handset", "Nokia"), 1, "no handset 'Nokia'"),
    ],
)
async def test_what_cannot_be_is_a_sentence(
    ask: Command, handset: Handset, arguments: tuple[object, ...], code: int, words: str
) -> None:
    before = handset.phone.state
    ran = await ask(*arguments)
    assert ran.code == code
    assert ran.err.startswith("pocketvisor: ") and words in ran.err
    assert ran.err.count("\n") == 1
    assert handset.phone.state == before


@pytest.mark.parametrize(
    "options, code, words",
    [
        (("--battery", "101"), 1, "level: "),
        (("--location", "Helsinki"), 1, "'Helsinki' is no place"),
        (("--location", "60.17"), 1, "is no place"),
        (("--rotate", "17"), 1, "0, 90, 180, 270"),
        (("--signal", "7"), 1, "bars: 0 to 4"),
        (("--battery", "50", "--replay", "x.pvrec"), 2, "as it was recorded"),
    ],
)
async def test_a_run_on_an_impossible_handset_is_refused(
    pocketvisor: Command, monitor_file: Path, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    ran = await pocketvisor("run", "--elf", monitor_file, "--headless", *options)
    assert ran.code == code
    assert words in ran.err and "Traceback" not in ran.err


async def test_a_run_says_how_the_handset_is(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor(
        *("run", "--elf", monitor_file, "--headless", "--until", "^# $", "--timeout", 30),
        *("--battery", 40, "--charging", "--location", "-33.8,151.2,20", "--rotate", 90, "--signal", -90),
    )
    assert (ran.code, ran.out, ran.err) == (0, "monitor ready\n# \n", "")
