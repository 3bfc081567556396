"""`pocketvisor vault`: copies of profiles outside of the handsets, in a folder or an object store."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, confirmed, fail, print_json, print_table
from pocketvisor.cli.profile_history import Yes
from pocketvisor.cli.profile_show import Profile, size, when
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile

if TYPE_CHECKING:
    from pocketvisor.profile.keys import Unlock
    from pocketvisor.profile.vault import Vault, VaultProfile

Address = Annotated[str, typer.Argument(metavar="VAULT", help="A folder, or a URL that fsspec knows.")]
Where = Annotated[
    str | None, typer.Option("--vault", metavar="VAULT", help="Which vault, where there are several.")
]
InVault = Annotated[str, typer.Argument(metavar="PROFILE", help="Its name, or the beginning of its id.")]


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(
        no_args_is_help=True, help="Copies of profiles outside of the handsets: for phones that are lost."
    )
    verbs.command("add")(add)
    verbs.command("remove")(remove)
    verbs.command("list")(list_vaults)
    verbs.command("copy")(copy)
    verbs.command("fetch")(fetch)
    verbs.command("check")(check)
    verbs.command("prune")(prune)
    verbs.command("forget")(forget)
    app.add_typer(verbs, name="vault")


def add(vault: Address, json: Json = False) -> None:
    """Copy each generation of each profile there from now on, as it is made.

    A folder (of another disk, of a server's) or a URL such as s3://bucket/phones; what a service wants for
    signing in is in fsspec's own configuration. What is sealed is sealed there, too.
    """
    from pocketvisor.profile.vault.store import without_secrets
    from pocketvisor.vaults import add_vault

    shown = without_secrets(add_vault(vault))
    if json:
        print_json({"vault": shown, "added": True})
    else:
        typer.echo(f"Generations are copied to {shown} as they are made")


def remove(vault: Address, json: Json = False) -> None:
    """Copy nothing there any more. What is there stays."""
    from pocketvisor.errors import ProfileError
    from pocketvisor.profile.vault.store import without_secrets
    from pocketvisor.vaults import chosen_vault, remove_vault, vault_addresses

    address = chosen_vault(vault)
    if address not in vault_addresses():
        raise ProfileError(f"{without_secrets(address)} is none of the vaults")
    remove_vault(address)
    if json:
        print_json({"vault": without_secrets(address), "removed": True})
    else:
        typer.echo(f"Nothing is copied to {without_secrets(address)} any more")


def list_vaults(
    vault: Where = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """List the profiles in the vaults. Names of sealed ones are told to who gives what opens them."""
    from pocketvisor.errors import ProfileError
    from pocketvisor.profile.vault import Vault
    from pocketvisor.vaults import chosen_vault, vault_addresses

    addresses = [chosen_vault(vault)] if vault is not None else vault_addresses()
    unlock = _given(passphrase_file, identity, key_file)
    found: list[dict[str, Any]] = []
    for address in addresses:
        opened = Vault(address)
        try:
            profiles, problem = list(opened.list([unlock] if unlock is not None else [])), ""
        except ProfileError as error:
            profiles, problem = [], str(error)
        found.append({"vault": opened.shown, "problem": problem, "profiles": profiles})
    if json:
        for each in found:
            each["profiles"] = [_plain(profile) for profile in each["profiles"]]
        print_json(found)
    elif not found:
        typer.echo("There is no vault: 'pocketvisor vault add' with a folder or a URL makes one")
    else:
        for each in found:
            typer.echo(each["vault"])
            _table(each["profiles"], each["problem"])


def copy(
    profile: Profile,
    vault: Where = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest generation alone.")] = False,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Bring a profile's generations to a vault, the newest first; only what is not there travels."""
    from pocketvisor.cli.profile_files import opened
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.cli.reach import running
    from pocketvisor.policies.generations import governed_head, is_governed
    from pocketvisor.profiles import find_profile, profile_info
    from pocketvisor.vaults import chosen_vault, copy_missing

    path, address = find_profile(profile), chosen_vault(vault)
    reading = not is_governed(profile_info(path).id) or running(path) is not None
    with (
        opened(path, passphrase_file, identity, key_file, read_only=reading) as file,
        shown_progress(f"Copying {path.stem}", shown=not json) as tell,
    ):
        governed_head(file)
        report = stoppable(lambda stop: copy_missing(address, file, newest=newest, progress=tell, stop=stop))
    if json:
        print_json(report)
    elif report.generations:
        numbers = ", ".join(str(number) for number in sorted(report.generations))
        typer.echo(
            f"{path.stem} is in {report.vault}: generations {numbers} went there, {size(report.bytes)}"
        )
    else:
        typer.echo(f"{path.stem} is in {report.vault}: nothing was missing there")


def fetch(
    profile: InVault,
    new: Annotated[
        str | None, typer.Argument(metavar="[NEW]", help="A name for the library, or a path; else its name.")
    ] = None,
    vault: Where = None,
    generation: Annotated[
        int | None, typer.Option("--generation", help="By number; else the newest.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="With the generations before it, or alone.")
    ] = True,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Have a profile back from a vault. It opens with the keys that it had.

    With what opens it everything is checked; without, what can be.
    """
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.profile.vault import Vault
    from pocketvisor.profiles import free_profile, new_profile
    from pocketvisor.vaults import chosen_vault

    opened = Vault(chosen_vault(vault))
    unlock = _given(passphrase_file, identity, key_file)
    found = _find(opened, profile, unlock)
    if new is not None:
        target = new_profile(new)
    else:
        target = free_profile(found.name or f"Phone {found.id.hex()[:8]}")
    with shown_progress(f"Fetching {target.stem}", shown=not json) as tell:
        made = stoppable(
            lambda stop: opened.fetch(
                found.id,
                target,
                number=generation,
                history=history,
                unlock=unlock,
                progress=tell,
                cancelled=stop.is_set,
            )
        )
    if json:
        print_json({"name": target.stem, "path": str(target), "generation": made.number})
    else:
        typer.echo(f"{target.stem} is back, at generation {made.number} of {when(made.created_ns)}: {target}")


def check(profile: InVault, vault: Where = None, json: Json = False) -> None:
    """Read all copies of a profile in a vault; exit code 1 if anything is damaged. It needs no key."""
    from pocketvisor.cli.progress import shown_progress, stoppable
    from pocketvisor.profile.vault import Vault
    from pocketvisor.vaults import chosen_vault

    opened = Vault(chosen_vault(vault))
    found = _find(opened, profile, None)
    with shown_progress(f"Checking {profile}", shown=not json) as tell:
        problems = stoppable(lambda stop: opened.check(found.id, progress=tell, cancelled=stop.is_set))
    if json:
        print_json({"id": found.id.hex(), "whole": not problems, "problems": list(problems)})
    for problem in problems:
        fail(problem)
    if problems:
        raise typer.Exit(EXIT_ERROR)
    if not json:
        typer.echo(f"{profile} is whole in {opened.shown}: {len(found.generations)} generations")


def prune(
    profile: InVault,
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of the newest generations stay.")],
    vault: Where = None,
    json: Json = False,
) -> None:
    """Delete older generations of a profile from a vault.

    Their room is free after a second time, an hour later: a copy under way may need it until then.
    """
    from pocketvisor.profile.vault import Vault
    from pocketvisor.vaults import chosen_vault

    opened = Vault(chosen_vault(vault))
    found = _find(opened, profile, None)
    pruned = opened.prune(found.id, keep)
    if json:
        print_json({"vault": opened.shown, "id": found.id.hex(), **msgspec.to_builtins(pruned)})
    else:
        typer.echo(f"{pruned.generations} generations are deleted, {size(pruned.bytes)} are free again")


def forget(profile: InVault, vault: Where = None, yes: Yes = False, json: Json = False) -> None:
    """Delete a profile from a vault."""
    from pocketvisor.profile.vault import Vault
    from pocketvisor.vaults import chosen_vault

    opened = Vault(chosen_vault(vault))
    found = _find(opened, profile, None)
    question = f"Delete all copies of {found.name or profile} in {opened.shown}?"
    if not yes and not confirmed(question, json):
        raise typer.Exit(1)
    opened.forget(found.id)
    if json:
        print_json({"vault": opened.shown, "id": found.id.hex(), "forgotten": True})
    else:
        typer.echo(f"{found.name or profile} is in {opened.shown} no more")


def _find(vault: "Vault", text: str, unlock: "Unlock | None") -> "VaultProfile":
    """Raises ProfileError."""
    from pocketvisor.errors import ProfileError

    listed = vault.list([unlock] if unlock is not None else [])
    found = [each for each in listed if each.name is not None and each.name.casefold() == text.casefold()]
    if not found and len(text) >= 4:
        found = [each for each in listed if each.id.hex().startswith(text.lower())]
    if not found:
        found = [each for each in listed if each.id == _library_id(text)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(each.id.hex()[:12] for each in found)
        raise ProfileError(f"{vault.shown} has several profiles '{text}': say which by its id, of {ids}")
    there = ", ".join(each.name or each.id.hex()[:12] for each in listed) or "none"
    raise ProfileError(f"{vault.shown} has no profile '{text}'; it has {there}")


def _library_id(text: str) -> bytes | None:
    """Of a profile that is still in the library: a sealed one's name is not told by the vault."""
    from pocketvisor.errors import ProfileError
    from pocketvisor.profiles import find_profile, profile_info

    try:
        return profile_info(find_profile(text)).id
    except ProfileError:
        return None


def _given(passphrase_file: str | None, identity: Any, key_file: str | None) -> "Unlock | None":
    """Nobody is asked: much can be done without."""
    from pocketvisor.cli.unlocking import first_line
    from pocketvisor.profile.keys import Unlock

    if passphrase_file is None and identity is None and key_file is None:
        return None
    return Unlock(
        passphrase=first_line(passphrase_file) if passphrase_file is not None else None,
        identity=identity,
        key=first_line(key_file) if key_file is not None else None,
    )


def _plain(profile: "VaultProfile") -> dict[str, Any]:
    return {
        "id": profile.id.hex(),
        "name": profile.name,
        "sealed": profile.sealed,
        "created_ns": profile.created_ns,
        "generations": [each.number for each in profile.generations],
        "size": profile.size,
        "problem": profile.problem,
    }


def _table(profiles: "list[VaultProfile]", problem: str) -> None:
    if problem:
        fail(problem)
    if not profiles:
        if not problem:
            typer.echo("  nothing yet")
        return
    print_table(
        ["PROFILE", "ID", "KEYS", "GENERATIONS", "LAST SAVED", "SIZE"],
        [
            (
                each.name or "?",
                each.id.hex()[:12],
                "sealed" if each.sealed else "open",
                len(each.generations),
                when(each.created_ns),
                size(each.size),
            )
            for each in profiles
        ],
    )
    for each in profiles:
        if each.problem:
            fail(each.problem)
