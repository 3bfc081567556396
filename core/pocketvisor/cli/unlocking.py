"""What a profile is opened with: asked for without an echo, or from a file. Never from the command line or
the environment, where other programs see it."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pocketvisor.errors import LockedProfile, ProfileError
from pocketvisor.profile.file import ProfileFile, ProfileInfo
from pocketvisor.profile.identities import read_identities
from pocketvisor.profile.keys import MAX_PASSPHRASE, NewKeys, Unlock

PassphraseFile = Annotated[
    str | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Its first line opens the profile; '-': stdin."),
]
Identity = Annotated[
    Path | None,
    typer.Option("--identity", metavar="FILE", help="An age identity, or an SSH key, that opens it."),
]
KeyFile = Annotated[
    str | None,
    typer.Option(
        "--key-file", metavar="FILE", help="The profile's key itself, as 'age -d' prints it; '-': stdin."
    ),
]
AskPassphrase = Annotated[
    bool, typer.Option("--passphrase", help="Seal it: ask for a passphrase to open it with.")
]
NewPassphraseFile = Annotated[
    str | None,
    typer.Option(
        "--new-passphrase-file", metavar="FILE", help="Seal it: the passphrase is the file's first line."
    ),
]
Recipients = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient", metavar="AGE", help="Seal it: who has this age or SSH key opens it; repeatable."
    ),
]

_TRIES: Final = 3
_LINE_MAX: Final = 4096


def asked_unlock(
    info: ProfileInfo,
    name: str,
    passphrase_file: str | None = None,
    identity: Path | None = None,
    key_file: str | None = None,
) -> Unlock | None:
    """None for a profile that is open to anyone. Asks where nothing is given; raises ProfileError where
    nobody can be asked."""
    if not info.sealed:
        return None
    if info.wiped:
        raise LockedProfile(f"{name} was wiped: its key slots are gone, and nothing opens it again")
    if key_file is not None:
        return Unlock(key=first_line(key_file))
    passphrase = first_line(passphrase_file) if passphrase_file is not None else None
    if identity is not None:
        if passphrase is None and _is_protected(identity):
            passphrase = ask(f"Passphrase of {identity.name}")
        return Unlock(passphrase=passphrase, identity=identity)
    if passphrase is not None:
        return Unlock(passphrase=passphrase)
    if "passphrase" not in info.slots:
        raise LockedProfile(f"{name} is sealed and has no passphrase: give --identity or --key-file")
    return Unlock(passphrase=ask(f"Passphrase of {name}"))


def unlocked(
    file: ProfileFile,
    name: str,
    passphrase_file: str | None = None,
    identity: Path | None = None,
    key_file: str | None = None,
) -> Unlock | None:
    """Unlocks it; who is asked for a passphrase may mistype it twice. Gives what has opened it."""
    asked = passphrase_file is None and identity is None and key_file is None
    for tries in range(_TRIES, 0, -1):
        unlock = asked_unlock(file.info, name, passphrase_file, identity, key_file)
        if unlock is None:
            return None
        try:
            file.unlock(unlock)
        except LockedProfile as error:
            if not asked or tries == 1:
                raise
            typer.echo(f"{error}; once more", err=True)
        else:
            return unlock
    raise AssertionError("the last try raises")


def unlock_of(
    path: Path, passphrase_file: str | None = None, identity: Path | None = None, key_file: str | None = None
) -> Unlock | None:
    """What opens this file, tried; None for a profile that is open to anyone. Raises ProfileError."""
    file = ProfileFile.open(path, read_only=True)
    try:
        return unlocked(file, path.stem, passphrase_file, identity, key_file)
    finally:
        file.close()


def asked_keys(passphrase: bool, passphrase_file: str | None, recipients: list[str] | None) -> NewKeys | None:
    """None for a profile that is to be open to anyone."""
    typed = None
    if passphrase_file is not None:
        typed = first_line(passphrase_file)
    elif passphrase:
        typed = ask("New passphrase", again=True)
    if typed is None and not recipients:
        return None
    return NewKeys(passphrase=typed, recipients=tuple(recipients or ()))


def ask(prompt: str, *, again: bool = False) -> str:
    """From the terminal, without an echo. Raises ProfileError where there is none."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        os.close(terminal)
    except OSError:
        raise LockedProfile(
            f"{prompt}: there is no terminal to ask on: give --passphrase-file or --identity"
        ) from None
    while True:
        typed = getpass.getpass(f"{prompt}: ")
        if not typed:
            raise typer.Abort()
        if len(typed.encode()) > MAX_PASSPHRASE:
            typer.echo(f"A passphrase has at most {MAX_PASSPHRASE} bytes", err=True)
        elif not again or getpass.getpass(f"{prompt}, again: ") == typed:
            return typed
        else:
            typer.echo("They differ; once more", err=True)


def first_line(file: str) -> str:
    """Of a file that holds a secret, or of standard input."""
    try:
        if file == "-":
            line = sys.stdin.buffer.readline(_LINE_MAX + 1)
        else:
            with Path(file).expanduser().open("rb") as stream:
                line = stream.readline(_LINE_MAX + 1)
        text = line.decode().rstrip("\r\n")
    except OSError as error:
        raise ProfileError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ProfileError(f"{file}: its first line is no text") from None
    if len(line) > _LINE_MAX:
        raise ProfileError(f"{file}: its first line is longer than any passphrase")
    if not text:
        raise ProfileError(f"{file}: its first line is empty")
    return text


def _is_protected(identity: Path) -> bool:
    """Whether the identity's own file wants a passphrase."""
    try:
        read_identities(identity)
    except LockedProfile:
        return True
    except ProfileError:
        pass  # the caller meets it again, with its sentence
    return False
