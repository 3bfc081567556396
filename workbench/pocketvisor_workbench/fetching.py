"""Fetching a guest of the library as a job: progress, cancel, and the library anew when it is there."""

from typing import TYPE_CHECKING

from pocketvisor.api import ImageError, catalogue
from pocketvisor_workbench.jobs import Job

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage
    from pocketvisor_workbench.session import Session


def fetch_image(session: "Session", image: "GuestImage") -> Job:
    """Brings an image's files; one fetch of an image at a time."""
    title = f"Fetch {image.name}"
    for job in session.jobs.running:
        if job.title == title:
            return job

    async def work(job: Job) -> None:
        from pocketvisor.images.fetch import fetch  # it brings tools that a start does not need

        job.report(None, "Looking for it")
        await fetch(image.id, progress=lambda sentence, done: job.report(done, sentence))
        problems: list[ImageError] = []
        session.images = catalogue(problems.append)
        for problem in problems:
            session.log.error(problem)
        session.images_changed.emit()
        session.log.add(f"{image.name} is in the library now", notice=True)

    return session.run(title, work)
