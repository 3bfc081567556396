"""`pocketvisor migrate` and `settle`: a phone moves to another machine, or to another handset of the
workbench; and what became of it where the link was lost."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, asked, confirmed, fail, print_json
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

if TYPE_CHECKING:
    from pocketvisor.control.migration_calls import Migrated

_CODE_TRIES = 3


def add_to(app: typer.Typer) -> None:
    app.command("migrate")(migrate)
    app.command("settle")(settle)


def migrate(
    guest: Annotated[str, typer.Argument(help="A guest of the open workbench, or a profile.")],
    target: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="Where 'pocketvisor receive' waits, or a handset.")
    ],
    handset: Annotated[str, typer.Option("--handset", help="Its handset, where several have it.")] = "",
    code: Annotated[
        str | None, typer.Option("--code", help="The pairing code that is shown there, for the first time.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Move a phone to another machine while it runs, or to another handset.

    It goes on here until it stands still for the last milliseconds; Ctrl+C lets it stay here.
    """
    from pocketvisor.cli.reach import ask_holder, interruptible
    from pocketvisor.control.migration_calls import Migrated, MigrateGuest, MigrateProfile
    from pocketvisor.migration.greeting import parse_address
    from pocketvisor.profiles import find_profile

    if ":" not in target:
        _to_handset(guest, target, handset, json)
        return
    parse_address(target)
    interruptible(_trusted(target, code))
    title = f"Moving {guest} to {target}"
    if handset or _is_guest(guest):
        request: Any = MigrateGuest(guest=guest, address=target, handset=handset)
        reply: Any = _ask_workbench(request, title, shown=not json)
    else:
        path = find_profile(guest)
        reply = ask_holder(path, MigrateProfile(profile=str(path), address=target), title, shown=not json)
        if reply is None:
            reply = _migrate_file(path, target, title, (passphrase_file, identity, key_file), shown=not json)
    if not isinstance(reply, Migrated):
        fail("The answer makes no sense: it may be of another version of Pocketvisor")
        raise typer.Exit(EXIT_ERROR)
    _tell(reply, json)


