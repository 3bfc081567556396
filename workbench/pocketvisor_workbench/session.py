"""What the workbench is about, without widgets: handsets, their guests, and what is selected.

The panes and the stage read this and listen to its signals; commands, the dialogs and drag and drop call its
methods. Every operation on a guest is started here as a job, so that the GUI thread never waits for one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from pocketvisor.api import (
    Guest,
    GuestImage,
    GuestState,
    Handset,
    HandsetModel,
    NetworkSpec,
    PocketvisorError,
    RunOptions,
)
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.jobs import Job, JobBoard, JobState
from pocketvisor_workbench.keeping import Keeping, is_suspended, profile_of
from pocketvisor_workbench.log import EventLog, Level
from pocketvisor_workbench.lost import Lost, LostPhones, lost_guest
from pocketvisor_workbench.moves import Mover, Moves, RealMover
from pocketvisor_workbench.policy.policing import Policing
from pocketvisor_workbench.policy.watch import Policies
from pocketvisor_workbench.timeline.times import Times
from pocketvisor_workbench.travels import Travels
from pocketvisor_workbench.vaulting import Vaulting

Operation = Literal["pause", "resume", "reset", "power_off", "kill", "restart"]

UNDO_MS = 8000
"""How long a removed handset can be had back."""

_DONE: dict[str, str] = {
    "pause": "paused",
    "resume": "resumed",
    "reset": "reset",
    "power_off": "powered off",
    "kill": "killed",
    "restart": "restarted",
}


class Session(QObject):
    """All handsets of one workbench."""

    handset_added = Signal(object)
    handset_removed = Signal(object)
    guest_added = Signal(object)
    guest_removed = Signal(object)
    state_changed = Signal(object)
    foreground_changed = Signal(object)
    selection_changed = Signal()
    images_changed = Signal()
    changed = Signal()
    """Anything that may enable or disable a command."""

    def __init__(
        self,
        models: dict[str, HandsetModel],
        images: dict[str, GuestImage],
        *,
        make_handset: Callable[[HandsetModel, str | None], Handset] = Handset,
        mover: Mover | None = None,
    ) -> None:
        super().__init__()
        self.models = models
        self.images = images
        self.log = EventLog(self)
        self.jobs = JobBoard(self)
        self.jobs.ended.connect(self._job_ended)
        self.moves = Moves(self, mover or RealMover())
        self.travels = Travels(self)
        self.keeping = Keeping(self)
        self.vaulting = Vaulting(self)
        self.phones_lost = LostPhones(self)
        self.handsets: list[Handset] = []
        self.removed: list[Handset] = []
        self._make_handset = make_handset
        self._handset: Handset | None = None
        self._guest: Guest | None = None
        self._unsubscribe: dict[object, list[Callable[[], None]]] = {}
        self.policies = Policies(self)
        self.policing = Policing(self)
        self.times = Times(self)

    # Selection

    @property
    def handset(self) -> Handset | None:
        """The selected handset: the one that keys and commands go to."""
        return self._handset

    @property
    def guest(self) -> Guest | None:
        """The selected guest, which need not be its handset's foreground."""
        return self._guest

    @property
    def guests(self) -> list[Guest]:
        return [guest for handset in self.handsets for guest in handset.guests]

    def find_guest(self, ident: str) -> Guest | None:
        return next((guest for guest in self.guests if guest.id == ident), None)

    def select(self, handset: Handset | None, guest: Guest | None = None) -> None:
        """Selects a handset and one of its guests, the foreground unless said."""
        if handset is not None and guest is None:
            guest = handset.foreground
        if (handset, guest) == (self._handset, self._guest):
            return
        self._handset, self._guest = handset, guest
        self.selection_changed.emit()
        self.changed.emit()

    def bring_to_front(self, guest: Guest) -> None:
        """Makes a guest its handset's foreground and selects it."""
        if guest.handset.foreground is not guest:
            guest.handset.set_foreground(guest)
        self.select(guest.handset, guest)

    # Handsets

    def add_handset(self, model: HandsetModel, name: str | None = None) -> Handset:
        handset = self._make_handset(model, name or self._free_name(model))
        self._unsubscribe[handset] = [
            handset.on("guest-added", lambda guest: self._guest_added(guest)),
            handset.on("guest-removed", lambda guest: self._guest_removed(guest)),
            handset.on("foreground", lambda *_: self._foreground(handset)),
            handset.on("message", lambda text: self._message(handset, text)),
        ]
        self.handsets.append(handset)
        self.log.add(f"{handset.name} is on the bench", source=handset.name)
        self.handset_added.emit(handset)
        self.select(handset)
        return handset

    def remove_handset(self, handset: Handset) -> None:
        """Takes a handset off the bench. Its guests are paused and can be had back for a moment."""
        if handset not in self.handsets:
            return
        self.handsets.remove(handset)
        self.removed.append(handset)
        for guest in handset.guests:
            if guest.state is GuestState.RUNNING:
                self.operate(guest, "pause", quiet=True)
        self.handset_removed.emit(handset)
        if self._handset is handset:
            self.select(self.handsets[-1] if self.handsets else None)
        QTimer.singleShot(UNDO_MS, self, lambda: self._close_removed(handset))
        self.changed.emit()

    def restore_handset(self, handset: Handset) -> None:
        """Undoes a removal."""
        if handset not in self.removed:
            return
        self.removed.remove(handset)
        self.handsets.append(handset)
        self.handset_added.emit(handset)
        for guest in handset.guests:
            if guest.state is GuestState.PAUSED:
                self.operate(guest, "resume", quiet=True)
        self.select(handset)

    def lose_handset(self, handset: Handset) -> Job | None:
        """As when a phone falls into the sea: its guests' processes are killed, nothing is saved before."""
        if handset not in self.handsets:
            return None
        self.handsets.remove(handset)
        lost = _kept_on(handset)
        if self._handset is handset:
            self.select(self.handsets[-1] if self.handsets else None)
        self.handset_removed.emit(handset)

        async def work(_: Job) -> None:
            await asyncio.gather(*(guest.kill() for guest in handset.guests), return_exceptions=True)
            await self._close(handset)
            self.phones_lost.gone(lost)

        job = self.run(f"Lose {handset.name}", work, shown=False)
        self.changed.emit()
        return job

    def _close_removed(self, handset: Handset) -> None:
        if handset not in self.removed:
            return
        self.removed.remove(handset)

        async def work(_: Job) -> None:
            await self._save_kept(handset)
            lost = _kept_on(handset)
            await self._close(handset)
            self.phones_lost.gone(lost)

        self.run(f"Switch off {handset.name}", work, shown=False)

    async def _save_kept(self, handset: Handset) -> None:
        """Guests that are kept in a profile go into it as they are."""
        for guest in list(handset.guests):
            if profile_of(guest) is not None and guest.state in (GuestState.RUNNING, GuestState.PAUSED):
                try:
                    await guest.suspend()
                except PocketvisorError as error:
                    self.log.error(error, guest.name)

    async def _close(self, handset: Handset) -> None:
        if self.travels.reception(handset) is not None:
            await self.travels.border.receive_no_more(handset)
        for guest in list(handset.guests):
            self._drop_guest(guest)
        for unsubscribe in self._unsubscribe.pop(handset, ()):
            unsubscribe()
        await handset.close()
        self.log.add(f"{handset.name} is switched off", source=handset.name)

    # Guests

    def start_guest(
        self,
        handset: Handset,
        image: GuestImage,
        *,
        name: str | None = None,
        options: RunOptions | None = None,
        front: bool = True,
    ) -> Job:
        async def work(job: Job) -> None:
            job.report(None, f"Loading {image.name}")

            def added(guest: Guest) -> None:
                if front and handset in self.handsets:
                    self.bring_to_front(guest)

            await handset.start(
                image,
                name=name,
                options=_at_hand(image, options),
                progress=lambda words: job.report(None, words),
                on_guest=added,
            )

        return self.run(f"Start {name or image.name} on {handset.name}", work, source=handset.name)

    def put_files(self, guest: Guest, files: list[Path]) -> Job:
        """Files and folders into a guest's drive, as a read-only disk."""

        async def work(job: Job) -> None:
            job.report(None, "Making a disk of them")
            await guest.insert_media(files, lambda words: job.report(None, words))
            self.log.add(
                f"{guest.name} has {_named(files)} in its drive", source=guest.name, accent=accent_of(guest)
            )

        return self.run(f"Put {_named(files)} into {guest.name}", work, source=guest.name)

    def eject(self, guest: Guest) -> Job:
        async def work(_: Job) -> None:
            await guest.eject_media()
            self.log.add(f"{guest.name}'s drive is empty", source=guest.name, accent=accent_of(guest))

        return self.run(f"Empty the drive of {guest.name}", work, shown=False, source=guest.name)

    def remove_guest(self, guest: Guest) -> Job:
        return self.run(
            f"Remove {guest.name}", lambda _: guest.handset.remove(guest), shown=False, source=guest.name
        )

    def go_on(self, guest: Guest) -> Job:
        """From a pause, or from where it was suspended."""
        return self.keeping.resume(guest) if is_suspended(guest) else self.operate(guest, "resume")

    def operate(self, guest: Guest, operation: Operation, *, quiet: bool = False) -> Job:
        """Pause, resume and the like: at once, reported when done."""

        async def work(_: Job) -> None:
            await getattr(guest, operation)()
            if not quiet:
                self.log.add(
                    f"{guest.name} was {_DONE[operation]}", source=guest.name, accent=accent_of(guest)
                )

        title = f"{operation.replace('_', ' ').capitalize()} {guest.name}"
        return self.run(title, work, shown=False, source=guest.name)

    def run(
        self,
        title: str,
        work: Callable[[Job], Coroutine[Any, Any, Any]],
        *,
        shown: bool = True,
        source: str = "",
    ) -> Job:
        """Starts asynchronous work; what it fails with is logged and shown."""
        job = self.jobs.start(title, work, shown=shown)
        job.setProperty("source", source)
        return job

    async def close(self) -> None:
        """Ends all guests; nothing is left running, and nobody looks at them any more."""
        await self.jobs.close()
        await self.travels.close()
        shown, removed = self.handsets, self.removed
        self.handsets, self.removed = [], []
        self.select(None)
        for handset in shown:
            self.handset_removed.emit(handset)
        for handset in [*shown, *removed]:
            await self._save_kept(handset)
            await self._close(handset)
        await self.jobs.close()  # what was asked of guests as they went

    # What the handsets tell

    def _job_ended(self, job: Job) -> None:
        if job.state is JobState.FAILED and job.error is not None:
            self.log.error(job.error, str(job.property("source") or ""), notice=not job.told)
        self.changed.emit()

    def _guest_added(self, guest: Guest) -> None:
        self._unsubscribe[guest] = [
            guest.on("state", lambda *_: self._state(guest)),
            guest.on("event", lambda sentence: self._event(guest, sentence)),
            guest.on("profile", lambda: self.keeping.changed.emit(guest)),
        ]
        self.log.add(
            f"{guest.name} is put on {guest.handset.name}", source=guest.name, accent=accent_of(guest)
        )
        self.guest_added.emit(guest)
        self.changed.emit()

    def _message(self, handset: Handset, sentence: str) -> None:
        self.log.add(sentence, source=handset.name)

    def _event(self, guest: Guest, sentence: str) -> None:
        level = Level.WARNING if guest.not_responding else Level.INFO
        self.log.add(sentence, level, source=guest.name, accent=accent_of(guest))

    def _guest_removed(self, guest: Guest) -> None:
        self._drop_guest(guest)
        if self._guest is guest:
            self._guest = None
            self.select(self._handset, self._handset.foreground if self._handset else None)
        self.changed.emit()

    def _drop_guest(self, guest: Guest) -> None:
        if guest not in self._unsubscribe:
            return
        for unsubscribe in self._unsubscribe.pop(guest):
            unsubscribe()
        self.guest_removed.emit(guest)

    def _state(self, guest: Guest) -> None:
        if guest.state is GuestState.CRASHED:
            self.log.add(
                guest.problem or f"{guest.name} has crashed",
                Level.ERROR,
                source=guest.name,
                accent=accent_of(guest),
            )
        self.state_changed.emit(guest)
        self.changed.emit()

    def _foreground(self, handset: Handset) -> None:
        self.foreground_changed.emit(handset)
        if self._handset is handset:
            self.select(handset, handset.foreground)
        self.changed.emit()

    def _free_name(self, model: HandsetModel) -> str:
        """The model's name, numbered when there are several of it."""
        taken = {handset.name for handset in [*self.handsets, *self.removed]}
        if model.name not in taken:
            return model.name
        return next(name for n in range(2, 1000) if (name := f"{model.name} {n}") not in taken)


def _kept_on(handset: Handset) -> list[Lost]:
    return [lost for guest in handset.guests if (lost := lost_guest(guest, gone=True)) is not None]


def _named(files: list[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files"


def _at_hand(image: GuestImage, options: RunOptions | None) -> RunOptions:
    """What a guest of a kind that has drivers is given besides: a network card with its cable out, and a
    drive for files, so that both are at hand while it runs. Nothing is connected to it."""
    options = options or RunOptions()
    if image.kind == "elf" or options.replay is not None:
        return options
    network = options.network or (NetworkSpec() if options.network_card and not image.network else None)
    media = True if options.media is None else options.media
    return msgspec.structs.replace(options, network=network, media=media)
