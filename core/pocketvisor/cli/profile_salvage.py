"""`pocketvisor profile salvage`: what is left of a damaged profile, as a new one."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json
from pocketvisor.cli.profile_show import Profile
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile, ask, first_line

if TYPE_CHECKING:
    from pocketvisor.profile.keys import Unlock
    from pocketvisor.profile.salvage import Salvaged


def add_to(verbs: typer.Typer) -> None:
    verbs.command("salvage")(salvage)


def salvage(
    profile: Profile,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Write every generation of a damaged profile that is whole to a new file. The damaged one stays.

    'verify' says what is damaged; exit code 1 where something was lost.
    """
    from pocketvisor.cli.profile_files import check_rests
    from pocketvisor.errors import LockedProfile
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    check_rests(path)
    target = target.expanduser().absolute()
    unlock = _given(passphrase_file, identity, key_file)
    try:
        result = _salvaged(path, target, unlock, shown=not json)
    except LockedProfile:  # only now is it known that it is sealed: its header may be what is damaged
        if unlock is not None:
            raise
        result = _salvaged(path, target, _asked(path), shown=not json)
    if json:
        lost = [{"what": each.what, "generations": list(each.generations)} for each in result.lost]
        print_json({"path": str(target), "generations": list(result.kept), "lost": lost})
    else:
        for each in result.lost:
            fail(each.what)
        typer.echo(f"Whole generations, in {target}: {', '.join(map(str, result.kept))}")
    if result.lost:
        raise typer.Exit(EXIT_ERROR)


def _salvaged(path: Path, target: Path, unlock: "Unlock | None", *, shown: bool) -> "Salvaged":
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.profile.file import SavingCancelled
    from pocketvisor.profile.salvage import salvage

    with shown_progress(f"Salvaging {path.stem}", shown=shown) as tell:

        def work(stop: threading.Event) -> "Salvaged":
            def told(words: str, done: float | None) -> None:
                if stop.is_set():
                    raise SavingCancelled("Nothing was salvaged: it was cancelled")
                tell(words, done)

            return salvage(path, target, unlock, told)

        return stoppable(work)


def _given(passphrase_file: str | None, identity: Path | None, key_file: str | None) -> "Unlock | None":
    from pocketvisor.profile.keys import Unlock

    if key_file is not None:
        return Unlock(key=first_line(key_file))
    if passphrase_file is None and identity is None:
        return None
    return Unlock(
        passphrase=first_line(passphrase_file) if passphrase_file is not None else None, identity=identity
    )


def _asked(path: Path) -> "Unlock":
    from pocketvisor.profile.keys import Unlock

    return Unlock(passphrase=ask(f"Passphrase of {path.stem}"))
