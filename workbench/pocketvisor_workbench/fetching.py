"""Bringing a guest of the library as a job: progress, cancel, and the library anew when it is there.

Most are fetched from packages as they are; Debian's phone is built, which takes some minutes.
"""

from typing import TYPE_CHECKING, NamedTuple

from pocketvisor.api import ImageError, MissingImage, catalogue
from pocketvisor.images.fetch import fetchable
from pocketvisor.images.unbuilt import PHONE
from pocketvisor_workbench.jobs import Job

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage
    from pocketvisor_workbench.session import Session


class Way(NamedTuple):
    """How a guest is had: the word and the picture for a button."""

    verb: str
    picture: str


_FETCH, _BUILD = Way("Fetch", "download"), Way("Build", "hammer-wrench")


def way_of(image: "GuestImage") -> Way | None:
    """None where it is here, or where nothing but the user can bring it."""
    if image.available:
        return None
    return _BUILD if image.id == PHONE else _FETCH if image.id in fetchable() else None


def fetch_image(session: "Session", image: "GuestImage") -> Job:
    """Brings an image's files; one fetch of an image at a time."""
    way = way_of(image)
    title = f"{way.verb if way is not None else 'Find'} {image.name}"
    for job in session.jobs.running:
        if job.title == title:
            return job

    async def work(job: Job) -> None:
        from pocketvisor.images import fetch, phone  # they bring tools that a start does not need

        def tell(sentence: str, done: float) -> None:
            job.report(done, sentence)

        if way is None:
            raise MissingImage(image.missing)
        job.report(None, "Looking for what it takes")
        if way is _BUILD:
            await phone.build(progress=tell)
        else:
            await fetch.fetch(image.id, progress=tell)
        problems: list[ImageError] = []
        session.images = catalogue(problems.append)
        for problem in problems:
            session.log.error(problem)
        session.images_changed.emit()
        session.log.add(f"{image.name} is in the library now", notice=True)

    return session.run(title, work)
