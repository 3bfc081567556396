"""`pocketvisor profile create`: a new profile, of a guest of the catalogue or of one in the workbench."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.options import with_options_of
from pocketvisor.cli.output import EXIT_USAGE, fail, print_json
from pocketvisor.cli.profile_carry import NewName
from pocketvisor.cli.profile_show import size
from pocketvisor.cli.run import asked_plan
from pocketvisor.cli.unlocking import AskPassphrase, NewPassphraseFile, Recipients

if TYPE_CHECKING:
    from pocketvisor.cli.plan import RunPlan
    from pocketvisor.cli.progress import Tell
    from pocketvisor.profile.keys import NewKeys

_SOURCES = ("guests", "kernel", "elf", "firmware")
_NOT_HERE = ("ticks", "deterministic", "rate", "record", "replay", "digest", "capture")
_GUEST = Annotated[list[str] | None, typer.Option("--guest", help="A guest of the catalogue, by id or name.")]


def add_to(verbs: typer.Typer) -> None:
    verbs.command("create")(create)


@with_options_of(asked_plan, without=_NOT_HERE, instead={"guests": _GUEST}, later=True)
def create(
    plan: "partial[RunPlan]",
    name: NewName,
    running: Annotated[
        str, typer.Option("--from", metavar="GUEST", help="A guest that runs in the open workbench.")
    ] = "",
    snapshot: Annotated[str, typer.Option("--snapshot", help="What to call its first generation.")] = "",
    passphrase: AskPassphrase = False,
    new_passphrase_file: NewPassphraseFile = None,
    recipient: Recipients = None,
) -> None:
    """Make a profile: a phone as one file, which starts on any handset.

    With --guest (or --kernel, --elf, --firmware), and the options of 'run', it is a guest that was just
    switched on; with --until (and --type) it runs that far first, so that each start goes on from there. With
    --from it is a guest of the open workbench as it is now, which is kept in the profile from then on.
    """
    from pocketvisor.cli.unlocking import asked_keys
    from pocketvisor.profiles import new_profile

    made_of = any(plan.keywords[source] for source in _SOURCES)
    if bool(running) == made_of:
        fail("Say of what: --guest (or --kernel, --elf, --firmware), or --from a guest of the open workbench")
        raise typer.Exit(EXIT_USAGE)
    asked = plan() if made_of else None
    if asked is not None and len(asked.images) != 1:
        fail("A profile is of one guest")
        raise typer.Exit(EXIT_USAGE)
    path = new_profile(name)
    keys = asked_keys(passphrase, new_passphrase_file, recipient)
    json = plan.keywords["json"]
    if asked is None:
        _keep(running, path, keys, snapshot, json)
    else:
        from pocketvisor.cli.progress import shown_progress
        from pocketvisor.cli.reach import interruptible

        with shown_progress(f"Making {path.stem}", shown=not json) as tell:
            interruptible(_make(asked, path, keys, snapshot, tell))
    if json:
        print_json({"name": path.stem, "path": str(path), "size": path.stat().st_size})
    else:
        typer.echo(f"{path.stem} is made, {size(path.stat().st_size)}: pocketvisor profile start {name}")


async def _make(plan: "RunPlan", path: Path, keys: "NewKeys | None", name: str, tell: "Tell") -> None:
    """Cancelled, it leaves nothing."""
    from msgspec import structs

    from pocketvisor.cli.terminal import ConsoleOut
    from pocketvisor.cli.typist import Typist
    from pocketvisor.errors import GuestError
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.script import Script
    from pocketvisor.handset import Handset

    handset = Handset(plan.model)
    plan.held.put(handset.phone)
    script = Script(plan.script) if plan.script is not None else None
    out = ConsoleOut(sys.stderr.buffer, [])
    typists: list[Typist] = []

    def added(guest: Guest) -> None:
        typists.append(Typist(guest, script, lambda data: out.write(guest.name, data)))

    try:
        guest = await handset.start(
            plan.images[0],
            options=structs.replace(plan.options(), paused=script is None),
            on_guest=added,
            progress=lambda words: tell(words, None),
        )
        if script is not None:
            stopped = asyncio.ensure_future(guest.wait_stopped())
            matched = asyncio.ensure_future(typists[0].matched.wait())
            try:
                await asyncio.wait(
                    [stopped, matched], timeout=plan.timeout, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                stopped.cancel()
                matched.cancel()
                typists[0].close()
            out.finish()
            if not typists[0].matched.is_set():
                how = "stopped" if stopped.done() and not stopped.cancelled() else "ran out of time"
                raise GuestError(f"{guest.name} {how} before it came so far: no profile was made")
        await guest.keep(path, keys=keys, name=name, progress=tell)
        if plan.screenshot is not None:
            plan.screenshot.write_bytes(await guest.screenshot())
    finally:
        await handset.close()


def _keep(guest: str, path: Path, keys: "NewKeys | None", name: str, json: bool) -> None:
    from pocketvisor.cli.reach import ask_workbench
    from pocketvisor.control.profile_calls import KeepGuest, Key, ProfileShown

    key = None
    if keys is not None:
        key = Key(passphrase=keys.passphrase, recipients=list(keys.recipients))
    request = KeepGuest(guest=guest, path=str(path), name=name, key=key)
    ask_workbench(request, f"Saving {guest}", ProfileShown, shown=not json)
