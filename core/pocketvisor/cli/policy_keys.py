"""`pocketvisor policy keys`: what policies and orders are signed with, and how verbs get at a key."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketvisor.cli.output import Json, confirmed, print_json, print_table

if TYPE_CHECKING:
    from pocketvisor.policies.authority import AuthorityKey

Key = Annotated[
    str | None,
    typer.Option("--key", metavar="NAME", help="A key of the desktop's keyring; else its only one."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="A key's file instead, which a passphrase protects."),
]
KeyPassphraseFile = Annotated[
    str | None,
    typer.Option(
        "--key-passphrase-file",
        metavar="FILE",
        help="Its first line opens the key's file; '-': standard input. Else you are asked.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called.")]


def add_to(verbs: typer.Typer) -> None:
    keys = typer.Typer(no_args_is_help=True, help="Keys that policies and orders are signed with.")
    keys.command("new")(new)
    keys.command("list")(list_keys)
    keys.command("export")(export)
    keys.command("remove")(remove)
    verbs.add_typer(keys, name="keys")


def signing_key(key: str | None, key_file: Path | None, passphrase_file: str | None) -> "AuthorityKey":
    """Raises PolicyError."""
    from pocketvisor.policies.authority import read_key_file
    from pocketvisor.policies.keyring_store import Keyring

    if key_file is not None:
        return read_key_file(key_file, _passphrase(f"Passphrase of {key_file.name}", passphrase_file))
    return Keyring().key(key or "")


def new(
    name: Name = "",
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="Make a file instead, which a passphrase protects."),
    ] = None,
    key_passphrase_file: KeyPassphraseFile = None,
    json: Json = False,
) -> None:
    """Make a key. It goes into the desktop's keyring, or into a file where there is none."""
    from pocketvisor.errors import PolicyError
    from pocketvisor.policies.authority import AuthorityKey, write_key_file
    from pocketvisor.policies.keyring_store import Keyring

    key = AuthorityKey.new()
    if key_file is not None:
        write_key_file(key_file, key, _passphrase("New passphrase", key_passphrase_file, again=True))
        where = str(key_file)
    elif name:
        Keyring().add(name, key)
        where = "the keyring"
    else:
        raise PolicyError("Say what the key is called, or which file to make (--key-file)")
    if json:
        print_json({"name": name, "file": str(key_file) if key_file else None, "public": key.public.hex()})
    else:
        typer.echo(f"The key {key.public.hex()} is in {where}")


def list_keys(json: Json = False) -> None:
    """List the keys in the desktop's keyring."""
    from pocketvisor.policies.keyring_store import Keyring

    keys = Keyring().keys()
    if json:
        print_json([{"name": key.name, "public": key.public.hex()} for key in keys])
    elif not keys:
        typer.echo("There is none: 'pocketvisor policy keys new' makes one")
    else:
        print_table(["KEY", "PUBLIC"], [(key.name, key.public.hex()) for key in keys])


def export(
    key: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the keyring.")] = None,
    key_file: KeyFile = None,
    key_passphrase_file: KeyPassphraseFile = None,
    json: Json = False,
) -> None:
    """Print a key's public half, by which others know it. The other half stays where it is."""
    public = signing_key(key, key_file, key_passphrase_file).public.hex()
    if json:
        print_json({"public": public})
    else:
        typer.echo(public)


def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, json: Json = False
) -> None:
    """Take a key out of the keyring: nobody changes what it governs any more."""
    from pocketvisor.policies.keyring_store import Keyring

    question = f"Remove the key '{name}'? What it governs stays as it is for ever then."
    if not yes and not confirmed(question, json):
        raise typer.Exit(1)
    Keyring().remove(name)
    if json:
        print_json({"name": name, "removed": True})
    else:
        typer.echo(f"The key '{name}' is removed")


def _passphrase(prompt: str, file: str | None, *, again: bool = False) -> str:
    from pocketvisor.cli.unlocking import ask, first_line

    return first_line(file) if file is not None else ask(prompt, again=again)
