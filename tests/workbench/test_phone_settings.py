"""How a phone shares out what it has is as it was when the workbench is opened again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit import Run

from pocketvisor.api import catalogue, load_models
from pocketvisor.control.power_calls import LowBattery
from pocketvisor.control.qos_calls import SetSplit
from pocketvisor.handset import Handset
from pocketvisor.services import qos
from pocketvisor_workbench.resources.reading import Reading
from pocketvisor_workbench.resources.remembered import PHONES_MOST, PhoneSettings, Remembered
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings

MODEL = "nexus-one"
Opened = Callable[[Callable[[Session, Handset], Any]], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workbench.ini"


@pytest.fixture
def opened(run: Run[Any], file: Path) -> Opened:
    """Opens a workbench with a phone, does something, and closes it."""

    def opened(do: Callable[[Session, Handset], Any]) -> None:
        async def scenario() -> None:
            session = Session(load_models(), catalogue())
            Remembered(session, Settings(file))
            handset = session.add_handset(session.models[MODEL])
            await session.jobs.idle()
            do(session, handset)
            await session.jobs.idle()
            await session.close()

        run(scenario())

    return opened


def of_one(found: list[PhoneSettings]) -> Callable[[Session, Handset], Any]:
    return lambda _, handset: found.append(PhoneSettings.of(handset))


def test_what_is_set_in_the_pane_is_there_at_the_next_start(opened: Opened) -> None:
    def set_all(session: Session, handset: Handset) -> None:
        reading = Reading(session)
        reading.set_boost(3.0)
        reading.set_response(40.0)
        reading.set_low(25, 60)
        reading.set_sharing(False)

    found: list[PhoneSettings] = []
    opened(set_all)
    opened(of_one(found))
    low = LowBattery(percent=25, background_mips=60)
    assert found == [PhoneSettings(boost=3.0, response_ms=40.0, low=low, share=False)]


def test_what_the_command_line_sets_is_there_too(opened: Opened) -> None:
    found: list[PhoneSettings] = []
    opened(lambda _, handset: qos.answer(handset, SetSplit(boost=2.0, response_ms=50.0)))
    opened(of_one(found))
    assert found == [PhoneSettings(boost=2.0, response_ms=50.0)]


def test_it_is_written_down_at_once(opened: Opened, file: Path) -> None:
    """A workbench that is killed loses nothing that was set in its window."""

    def set_and_look(session: Session, handset: Handset) -> None:
        Reading(session).set_boost(2.5)
        assert json.loads(Settings(file).text("phones"))[handset.name]["boost"] == 2.5

    opened(set_and_look)


def test_another_phone_has_its_own(opened: Opened) -> None:
    def two(session: Session, handset: Handset) -> None:
        other = session.add_handset(session.models[MODEL])
        assert other.name != handset.name
        assert PhoneSettings.of(other) == PhoneSettings()
        Reading(session).set_boost(4.0)  # the one that was added last is selected
        assert (handset.scheduler.boost, other.scheduler.boost) == (1.0, 4.0)

    found: list[PhoneSettings] = []
    opened(two)
    opened(of_one(found))
    assert found == [PhoneSettings()]


def test_what_is_as_on_a_new_phone_is_not_kept(opened: Opened, file: Path) -> None:
    opened(lambda session, _: Reading(session).set_boost(4.0))
    opened(lambda session, _: Reading(session).set_boost(1.0))
    assert Settings(file).text("phones") == "{}"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "\ud800",
        '{"Nexus One": {"boost": "x"}}',
        '{"Nexus One": {"boost": 1e999}}',
        '{"Nexus One": {"boost": 0}}',
        '{"Nexus One": {"response_ms": -1}}',
        '{"Nexus One": {"low": {"percent": 101}}}',
    ],
)
def test_a_file_that_somebody_has_edited_says_nothing(opened: Opened, file: Path, text: str) -> None:
    settings = Settings(file)
    settings.set("phones", text)
    settings.save()
    found: list[PhoneSettings] = []
    opened(of_one(found))
    assert found == [PhoneSettings()]


def test_many_phones_do_not_make_a_large_file(opened: Opened, file: Path) -> None:
    known = {f"Phone {number}": {"boost": 2.0} for number in range(PHONES_MOST)}
    settings = Settings(file)
    settings.set("phones", json.dumps(known))
    settings.save()
    opened(lambda session, _: Reading(session).set_boost(4.0))
    kept = json.loads(Settings(file).text("phones"))
    assert len(kept) == PHONES_MOST and "Phone 0" not in kept and "Phone 1" in kept
