"""Text from a guest onto the computer's clipboard, and from there into a guest. Its policy is asked by the
guest itself; the computer's clipboard counts as outside."""

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.jobs import Job

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session


def copy_from(session: "Session", guest: "Guest") -> Job:
    """What was copied in the guest last."""

    async def work(_: Job) -> None:
        text = await guest.clipboard.copy()
        if not text:
            session.log.add(f"Nothing is copied in {guest.name}", source=guest.name, notice=True)
            return
        QGuiApplication.clipboard().setText(text)
        _tell(session, guest, f"{_size(text)} copied from {guest.name}")

    return session.run(f"Copy from {guest.name}", work, shown=False, source=guest.name)


def paste_into(session: "Session", guest: "Guest") -> Job:
    """What is pasted in the guest next."""
    text = QGuiApplication.clipboard().text()

    async def work(_: Job) -> None:
        if not text:
            session.log.add("Nothing is on this computer's clipboard", notice=True)
            return
        await guest.clipboard.paste(text)
        _tell(session, guest, f"{guest.name} has it: {_size(text)} to be pasted there")

    return session.run(f"Paste into {guest.name}", work, shown=False, source=guest.name)


def _tell(session: "Session", guest: "Guest", words: str) -> None:
    session.log.add(words, source=guest.name, accent=accent_of(guest), notice=True)


def _size(text: str) -> str:
    """Never the text itself: the log is kept."""
    return "1 character" if len(text) == 1 else f"{len(text)} characters"
