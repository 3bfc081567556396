"""Lost phones: a killed process, a handset that is gone; what comes back, from where, and what is missing."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtWidgets import QApplication
from test_moves import card, words_of

from pocketvisor.api import GuestState
from pocketvisor_workbench import lost
from pocketvisor_workbench.banners import Banner


async def kept(workbench: Workbench, path: Path) -> Any:
    handset = await workbench.handset("personal")
    guest = handset.guests[0]
    await guest.keep(path)
    return guest


def notices(workbench: Workbench, words: str) -> list[Any]:
    shown = workbench.window.banners.shown
    return [notice for notice in shown if isinstance(notice, Banner) and words in notice.text]


def back(workbench: Workbench) -> bool:
    return any("is back" in notice.text for notice in workbench.window.banners.shown)


def test_a_killed_guest_is_offered_back_in_its_place(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(lost, "time", SimpleNamespace(time=lambda: now / 1e9))

    async def scenario() -> None:
        guest = await kept(workbench, tmp_path / "Personal.vphone")
        guest.contents = b"never saved"
        guest.profile.saved_ns = now - 30 * 10**9
        guest.become(GuestState.CRASHED, "Personal crashed: its process was ended by signal 9 (SIGKILL)")
        notice = notices(workbench, "It was saved 30 s before")[0]
        assert notice.button.text() == "Restore"
        notice.button.click()
        await until(lambda: guest.state is GuestState.RUNNING)
        assert guest.contents == b"as it was first"
        await until(lambda: back(workbench))
        assert "The last 30 s before it ended are lost." in words_of(card(workbench))

    workbench.run(scenario())


def test_one_that_is_kept_nowhere_has_only_what_it_had_before(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        handset.guests[0].become(GuestState.CRASHED, "gone")
        await asyncio.sleep(0)
        assert notices(workbench, "saved") == []

    workbench.run(scenario())


def test_a_lost_phone_comes_back_on_another_model(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest = await kept(workbench, tmp_path / "Personal.vphone")
        first = guest.handset
        second: Any = await workbench.handset(model="galaxy-s2")
        workbench.session.select(first)
        workbench.window.trigger("handset.lose")
        dialog: Any = QApplication.activeModalWidget()
        dialog.accept_button.click()
        await until(lambda: notices(workbench, "went with Nexus One"))
        assert first.closed and first not in workbench.session.handsets
        assert "kill" in guest.done, "nothing was saved before"
        notice = notices(workbench, "went with Nexus One")[0]
        assert notice.button.text() == f"Restore on {second.name}"
        notice.button.click()
        await until(lambda: second.guests)
        assert second.guests[0].profile.path == tmp_path / "Personal.vphone"

    workbench.run(scenario())


def test_without_another_handset_one_is_put_on_the_bench(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest = await kept(workbench, tmp_path / "Personal.vphone")
        workbench.session.lose_handset(guest.handset)
        await until(lambda: notices(workbench, "went with"))
        assert notices(workbench, "went with")[0].button.text() == "Restore on a new Nexus One"
        notices(workbench, "went with")[0].button.click()
        await until(lambda: workbench.session.guests)
        assert len(workbench.session.handsets) == 1

    workbench.run(scenario())


def test_where_the_file_is_gone_too_it_comes_from_the_vault(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        vaulting = workbench.session.vaulting
        path = tmp_path / "Personal.vphone"
        guest = await kept(workbench, path)
        vaulting.set_address(str(tmp_path / "vault"))
        guest.contents = b"the newest"
        await guest.snapshot("newest")
        await until(lambda: vaulting.of(path).newest == 2 and not vaulting.of(path).busy)
        workbench.session.lose_handset(guest.handset)
        await until(lambda: notices(workbench, "went with"))
        path.unlink()
        notices(workbench, "went with")[0].button.click()
        await until(lambda: workbench.session.guests)
        found: Any = workbench.session.guests[0]
        assert found.contents == b"the newest"
        await until(lambda: back(workbench))

    workbench.run(scenario())


def test_without_a_vault_it_is_told_that_nothing_is_left(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest = await kept(workbench, tmp_path / "Personal.vphone")
        workbench.session.lose_handset(guest.handset)
        await until(lambda: notices(workbench, "went with"))
        (tmp_path / "Personal.vphone").unlink()
        notices(workbench, "went with")[0].button.click()
        await until(lambda: "no vault is set" in words_of(card(workbench)))

    workbench.run(scenario())


def test_a_handset_that_is_taken_away_saves_what_is_kept(workbench: Workbench, tmp_path: Path) -> None:
    """Removing is no losing: in the moment of the undo nothing ends, and then the guest is saved as it is."""

    async def scenario() -> None:
        guest = await kept(workbench, tmp_path / "Personal.vphone")
        handset, session = guest.handset, workbench.session
        guest.contents = b"later"
        session.remove_handset(handset)
        session._close_removed(handset)
        await until(lambda: notices(workbench, "It was saved as it was"))
        session.keeping.open(await workbench.handset(), tmp_path / "Personal.vphone")  # type: ignore[arg-type]
        await until(lambda: session.guests)
        found: Any = session.guests[0]
        assert found.contents == b"later"

    workbench.run(scenario())


def test_at_the_end_what_is_kept_is_saved(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest = await kept(workbench, tmp_path / "Personal.vphone")
        await workbench.session.close()
        assert guest.state is GuestState.OFF

    workbench.run(scenario())