def settle(
    profile: Annotated[str, typer.Argument(help="A profile, by name or path.")],
    give_up: Annotated[
        bool, typer.Option("--give-up", help="It is to stay here, if the other machine has not taken it.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="It goes on here without asking: two of it may run then.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether --force is meant.")] = False,
    json: Json = False,
) -> None:
    """Find out whose a phone is whose move was cut off, by asking the other machine again.

    It is there then, or here; where nobody answers it stays as it is. With --force you decide: should the
    other machine have taken it, two of it run from then on, and what each does is missing in the other.
    """
    from pocketvisor.cli.reach import ask_holder, interruptible
    from pocketvisor.control.migration_calls import Settled, SettleMove
    from pocketvisor.profiles import find_profile

    if give_up and force:
        fail("--give-up asks the other machine, --force does not: give one of them")
        raise typer.Exit(EXIT_USAGE)
    path = find_profile(profile)
    if force and not yes and not _confirmed(path.stem):
        raise typer.Exit(EXIT_ERROR)
    reply: Any = ask_holder(path, SettleMove(profile=str(path), give_up=give_up, force=force))
    if reply is None:
        reply = interruptible(_settle_file(path, give_up=give_up, force=force))
    if not isinstance(reply, Settled):
        fail("The answer makes no sense: it may be of another version of Pocketvisor")
        raise typer.Exit(EXIT_ERROR)
    if json:
        print_json({"profile": path.stem, "here": reply.here, "peer": reply.peer})
    else:
        where = "is this machine's" if reply.here else f"is on {reply.peer or 'the other machine'}"
        typer.echo(f"{path.stem} {where}")


def _to_handset(guest: str, target: str, handset: str, json: bool) -> None:
    from pocketvisor.control.profile_calls import Moved, MoveGuest

    request = MoveGuest(guest=guest, target=target, handset=handset)
    reply = _ask_workbench(request, f"Moving {guest} to {target}", shown=not json)
    if not isinstance(reply, Moved):
        fail("The answer makes no sense: it may be of another version of Pocketvisor")
        raise typer.Exit(EXIT_ERROR)
    if json:
        print_json(reply)
    else:
        typer.echo(f"{reply.guest} is on {reply.handset}; it stood still for {reply.downtime_ms:.1f} ms")


async def _trusted(address: str, code: str | None) -> None:
    """Pairs where they do not know each other; who sits at the terminal is asked for the code."""
    from pocketvisor.errors import MigrationError
    from pocketvisor.migration.greeting import NotPaired
    from pocketvisor.services.migration import called

    asks = code is None and sys.stdin is not None and sys.stdin.isatty()
    for left in range(_CODE_TRIES - 1, -1, -1):
        try:
            (await called(address, code)).abort()
            return
        except NotPaired as error:
            if not asks:
                raise
            typer.echo(str(error), err=True)
        except MigrationError as error:
            if not asks or code is None or not left:
                raise
            typer.echo(str(error), err=True)
        while not (code := asked("Pairing code")):
            pass


def _is_guest(name: str) -> bool:
    """Whether the open workbench has a guest of this name."""
    from pocketvisor.cli.reach import interruptible
    from pocketvisor.control.server import NobodyListens, call
    from pocketvisor.control.workbench import List, Listing

    with suppress(NobodyListens):
        reply = interruptible(call(List()))
        if isinstance(reply, Listing):
            guests = [guest for handset in reply.handsets for guest in handset.guests]
            return any(name == guest.id or name.casefold() == guest.name.casefold() for guest in guests)
    return False


def _ask_workbench(request: Any, title: str, *, shown: bool) -> Any:
    from pocketvisor.cli.progress import shown_progress
    from pocketvisor.cli.reach import interruptible
    from pocketvisor.control.server import call

    with shown_progress(title, shown=shown) as tell:
        return interruptible(call(request, progress=tell))


def _migrate_file(
    path: Path, address: str, title: str, unlock: tuple[str | None, Path | None, str | None], *, shown: bool
) -> "Migrated":
    """A phone that does not run: it goes on there from where it was saved."""
    from pocketvisor.cli.progress import shown_progress
    from pocketvisor.cli.reach import interruptible
    from pocketvisor.cli.unlocking import unlocked
    from pocketvisor.migration.departure import Departure
    from pocketvisor.migration.guests import StoredPhone
    from pocketvisor.migration.leases import Leases
    from pocketvisor.profile.file import ProfileFile
    from pocketvisor.profile.ledger import Ledger
    from pocketvisor.services.migration import called, words_of
    from pocketvisor.services.migration import shown as as_reply

    file = ProfileFile.open(path)
    try:
        unlocked(file, path.stem, *unlock)
        with shown_progress(title, shown=shown) as tell:
            departure = Departure(
                StoredPhone(file),
                file,
                Leases(Ledger()),
                lambda: called(address),
                progress=lambda each: tell(words_of(each), each.fraction),
            )
            report = interruptible(departure.run())
            report.downtime_ms = 0.0  # it did not run
            return as_reply(path.stem, report)
    finally:
        file.close()


async def _settle_file(path: Path, *, give_up: bool, force: bool) -> Any:
    """Of a phone that runs nowhere on this machine, by its record alone."""
    from pocketvisor.control.migration_calls import Settled
    from pocketvisor.errors import MigrationError
    from pocketvisor.migration import lease
    from pocketvisor.migration.leases import Leases
    from pocketvisor.migration.settling import by_force, settled
    from pocketvisor.profile.ledger import Ledger
    from pocketvisor.profiles import profile_info
    from pocketvisor.services.migration import called

    leases, profile = Leases(Ledger()), profile_info(path).id
    record = leases.get(profile)
    if record is None:
        return Settled(here=True)
    if force:
        record = leases.change(profile, by_force)
        assert record is not None
    elif record.state in (lease.State.COMMITTING, lease.State.UNKNOWN):
        address = record.address
        record = await settled(leases, profile, lambda: called(address), give_up=give_up)
    if record.state in (lease.State.OWNER, lease.State.GIVEN_UP):
        return Settled(here=record.state is lease.State.OWNER, peer=record.peer_name)
    raise MigrationError(lease.why_not(record, path.stem))


def _confirmed(name: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        fail("--force: if the other machine has taken it, two of it run; say --yes where nobody can be asked")
        return False
    question = (
        f"Should the other machine have taken {name}, two of it run from now on. Go on here all the same?"
    )
    return confirmed(question, in_json=True)


def _tell(moved: "Migrated", json: bool) -> None:
    if json:
        print_json(moved)
        return
    size = moved.sent_bytes / (1 << 20)
    still = f"; it stood still for {moved.downtime_ms:.0f} ms" if moved.downtime_ms else ""
    typer.echo(
        f"{moved.guest} is on {moved.peer} ({moved.address}): {size:.1f} MiB in {moved.rounds} rounds, "
        f"{moved.seconds:.1f} s{still}"
    )
