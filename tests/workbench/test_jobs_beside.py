"""What goes on beside the jobs ends with them: nothing is left to an event loop that goes."""

import asyncio
from typing import Any

from pocketvisor_workbench.jobs import Job, JobBoard


def test_what_goes_on_beside_the_jobs_is_at_its_end_when_they_are(run: Any) -> None:
    async def scenario() -> None:
        board, said = JobBoard(), []

        async def look() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.05)  # a process that it asked is waited for
                said.append("ended")

        looking = board.beside(look())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await board.idle()  # nobody waits for it
        assert not looking.done() and board.running == []
        await board.close()
        assert looking.cancelled() and said == ["ended"]

    run(scenario())


def test_jobs_end_though_something_beside_them_fails(run: Any) -> None:
    async def scenario() -> None:
        board = JobBoard()

        async def fails() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise RuntimeError("on its way out")

        async def waits(_: Job) -> None:
            await asyncio.Event().wait()

        failing, job = board.beside(fails()), board.start("Wait", waits)
        await asyncio.sleep(0)
        await board.close()
        assert isinstance(failing.exception(), RuntimeError)
        assert not job.running

    run(scenario())
