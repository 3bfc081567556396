"""Fetching a guest of the library as a job: progress, cancel, and the library anew when it is there."""

from typing import TYPE_CHECKING

from pocketvisor_workbench.jobs import Job

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage
    from pocketvisor_workbench.session import Session


def fetch_image(session: "Session", image: "GuestImage") -> Job:
    async def work(job: Job) -> None:
        raise NotImplementedError

    return session.run(f"Fetch {image.name}", work)
