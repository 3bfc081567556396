"""`pocketvisor profile export`, `import`, `clone`, `rename`, `delete`, `wipe`: whole profiles."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pocketvisor.cli import profile_lock
from pocketvisor.cli.output import Json, confirmed, print_json
from pocketvisor.cli.policy_keys import Key, KeyPassphraseFile
from pocketvisor.cli.policy_keys import KeyFile as AuthorityFile
from pocketvisor.cli.profile_history import Yes
from pocketvisor.cli.profile_lock import Hours, Out, Reason
from pocketvisor.cli.profile_show import Profile, size
from pocketvisor.cli.unlocking import (
    AskPassphrase,
    Identity,
    KeyFile,
    NewPassphraseFile,
    PassphraseFile,
    Recipients,
)

NewName = Annotated[str, typer.Argument(metavar="NEW", help="A name for the library, or a path.")]


def add_to(verbs: typer.Typer) -> None:
    verbs.command("clone")(clone)
    verbs.command("export")(export)
    verbs.command("import")(import_file)
    verbs.command("rename")(rename)
    verbs.command("delete")(delete)
    verbs.command("wipe")(wipe)


def export(
    profile: Profile,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, or a folder for it.")],
    json: Json = False,
) -> None:
    """Write a copy of a profile, with its history and as it was saved last. It needs no key.

    A profile that runs is copied as of its newest generation; the guest runs on.
    """
    from pocketvisor import profile_copies
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    with shown_progress(f"Exporting {path.stem}", shown=not json) as tell:
        made = stoppable(lambda stop: profile_copies.export(path, target.expanduser(), tell, stop))
    _say_file(f"{path.stem} is exported to", made, json)


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A profile of any name.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it in the library.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of an older state of the same profile.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy a profile into the library. The file stays where it is."""
    from pocketvisor import profile_copies
    from pocketvisor.cli.profile_files import check_rests
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.errors import ProfileError
    from pocketvisor.profiles import find_profile

    if not file.expanduser().exists():
        raise ProfileError(f"{file}: there is no such file")
    path = find_profile(os.fspath(file.expanduser().absolute()))
    if replace:
        check_rests(path)
    with shown_progress(f"Importing {path.name}", shown=not json) as tell:
        made = stoppable(
            lambda stop: profile_copies.take_in(path, tell, name=name, replace=replace, stop=stop)
        )
    _say_file(f"{made.stem} is in the library:", made, json)


def clone(
    profile: Profile,
    new: NewName,
    generation: Annotated[
        str | None, typer.Option("--generation", help="Its number or name; else the one that goes on.")
    ] = None,
    passphrase: AskPassphrase = False,
    new_passphrase_file: NewPassphraseFile = None,
    recipient: Recipients = None,
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Of a sealed profile: the new one is open to anyone.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Make another profile of a generation: the same phone, which goes its own way from there.

    A clone of a sealed profile is sealed with the same passphrase, unless it is told otherwise. A profile
    that runs is cloned as of its newest generation: take a snapshot before, for what it is at this moment.
    """
    from pocketvisor import profile_copies
    from pocketvisor.cli.profile_files import chosen_generation, opened_with
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.cli.unlocking import asked_keys, unlock_of
    from pocketvisor.errors import ProfileError
    from pocketvisor.profile.keys import NewKeys
    from pocketvisor.profiles import find_profile, new_profile

    path, target = find_profile(profile), new_profile(new)
    unlock = unlock_of(path, passphrase_file, identity, key_file)
    keys = asked_keys(passphrase, new_passphrase_file, recipient)
    if keys is None and unlock is not None and not unsealed:
        if unlock.passphrase is None or unlock.identity is not None:
            raise ProfileError(
                "Say how the clone is to be opened: --passphrase, --new-passphrase-file, --recipient or "
                "--unsealed"
            )
        keys = NewKeys(passphrase=unlock.passphrase)
    with opened_with(path, unlock, read_only=True) as file:
        chosen = chosen_generation(file, generation)
        with shown_progress(f"Cloning {path.stem}", shown=not json) as tell:
            stoppable(lambda stop: profile_copies.duplicate(file, target, chosen.number, keys, tell, stop))
    _say_file(f"{target.stem} is a clone of {path.stem} at generation {chosen.number}:", target, json)


def rename(profile: Profile, new: Annotated[str, typer.Argument(metavar="NAME")], json: Json = False) -> None:
    """Give a profile another name; it stays in its folder."""
    from pocketvisor.cli.profile_files import check_rests
    from pocketvisor.errors import ProfileError
    from pocketvisor.profiles import SUFFIX, checked_name, find_profile

    path = find_profile(profile)
    target = path.with_name(f"{checked_name(new)}{SUFFIX}")
    check_rests(path)
    if os.path.lexists(target):
        raise ProfileError(f"{target}: there is such a file already")
    path.rename(target)
    if json:
        print_json({"name": target.stem, "path": str(target), "before": path.stem})
    else:
        typer.echo(f"{path.stem} is called {target.stem}")


def delete(profile: Profile, yes: Yes = False, json: Json = False) -> None:
    """Delete a profile with its whole history. Copies in a vault, or elsewhere, stay."""
    from pocketvisor.cli.profile_files import opened_to_write
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    with opened_to_write(path) as file:  # nobody else has it
        history = f"{size(file.info.size)}, {len(file.info.generations)} generations"
        if not yes and not confirmed(f"Delete {path.stem} ({history}) for ever?", json):
            raise typer.Exit(1)
        path.unlink()
    if json:
        print_json({"name": path.stem, "path": str(path), "deleted": True})
    else:
        typer.echo(f"{path.stem} is deleted")


def wipe(
    profile: Profile,
    yes: Yes = False,
    out: Out = None,
    reason: Reason = "",
    hours: Hours = 72,
    key: Key = None,
    key_file: AuthorityFile = None,
    key_passphrase_file: KeyPassphraseFile = None,
    json: Json = False,
) -> None:
    """Erase the keys of a profile: from then on nothing reads what is in it, wherever its copies are not.

    A copy that was made before has its own key slots, and opens as it did. With --key, --key-file or --out
    it is an order of who governs it: a phone that runs is stopped first, and copies stay shut.
    """
    if key is not None or key_file is not None or out is not None:
        if (
            out is None
            and not yes
            and not confirmed(f"Have {profile} wiped? Nobody can read it after that.", json)
        ):
            raise typer.Exit(1)
        profile_lock.ordered(
            "wipe", profile, out, reason, hours, key, key_file, key_passphrase_file, None, json
        )
        return
    from pocketvisor.cli.profile_files import opened_to_write
    from pocketvisor.profiles import find_profile

    path = find_profile(profile)
    with opened_to_write(path) as file:
        question = f"Erase the keys of {path.stem}? Nobody can read it after that, you neither."
        if not file.sealed:
            question = f"{path.stem} is not sealed: all its content is erased, not keys alone. Go on?"
        if not yes and not confirmed(question, json):
            raise typer.Exit(1)
        file.wipe()
    if json:
        print_json({"name": path.stem, "path": str(path), "wiped": True})
    else:
        typer.echo(f"{path.stem} is wiped: nothing opens it any more")


def _say_file(sentence: str, path: Path, json: bool) -> None:
    if json:
        print_json({"name": path.stem, "path": str(path), "size": path.stat().st_size})
    else:
        typer.echo(f"{sentence} {path}, {size(path.stat().st_size)}")
