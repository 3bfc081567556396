"""`pocketvisor profile snapshot`, `suspend`, `stop`, `restore`, `autosave`: for guests that run, wherever."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.output import Json, print_json
from pocketvisor.cli.profile_history import Chosen
from pocketvisor.cli.profile_show import Profile, plain_run
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

if TYPE_CHECKING:
    from pocketvisor.control.profile_calls import ProfileRequest, ProfileShown


def add_to(verbs: typer.Typer) -> None:
    verbs.command("snapshot")(snapshot)
    verbs.command("suspend")(suspend)
    verbs.command("stop")(stop)
    verbs.command("restore")(restore)
    verbs.command("autosave")(autosave)


def snapshot(
    profile: Profile,
    name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
    json: Json = False,
) -> None:
    """Save a running guest as it is now, as a generation of its profile. It runs on."""
    from pocketvisor.control.profile_calls import TakeSnapshot
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    shown = _ask(path, TakeSnapshot(profile=str(path), name=name), f"Saving {path.stem}", json)
    called = f" ('{name}')" if name else ""
    _tell(shown, f"{shown.guest} is saved as generation {shown.generation}{called}", json)


def suspend(profile: Profile, json: Json = False) -> None:
    """Save a running guest as it is, and end it: 'resume' or 'start' goes on from there, on any handset."""
    from pocketvisor.control.profile_calls import Suspend
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    shown = _ask(path, Suspend(profile=str(path)), f"Suspending {path.stem}", json)
    _tell(shown, f"{shown.guest} is suspended: generation {shown.generation}", json)


def stop(profile: Profile, json: Json = False) -> None:
    """Take the power from a running guest, and save what is on its disks."""
    from pocketvisor.control.profile_calls import Stop
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    shown = _ask(path, Stop(profile=str(path)), f"Stopping {path.stem}", json)
    _tell(shown, f"{shown.guest} is off: generation {shown.generation}", json)


def restore(
    profile: Profile,
    generation: Chosen,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Go back, or forward, to a generation. All others stay.

    A guest that runs becomes what it was then, and what it has done since it was saved last is given up: take
    a snapshot before. A profile at rest goes on from there when it is started.
    """
    from pocketvisor.cli.profile_files import chosen_generation, opened_with
    from pocketvisor.cli.reach import ask_holder, running, strange
    from pocketvisor.cli.unlocking import unlock_of
    from pocketvisor.control.profile_calls import ProfileShown, RestoreGeneration
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    unlock = unlock_of(path, passphrase_file, identity, key_file)
    runs = running(path) is not None
    with opened_with(path, unlock, read_only=runs) as file:
        chosen = chosen_generation(file, generation)
        if not runs:
            file.set_head(chosen.number)
    called = f"generation {chosen.number}" + (f" ('{chosen.name}')" if chosen.name else "")
    if not runs:
        if json:
            print_json({"name": path.stem, "path": str(path), "head": chosen.number})
        else:
            typer.echo(f"{path.stem} goes on from {called}")
        return
    request = RestoreGeneration(profile=str(path), generation=chosen.number)
    reply = ask_holder(path, request, f"Restoring {path.stem}", shown=not json)
    if not isinstance(reply, ProfileShown):
        raise strange()
    _tell(reply, f"{reply.guest} is what it was at {called}", json)


def autosave(
    profile: Profile,
    seconds: Annotated[str, typer.Argument(metavar="SECONDS|off", help="How often, while it runs.")],
    json: Json = False,
) -> None:
    """Save a running guest every so often, without a pause that is seen; the newest of these stay."""
    from pocketvisor.control.profile_calls import AUTOSAVE_SECONDS_MAX, SetAutosave
    from pocketvisor.errors import ProfileError
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    every: float | None = None
    if seconds != "off":
        try:
            every = float(seconds)
            if not 1 <= every <= AUTOSAVE_SECONDS_MAX:
                raise ValueError
        except ValueError:
            raise ProfileError(
                f"'{seconds}' is neither 'off' nor a number of seconds, from 1 to a day's"
            ) from None
    shown = _ask(path, SetAutosave(profile=str(path), seconds=every), "", json)
    how = "is not saved by itself any more" if every is None else f"is saved every {every:g} s"
    _tell(shown, f"{shown.guest} {how}", json)


def _ask(path: Path, request: "ProfileRequest", title: str, json: bool) -> "ProfileShown":
    from pocketvisor.cli.reach import ask_holder, strange
    from pocketvisor.control.profile_calls import ProfileShown
    from pocketvisor.errors import ProfileError

    reply = ask_holder(path, request, title, shown=not json)
    if reply is None:
        raise ProfileError(f"{path.stem} does not run: 'pocketvisor profile start' runs it")
    if not isinstance(reply, ProfileShown):
        raise strange()
    return reply


def _tell(shown: "ProfileShown", sentence: str, json: bool) -> None:
    if json:
        print_json(plain_run(shown))
    else:
        typer.echo(sentence)
