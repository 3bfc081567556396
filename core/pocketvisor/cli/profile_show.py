"""`pocketvisor profile list`, `info` and `verify`: what there is, without changing anything."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json, print_table
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

if TYPE_CHECKING:
    from pocketvisor.control.profile_calls import ProfileShown
    from pocketvisor.profile.file import Generation, ProfileInfo


def _names() -> list[str]:
    from pocketvisor.profiles import profile_names

    return profile_names()


Profile = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE", help="Its name in the library, or a .vphone file.", autocompletion=_names
    ),
]


def add_to(verbs: typer.Typer) -> None:
    verbs.command("list")(list_profiles)
    verbs.command("info")(info)
    verbs.command("verify")(verify)


def list_profiles(json: Json = False) -> None:
    """List the profiles of the library."""
    from pocketvisor.cli.reach import running
    from pocketvisor.profiles import library, profiles_path

    listed = [(each, running(each.path) if each.info is not None else None) for each in library()]
    if json:
        print_json(
            [
                {
                    "name": each.name,
                    "path": str(each.path),
                    **(plain_info(each.info) if each.info is not None else {"problem": each.problem}),
                    "runs": plain_run(run),
                    "moved": _moved(each.info),
                }
                for each, run in listed
            ]
        )
        return
    if not listed:
        typer.echo(f"There is no profile in {profiles_path()}: 'pocketvisor profile create' makes one")
        return
    print_table(
        ["PROFILE", "STATE", "KEYS", "GENERATIONS", "LAST SAVED", "SIZE"],
        [
            (
                each.name,
                f"{run.state} on {run.handset}" if run is not None else _moved(each.info) or "at rest",
                _lock(each.info),
                sum(1 for _ in each.info.generations),
                when(_last_ns(each.info)),
                size(each.info.size),
            )
            if each.info is not None
            else (each.name, "unreadable", "", "", "", "")
            for each, run in listed
        ],
    )
    for each, _ in listed:
        if each.problem:
            fail(each.problem)


def info(profile: Profile, json: Json = False) -> None:
    """Show what can be said of a profile without a key: nothing of what is on the phone."""
    from pocketvisor.cli.reach import running
    from pocketvisor.profiles import find_profile, profile_info

    path = find_profile(profile)
    found, run = profile_info(path), running(path)
    if json:
        whole = {**plain_info(found), "runs": plain_run(run), "moved": _moved(found)}
        print_json({"name": path.stem, "path": str(path), **whole})
        return
    lines = {
        "file": f"{path}, {size(found.size)}, format {found.format}",
        "id": found.id.hex(),
        "made": f"{when(found.created_ns)} by Pocketvisor {found.program}",
        "keys": _keys(found),
        "head": f"generation {found.head}" if found.head else "none",
        "runs": f"{run.guest} on {run.handset}, {run.state}, process {run.pid}" if run is not None else "no",
    }
    if moved := _moved(found):
        lines["moved"] = moved
    typer.echo(path.stem)
    for field, value in lines.items():
        typer.echo(f"  {field:6} {value}")
    for sentence in found.damaged:
        typer.echo(f"  damaged: {sentence}")
    if found.generations:
        typer.echo("")
        print_table(
            ["GENERATION", "FROM", "SAVED", "ADDED"],
            [
                (each.number, each.parent or "", when(each.created_ns), size(each.added))
                for each in found.generations
            ],
        )


def _moved(info: "ProfileInfo | None") -> str:
    """Where it is where it is not this machine's; empty where it is, or where nobody can tell."""
    from pocketvisor.errors import PocketvisorError
    from pocketvisor.migration.lease import in_short
    from pocketvisor.migration.leases import Leases
    from pocketvisor.profile.ledger import Ledger

    try:
        return in_short(Leases(Ledger()).get(info.id)) if info is not None else ""
    except PocketvisorError:  # its record cannot be read: what is in the file can be shown all the same
        return ""


def verify(
    profile: Profile,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Read everything in a profile and compare it with its digests; exit code 1 if anything is damaged."""
    from pocketvisor.cli.profile_files import opened
    from pocketvisor.cli.progress import shown_progress
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    began = time.monotonic()
    with opened(path, passphrase_file, identity, key_file, read_only=True) as file:
        with shown_progress(f"Verifying {path.stem}", shown=not json) as tell:
            damages = file.verify(tell)
        generations = [generation.number for generation in file.info.generations]
    hurt = sorted({number for damage in damages for number in damage.generations})
    if json:
        print_json(
            {
                "name": path.stem,
                "path": str(path),
                "whole": not damages,
                "seconds": round(time.monotonic() - began, 3),
                "generations": generations,
                "damaged_generations": hurt,
                "damages": [
                    {"what": damage.what, "generations": list(damage.generations)} for damage in damages
                ],
            }
        )
    elif not damages:
        typer.echo(f"{path.stem} is whole: {len(generations)} generations")
    else:
        for damage in damages:
            numbers = ", ".join(map(str, damage.generations))
            fail(f"{damage.what.rstrip('.')}" + (f" (generation {numbers})" if numbers else ""))
        whole = [str(number) for number in generations if number not in hurt]
        typer.echo(f"Whole generations: {', '.join(whole) or 'none'}")
    if damages:
        raise typer.Exit(EXIT_ERROR)


# What they show, for other verbs as well


def plain_info(info: "ProfileInfo") -> dict[str, Any]:
    return {
        "id": info.id.hex(),
        "format": info.format,
        "program": info.program,
        "created_ns": info.created_ns,
        "size": info.size,
        "sealed": info.sealed,
        "wiped": info.wiped,
        "keys": list(info.slots),
        "head": info.head,
        "damaged": list(info.damaged),
        "generations": [plain_generation(generation) for generation in info.generations],
    }


def plain_generation(generation: "Generation") -> dict[str, Any]:
    """`name` and `kind` are None where the profile is locked."""
    known = generation.kind is not None
    return {
        "number": generation.number,
        "parent": generation.parent,
        "created_ns": generation.created_ns,
        "added": generation.added,
        "name": generation.name if known else None,
        "kind": generation.kind,
        "damaged": generation.damaged,
    }


def plain_run(run: "ProfileShown | None") -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "guest": run.guest,
        "handset": run.handset,
        "state": run.state,
        "pid": run.pid,
        "generation": run.generation,
        "autosave": run.autosave,
        "saved_ns": run.saved_ns,
        "saving": run.saving,
    }


def when(ns: int) -> str:
    """In this machine's time, to the second."""
    if not ns:
        return "never"
    try:
        return datetime.fromtimestamp(ns // 1_000_000_000).isoformat(" ")
    except (OverflowError, ValueError, OSError):
        return "at no time"


def size(count: int) -> str:
    if count < 10 << 10:
        return f"{count} B"
    if count < 1 << 20:
        return f"{count / (1 << 10):.0f} KiB"
    return f"{count / (1 << 20):.1f} MiB"


def _last_ns(info: "ProfileInfo") -> int:
    return max((generation.created_ns for generation in info.generations), default=0)


def _lock(info: "ProfileInfo") -> str:
    return "wiped" if info.wiped else "sealed" if info.sealed else "open"


def _keys(info: "ProfileInfo") -> str:
    if info.wiped:
        return "wiped: nothing opens it any more"
    if not info.sealed:
        return "none: who has the file reads it"
    return f"sealed; opens with {in_words(slot_words(info.slots))}"


def slot_words(slots: Sequence[str]) -> list[str]:
    words = {"passphrase": "a passphrase", "age": "an age identity"}
    return [words.get(kind, kind) for kind in slots]


def in_words(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
