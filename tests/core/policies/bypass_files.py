"""Ways around a policy with the profile's file: older copies, other names, edited, another store."""

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from bypass import Scene, attempt, kind, tries

from pocketvisor.errors import PocketvisorError
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.carried import bound, encode
from pocketvisor.policies.doors import add_keys
from pocketvisor.policies.governed import carried_by
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profile.salvage import salvage
from pocketvisor.profile.vault import Vault
from pocketvisor.profile_copies import duplicate, take_in
from pocketvisor.profiles import profiles_path
from pocketvisor.vaults import copy_missing

PASSPHRASE = "correct horse"
RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def _quiet(_words: str, _done: float | None) -> None:
    pass


def copied(scene: Scene, source: Path, name: str = "again.vphone") -> Path:
    target = scene.new(name)
    shutil.copy(source, target)
    return target


def put_back(scene: Scene, held: str) -> bool:
    shutil.copy(scene.held[held], scene.path)
    return scene.can_export()


# Older copies

copies = kind("an older copy of the file")
tries(
    copies,
    from_before_the_policy=lambda s: s.can_export(s.held["never"]),
    with_an_older_policy=lambda s: s.can_export(s.held["older"]),
    in_the_files_place=lambda s: put_back(s, "never"),
    an_older_policys_in_its_place=lambda s: put_back(s, "older"),
    imported_into_the_library=lambda s: s.can_export(take_in(s.held["never"], _quiet, name=s.new("x").name)),
    a_copy_of_a_copy=lambda s: s.can_export(copied(s, copied(s, s.held["never"]))),
    read_only=lambda s: (os.chmod(s.held["never"], 0o400), s.can_export(s.held["never"]))[1],
)


