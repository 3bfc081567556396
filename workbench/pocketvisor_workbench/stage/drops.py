"""What a drop on a phone would do, and doing it: a guest moves here, a profile is run, an image is started,
files go into a guest's drive or make a guest of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, QRect

from pocketvisor.api import Act, GuestState
from pocketvisor_workbench import mime
from pocketvisor_workbench.policy.asking import why_not

if TYPE_CHECKING:
    from pocketvisor_workbench.stage.handset_view import HandsetView
    from pocketvisor_workbench.stage.pane import GuestPane

_LIVE = (GuestState.RUNNING, GuestState.PAUSED)


@dataclass(frozen=True)
class Offer:
    """`words` say it over `place` of the view; without `run` they say why it cannot be."""

    words: str
    place: QRect
    run: Callable[[], None] | None
    moves: bool = False


def offer_of(view: "HandsetView", data: QMimeData, at: QPoint) -> Offer | None:
    """None for what a phone has no use for."""
    handset, room = view.handset, view.rect()
    image = mime.ident_of(data, mime.IMAGE)
    if image is not None:
        return Offer(f"Start on {handset.name}", room, lambda: view.image_dropped.emit(handset, image))
    if data.hasFormat(mime.GUEST):
        return _offer_of_guest(view, data)
    profiles = mime.profiles_of(data)
    if profiles:
        words = f"Run {profiles[0].name}" if len(profiles) == 1 else f"Run {len(profiles)} profiles"
        return Offer(
            f"{words} on {handset.name}", room, lambda: view.profiles_dropped.emit(handset, profiles)
        )
    files = mime.files_of(data)
    if not files:
        return None
    pane = drive_at(view, at)
    if pane is not None:
        guest = pane.guest
        place = QRect(pane.mapTo(view, QPoint(0, 0)), pane.size()).intersected(room)
        if refusal := why_not(guest, Act.FILES_IN):
            return Offer(refusal, place, None)
        return Offer(f"Put into {guest.name}'s drive", place, lambda: view.media_dropped.emit(guest, files))
    return Offer(f"Add a guest to {handset.name}", room, lambda: view.files_dropped.emit(handset, files))


def _offer_of_guest(view: "HandsetView", data: QMimeData) -> Offer | None:
    handset, moves = view.handset, view.session.moves
    guest = view.session.find_guest(mime.guest_of(data) or "")
    if guest is None:
        words = "A phone of another Pocketvisor: save it there, and drop the file here"
        return Offer(words, view.rect(), None)
    if guest.handset is handset:
        return None
    problem = moves.why_not(guest, handset)
    if problem:
        return Offer(problem, view.rect(), None)
    words = f"Move {guest.name} to {handset.name}"
    return Offer(words, view.rect(), lambda: view.guest_dropped.emit(handset, guest), moves=True)


def drive_at(view: "HandsetView", at: QPoint) -> "GuestPane | None":
    """The pane at a place of the view whose guest takes files into its drive."""
    for pane in view.panes:
        here = pane.mapFrom(view, at)
        seen = pane.isVisible() and pane.visibleRegion().contains(here)
        if seen and pane.guest.state in _LIVE and pane.guest.has_drive:
            return pane
    return None
