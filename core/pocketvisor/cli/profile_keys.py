"""`pocketvisor profile key`: what opens a profile. Its content is not written again for any of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_USAGE, Json, fail, print_json
from pocketvisor.cli.profile_show import Profile, in_words, slot_words
from pocketvisor.cli.unlocking import (
    AskPassphrase,
    Identity,
    KeyFile,
    NewPassphraseFile,
    PassphraseFile,
    Recipients,
)

if TYPE_CHECKING:
    from pocketvisor.profile.file import ProfileFile, ProfileInfo
    from pocketvisor.profile.keys import KeySlot, Unlock


def add_to(verbs: typer.Typer) -> None:
    keys = typer.Typer(no_args_is_help=True, help="What opens a profile: passphrases and age identities.")
    keys.command("list")(list_keys)
    keys.command("add")(add)
    keys.command("remove")(remove)
    keys.command("change")(change)
    verbs.add_typer(keys, name="key")


def list_keys(profile: Profile, json: Json = False) -> None:
    """List the ways to open a profile. It needs none of them, and tells nobody's name."""
    from pocketvisor.profiles import find_profile, profile_info

    path = find_profile(profile)
    info = profile_info(path)
    if json:
        print_json(_plain(info, path))
    elif info.wiped:
        typer.echo("None: it was wiped")
    elif not info.sealed:
        typer.echo("None: who has the file reads it")
    else:
        for number, words in enumerate(slot_words(info.slots), 1):
            typer.echo(f"{number}  {words}")


def add(
    profile: Profile,
    passphrase: AskPassphrase = False,
    new_passphrase_file: NewPassphraseFile = None,
    recipient: Recipients = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Add a way to open a sealed profile: a passphrase, or age recipients, a recovery key for instance."""
    from pocketvisor.cli.profile_files import opened_to_write
    from pocketvisor.cli.unlocking import asked_keys
    from pocketvisor.policies.doors import add_keys
    from pocketvisor.profiles import find_profile

    if not (passphrase or new_passphrase_file or recipient):
        raise _usage("Say what to add: --passphrase, --new-passphrase-file or --recipient")
    path = find_profile(profile)
    unlock = _unlock(path, passphrase_file, identity, key_file)
    keys = asked_keys(passphrase, new_passphrase_file, recipient)
    assert keys is not None
    with opened_to_write(path) as file:
        add_keys(file, unlock, keys)
        _say(file, path, json)


def change(
    profile: Profile,
    new_passphrase_file: NewPassphraseFile = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Change the passphrase: the one that opens it now opens it no more.

    With an --identity that opens it, the new one takes the place of all passphrases of it.
    """
    from pocketvisor.cli.profile_files import opened_to_write
    from pocketvisor.cli.unlocking import asked_keys
    from pocketvisor.profile.keys import NewKeys, changed_passphrase, other_slots
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    unlock = _unlock(path, passphrase_file, identity, key_file)
    keys = asked_keys(True, new_passphrase_file, None)
    assert keys is not None and keys.passphrase is not None
    with opened_to_write(path) as file:
        slots, public = file.key_slots(), file.header.public
        if unlock.passphrase is not None and unlock.identity is None:
            slots_then = changed_passphrase(slots, unlock.passphrase, keys.passphrase, public)
        else:  # who has a recovery key sets the only passphrase, for those who forgot theirs
            forgotten = [at for at, slot in enumerate(slots) if slot.kind == "passphrase"]
            new = NewKeys(passphrase=keys.passphrase)
            slots_then = other_slots(slots, unlock, public, add=new, remove=forgotten)
        _replace(file, path, slots_then)
        _say(file, path, json, f"The passphrase of {path.stem} is changed")


def remove(
    profile: Profile,
    number: Annotated[
        int | None,
        typer.Argument(metavar="[NUMBER]", help="As 'key list' counts; else the one that is given."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Take a way to open a profile away: of another one by its number, or the one that is given to open it.

    Who has opened the profile before may have kept what they read. The last way stays.
    """
    from pocketvisor.cli.profile_files import opened_to_write
    from pocketvisor.profile.keys import other_slots, slot_opened_by
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    unlock = _unlock(path, passphrase_file, identity, key_file)
    with opened_to_write(path) as file:
        slots, public = file.key_slots(), file.header.public
        at = slot_opened_by(slots, unlock, public) if number is None else number - 1
        _replace(file, path, other_slots(slots, unlock, public, remove=() if at is None else (at,)))
        _say(file, path, json)


def _unlock(path: Path, passphrase_file: str | None, identity: Path | None, key_file: str | None) -> "Unlock":
    from pocketvisor.cli.unlocking import unlock_of
    from pocketvisor.errors import ProfileError

    unlock = unlock_of(path, passphrase_file, identity, key_file)
    if unlock is None:
        raise ProfileError(f"{path.stem} is not sealed: 'clone --passphrase' makes a sealed profile of it")
    return unlock


def _replace(file: "ProfileFile", path: Path, slots: "Iterable[KeySlot]") -> None:
    if not file.replace_slots(slots):
        fail(
            f"{path.stem} is open in another program: until that closes it, bytes of what opened it before"
            " may be left in the file"
        )


def _say(file: "ProfileFile", path: Path, json: bool, sentence: str = "") -> None:
    """What opens it now."""
    if json:
        print_json(_plain(file.info, path))
    else:
        typer.echo(sentence or f"{path.stem} opens with {in_words(slot_words(file.info.slots))}")


def _plain(info: "ProfileInfo", path: Path) -> dict[str, Any]:
    keys = {"sealed": info.sealed, "wiped": info.wiped, "keys": list(info.slots)}
    return {"name": path.stem, "path": str(path), **keys}


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
