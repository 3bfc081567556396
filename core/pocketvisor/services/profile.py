"""What an open workbench, or a run in a terminal, does when it is asked about a guest's profile."""

import asyncio
import time
from pathlib import Path

from pocketvisor.control import profile_calls as calls
from pocketvisor.control.profile_calls import Key, ProfileReply, ProfileRequest
from pocketvisor.control.server import Tell
from pocketvisor.errors import ControlError, GuestError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.moving import move
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.services.desk import Desk, guest_of_profile


async def answer(desk: Desk, request: ProfileRequest, tell: Tell) -> ProfileReply:
    """Does it, and says how the guest is then. Raises PocketvisorError. Cancelled, it is cancelled."""
    match request:
        case calls.OpenProfile():
            return shown(await _open(desk, request, tell))
        case calls.KeepGuest():
            kept = desk.guest(request.guest, request.handset)
            await kept.keep(Path(request.path), keys=_new_keys(request.key), name=request.name, progress=tell)
            return shown(kept)
        case calls.CloneGuest():
            return await _clone(desk, request)
        case calls.MoveGuest():
            return await _move(desk, request, tell)
    guest = guest_of_profile(desk, Path(request.profile))
    if guest is None:
        return calls.ProfileAbsent()
    match request:
        case calls.TakeSnapshot():
            await guest.snapshot(request.name, progress=tell)
        case calls.Suspend():
            await guest.suspend(progress=tell)
        case calls.Stop():
            await guest.power_off()
            await guest.snapshot(progress=tell)
        case calls.RenameGeneration():
            await asyncio.to_thread(_file(guest).rename, request.generation, request.name)
        case calls.DeleteGeneration():
            await asyncio.to_thread(_file(guest).delete, request.generation)
            await asyncio.to_thread(_file(guest).prune)
        case calls.Resume() if guest.profile is not None and guest.state is GuestState.OFF:
            await guest.restore(guest.profile.generation)
        case calls.Resume():
            await guest.resume()
        case calls.RestoreGeneration():
            await guest.restore(request.generation)
        case calls.SetAutosave():
            guest.set_autosave(request.seconds)
    return shown(guest)


def shown(guest: Guest) -> calls.ProfileShown:
    profile = guest.profile
    if profile is None:
        raise ControlError(f"{guest.name} has no profile: 'pocketvisor profile create --from' makes one")
    return calls.ProfileShown(
        guest=guest.name,
        handset=guest.handset.name,
        state=guest.state.value,
        path=str(profile.path),
        generation=profile.generation,
        autosave=profile.autosave,
        saved_ns=profile.saved_ns,
        saving=profile.saving,
        pid=guest.pid,
    )


def _file(guest: Guest) -> ProfileFile:
    assert guest.profile is not None
    return guest.profile.file


async def _open(desk: Desk, request: calls.OpenProfile, tell: Tell) -> Guest:
    path = Path(request.profile)
    if (running := guest_of_profile(desk, path)) is not None:
        raise GuestError(f"{path.name} runs already: it is {running.name} on {running.handset.name}")
    key = request.key
    unlock = None
    if key is not None:
        identity = Path(key.identity) if key.identity else None
        unlock = Unlock(passphrase=key.passphrase, identity=identity, key=key.text)
    return await desk.handset(request.handset).open_profile(
        path, generation=request.generation, unlock=unlock, progress=lambda words: tell(words, None)
    )


async def _clone(desk: Desk, request: calls.CloneGuest) -> calls.GuestMade:
    origin = desk.guest(request.guest, request.handset)
    target = desk.handset(request.target) if request.target else origin.handset
    began = time.monotonic()
    guest = await target.clone(origin, name=request.name or None)
    return calls.GuestMade(
        guest=guest.name, handset=target.name, pid=guest.pid, seconds=round(time.monotonic() - began, 6)
    )


async def _move(desk: Desk, request: calls.MoveGuest, tell: Tell) -> calls.Moved:
    guest, target = desk.guest(request.guest, request.handset), desk.handset(request.target)
    report = await move(guest, target, tell)
    return calls.Moved(
        guest=guest.name,
        handset=target.name,
        downtime_ms=round(report.downtime_ms, 3),
        seconds=round(report.seconds, 6),
        pid_before=report.pid_before,
        pid_after=report.pid_after,
    )


def _new_keys(key: Key | None) -> NewKeys | None:
    if key is None:
        return None
    return NewKeys(passphrase=key.passphrase, recipients=tuple(key.recipients))