@attempt(copies, "exported on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("out.vphone")
    return (
        await scene.command("profile", "export", scene.held["never"], target)
    ).code == 0 and target.exists()


@attempt(copies, "cloned on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("clone.vphone")
    return (
        await scene.command("profile", "clone", scene.held["never"], target)
    ).code == 0 and target.exists()


names = kind("another name for the file")
tries(
    names,
    copied=lambda s: s.can_export(copied(s, s.path)),
    renamed=lambda s: s.can_export(Path(shutil.copy(s.path, s.new("Personal.vphone")))),
    linked=lambda s: (os.link(s.path, hard := s.new("hard.vphone")), s.can_export(hard))[1],
    in_another_folder=lambda s: (
        (folder := s.new("folder")).mkdir(),
        s.can_export(Path(shutil.copy(s.path, folder / "x.vphone"))),
    )[1],
)


@attempt(names, "renamed by the library")
async def _(scene: Scene) -> bool:
    profiles_path().mkdir(parents=True, exist_ok=True)
    shutil.copy(scene.path, profiles_path() / "Work.vphone")
    await scene.command("profile", "rename", "Work", "Mine")
    target = scene.new("out.vphone")
    ran = await scene.command("profile", "export", "Mine", target)
    (profiles_path() / "Mine.vphone").unlink()
    return ran.code == 0 and target.exists()


# Generations

generations = kind("an older generation")


def _head(scene: Scene, number: int) -> bool:
    with ProfileFile.open(scene.path) as file:
        file.set_head(number)
    return scene.can_export()


def _deleted(scene: Scene) -> bool:
    with ProfileFile.open(scene.path) as file:
        file.set_head(1)
        for each in file.generations():
            if each.number > 1:
                file.delete(each.number)
        file.prune()
    return scene.can_export()


def _duplicated(scene: Scene, path: Path, number: int = 1) -> bool:
    target = scene.new("new.vphone")
    with ProfileFile.open(path, read_only=True) as file:
        duplicate(file, target, number, None, _quiet)
    return target.exists()


tries(
    generations,
    goes_on_from_the_first=lambda s: _head(s, 1),
    another_profile_of_the_first=lambda s: _duplicated(s, s.path),
    another_profile_of_an_old_copys=lambda s: _duplicated(s, s.held["never"]),
    another_profile_of_the_newest=lambda s: _duplicated(s, s.path, 2),
)


@attempt(generations, "cloned on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("clone.vphone")
    ran = await scene.command("profile", "clone", scene.path, target, "--generation", "1")
    return ran.code == 0 and target.exists()


tries(generations, the_later_ones_deleted=_deleted)

# Edited

edited = kind("the policy taken out of the file")


def _record(scene: Scene, sql: str, *values: object) -> bool:
    connection = sqlite3.connect(scene.path)
    connection.execute(sql, values)
    connection.commit()
    connection.close()
    return scene.can_export()


def _carrying(scene: Scene, content: bytes) -> bool:
    """Where nobody governs it there is nothing to take out."""
    with ProfileFile.open(scene.path) as file:
        if scene.governed:
            file.carry(content)
    return scene.can_export()


def _own_authority(scene: Scene, epoch: int) -> bool:
    """The user can open the profile: so they can bind it to a key of theirs."""
    with ProfileFile.open(scene.path) as file:
        policy = scene.user.policy(file.id, 99)
        released = scene.user.policy(file.id, 98, header="release = true")
        own = bound(file.sealer, file.header.public, scene.user.key.public, epoch, policy, released)
        file.carry(encode(own))
    return scene.can_export()


tries(
    edited,
    the_record_deleted=lambda s: _record(s, "DELETE FROM records WHERE name = 'policy'"),
    the_record_emptied=lambda s: _record(s, "UPDATE records SET body = x'' WHERE name = 'policy'"),
    the_record_scrambled=lambda s: _record(
        s, "UPDATE records SET body = randomblob(300) WHERE name = 'policy'"
    ),
    nothing_in_it=lambda s: _carrying(s, b""),
    nonsense_in_it=lambda s: _carrying(s, os.urandom(500)),
    the_older_policys_record=lambda s: (
        _carrying(s, carried_by(ProfileFile.open(s.held["older"]))[0]) if s.governed else s.can_export()
    ),
    another_phones_record=lambda s: _carrying(s, s.held["other record"]),
    an_authority_of_ones_own=lambda s: _own_authority(s, 1),
    a_successor_of_ones_own=lambda s: _own_authority(s, 2),
    the_record_gone_and_the_first_generation=lambda s: (_carrying(s, b""), _head(s, 1))[1],
)


@attempt(edited, "salvaged into another file")
async def _(scene: Scene) -> bool:
    target = scene.new("salvaged.vphone")
    salvage(scene.path, target)
    return scene.can_export(target)


@attempt(edited, "salvaged with its beginning damaged")
async def _(scene: Scene) -> bool:
    damaged, target = copied(scene, scene.path, "damaged.vphone"), scene.new("salvaged.vphone")
    with damaged.open("r+b") as file:
        file.seek(100)
        file.write(bytes(50))
    salvage(damaged, target)
    return scene.can_export(target)


# The store

store = kind("what the computer remembers, put back or away")


def _store(scene: Scene, content: bytes | None) -> bool:
    path = GovernanceStore().path
    if scene.governed:
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)
    return scene.can_export()


def _made_a_folder(scene: Scene) -> bool:
    path = GovernanceStore().path
    if scene.governed:
        path.unlink()
        path.mkdir()
    try:
        return scene.can_export()
    finally:
        if scene.governed:
            path.rmdir()


def _row_deleted(scene: Scene, sql: str) -> bool:
    if scene.governed:
        connection = sqlite3.connect(GovernanceStore().path)
        connection.execute(sql)
        connection.commit()
        connection.close()
    return scene.can_export()


tries(
    store,
    deleted=lambda s: _store(s, None),
    emptied=lambda s: _store(s, b""),
    put_back_to_the_older_policy=lambda s: _store(s, s.held.get("older store")),
    its_rows_deleted=lambda s: _row_deleted(s, "DELETE FROM governed"),
    its_rows_scrambled=lambda s: _row_deleted(s, "UPDATE governed SET state = randomblob(100)"),
    its_tables_gone=lambda s: _row_deleted(s, "DROP TABLE governed"),
    of_a_newer_version=lambda s: _row_deleted(s, "PRAGMA user_version = 9"),
    nonsense=lambda s: _store(s, b"nonsense" * 1000),
    a_folder_in_its_place=_made_a_folder,
    put_back_with_an_older_file=lambda s: (
        shutil.copy(s.held["older"], s.path) if not s.governed else None,
        _store(s, s.held.get("older store")),
    )[1],
)

elsewhere = kind("another home, and so another store")


@attempt(elsewhere, "another data folder")
async def _(scene: Scene) -> bool:
    target = scene.new("out.vphone")
    data = scene.new("data")
    ran = await scene.command("profile", "export", scene.path, target, XDG_DATA_HOME=str(data))
    return ran.code == 0 and target.exists()


@attempt(elsewhere, "and a clone")
async def _(scene: Scene) -> bool:
    target, data = scene.new("clone.vphone"), scene.new("data")
    ran = await scene.command("profile", "clone", scene.path, target, XDG_DATA_HOME=str(data))
    return ran.code == 0 and target.exists()


@attempt(elsewhere, "and a copy under another name")
async def _(scene: Scene) -> bool:
    target, data = scene.new("out.vphone"), scene.new("data")
    again = copied(scene, scene.path)
    ran = await scene.command("profile", "export", again, target, XDG_DATA_HOME=str(data))
    return ran.code == 0 and target.exists()


@attempt(elsewhere, "and a policy of one's own")
async def _(scene: Scene) -> bool:
    target, data, own = scene.new("out.vphone"), scene.new("data"), scene.new("own.toml")
    own.write_bytes(scene.user.policy(scene.profile, 50))
    again = copied(scene, scene.path)
    await scene.command("policy", "apply", own, again, XDG_DATA_HOME=str(data))
    ran = await scene.command("profile", "export", again, target, XDG_DATA_HOME=str(data))
    return ran.code == 0 and target.exists()


# Copies elsewhere

vault = kind("a vault")


def _vaulted(scene: Scene, path: Path, *, newest: bool = False) -> bool:
    address = os.fspath(scene.new("vault"))
    Path(address).mkdir()
    with ProfileFile.open(path) as file:
        copy_missing(address, file, newest=newest)
    return bool(list(Vault(address).list([])))


tries(
    vault,
    all_of_it=lambda s: _vaulted(s, s.path),
    the_newest_alone=lambda s: _vaulted(s, s.path, newest=True),
    an_older_copy=lambda s: _vaulted(s, s.held["never"]),
)


@attempt(vault, "on the command line")
async def _(scene: Scene) -> bool:
    folder = scene.new("vault")
    folder.mkdir()
    await scene.command("vault", "add", folder)
    ran = await scene.command("vault", "copy", scene.path, "--vault", folder)
    return ran.code == 0


@attempt(vault, "one from before the policy, fetched and exported")
async def _(scene: Scene) -> bool:
    fetched = scene.new("fetched.vphone")
    address = scene.held["vault"]
    Vault(address).fetch(scene.profile, fetched)
    return scene.can_export(fetched)


another = kind("a profile of its own")
tries(
    another,
    duplicated=lambda s: _duplicated(s, s.path, 2),
    duplicated_from_a_copy=lambda s: _duplicated(s, copied(s, s.path), 2),
)


@attempt(another, "on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("clone.vphone")
    return (await scene.command("profile", "clone", scene.path, target)).code == 0 and target.exists()


@attempt(another, "for somebody else's key")
async def _(scene: Scene) -> bool:
    target = scene.new("clone.vphone")
    ran = await scene.command("profile", "clone", scene.path, target, "--recipient", RECIPIENT)
    return ran.code == 0 and target.exists()


# Further keys, to a sealed one: whoever has them has a copy with the file

further = kind("a further key to a sealed profile", passphrase=PASSPHRASE)


def _added(scene: Scene, path: Path, keys: NewKeys) -> bool:
    with ProfileFile.open(path) as file:
        add_keys(file, Unlock(passphrase=PASSPHRASE), keys)
        return len(file.key_slots()) > 1


tries(
    further,
    for_somebody=lambda s: _added(s, copied(s, s.path), NewKeys(recipients=(RECIPIENT,))),
    a_passphrase=lambda s: _added(s, copied(s, s.path), NewKeys(passphrase="other")),
    to_an_older_copy=lambda s: _added(s, copied(s, s.held["never"]), NewKeys(recipients=(RECIPIENT,))),
)


@attempt(further, "on the command line")
async def _(scene: Scene) -> bool:
    secret = scene.new("secret")
    secret.write_text(f"{PASSPHRASE}\n")
    again = copied(scene, scene.path)
    ran = await scene.command(
        "profile", "key", "add", again, "--recipient", RECIPIENT, "--passphrase-file", secret
    )
    return ran.code == 0


def hold_files(scene: Scene) -> None:
    """What a user kept from before any policy came."""
    scene.held["never"] = Path(shutil.copy(scene.path, scene.new("never.vphone")))
    if scene.passphrase is None:
        address = os.fspath(scene.new("vault"))
        Path(address).mkdir()
        with ProfileFile.open(scene.path) as file:
            copy_missing(address, file)
        scene.held["vault"] = address
    other = ProfileFile.create(scene.new("other.vphone"))
    with other, suppress(PocketvisorError):
        deliver(
            scene.it.policy(other.id, 1), other.id, file=other, store=GovernanceStore(scene.new("s.sqlite"))
        )
        scene.held["other record"] = other.carried


def hold_older(scene: Scene) -> None:
    """And from under an older policy."""
    scene.held["older"] = Path(shutil.copy(scene.path, scene.new("older.vphone")))
    path = GovernanceStore().path
    if path.exists():
        scene.held["older store"] = path.read_bytes()
