"""The session: handsets, guests, selection and operations, without a widget in sight."""

import asyncio
from typing import Any

from driver import DriverHandset
from kit import Workbench, until

from pocketvisor.api import GuestError, GuestState
from pocketvisor_workbench.jobs import JobBoard, JobState
from pocketvisor_workbench.log import Level


def test_handsets_of_one_model_get_names_of_their_own(workbench: Workbench) -> None:
    async def scenario() -> None:
        names = [workbench.session.add_handset(workbench.model()).name for _ in range(3)]
        assert names == ["Nexus One", "Nexus One 2", "Nexus One 3"]

    workbench.run(scenario())


def test_bringing_a_guest_to_the_front_selects_it(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal", "work")
        work: Any = handset.guests[1]
        workbench.session.bring_to_front(work)
        assert handset.foreground is work and workbench.session.guest is work
        handset.next_foreground()
        assert workbench.session.guest is handset.guests[0]

    workbench.run(scenario())


def test_a_removed_handset_can_be_had_back(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        guest = handset.guests[0]
        workbench.session.remove_handset(handset)
        await until(lambda: guest.state is GuestState.PAUSED)
        assert workbench.session.handsets == [] and workbench.session.handset is None
        assert not workbench.window.stage.panes
        workbench.session.restore_handset(handset)
        await until(lambda: guest.state is GuestState.RUNNING)
        assert workbench.session.handset is handset and not handset.closed
        assert workbench.pane(guest).isVisible()

    workbench.run(scenario())


def test_a_removed_handset_is_switched_off_after_a_while(workbench: Workbench, monkeypatch: Any) -> None:
    monkeypatch.setattr("pocketvisor_workbench.session.UNDO_MS", 20)

    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        workbench.session.remove_handset(handset)
        await until(lambda: handset.closed)
        workbench.session.restore_handset(handset)
        assert workbench.session.handsets == []

    workbench.run(scenario())


def test_a_failed_operation_is_a_sentence_in_the_events(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest: Any = handset.guests[0]

        async def fail() -> None:
            raise GuestError("Personal does not respond")

        guest.pause = fail
        workbench.session.operate(guest, "pause")
        await workbench.session.jobs.idle()
        entry = workbench.session.log.entries[-1]
        assert (entry.text, entry.level) == ("Personal does not respond", Level.ERROR)
        assert [banner.text for banner in workbench.window.banners.shown] == ["Personal does not respond"]

    workbench.run(scenario())


def test_closing_leaves_no_handset_open(workbench: Workbench) -> None:
    async def scenario() -> None:
        handsets: list[DriverHandset] = [await workbench.handset("personal"), await workbench.handset("work")]
        workbench.session.remove_handset(handsets[1])  # type: ignore[arg-type]
        await workbench.session.close()
        assert all(handset.closed for handset in handsets)

    workbench.run(scenario())


def test_jobs_report_end_and_can_be_cancelled(run: Any) -> None:
    async def scenario() -> None:
        board = JobBoard()

        async def work(job: Any) -> None:
            await asyncio.to_thread(job.report, 0.5, "half")
            await asyncio.sleep(60)

        async def fail(_: Any) -> None:
            raise ValueError("no")

        job, failing = board.start("long", work), board.start("failing", fail)
        await until(lambda: job.progress == 0.5)
        assert (job.detail, board.running) == ("half", [job])
        job.cancel()
        await until(lambda: not board.running)
        assert job.state is JobState.CANCELLED
        assert failing.state is JobState.FAILED and str(failing.error) == "no"
        board.clear_ended()
        assert board.jobs == []

    run(scenario())
