"""`pocketvisor vault`: a phone that is lost is had back, with what was copied; only what is new travels."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from profiles_made import PASSPHRASE, add_generation, make_profile

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.vaults import (
    add_vault,
    chosen_vault,
    first_vault,
    remove_vault,
    set_first_vault,
    vault_addresses,
)

Command = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "pocketvisor" / "profiles"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    return tmp_path / "passphrase"


async def test_a_lost_phone_comes_back_from_the_vault(
    pocketvisor: Command, folder: Path, tmp_path: Path, passphrase: Path
) -> None:
    vault, key = tmp_path / "vault", ("--passphrase-file", passphrase)
    file = make_profile(folder / "Phone.vphone", "one", "two", passphrase=PASSPHRASE)
    ran = await pocketvisor("vault", "add", vault)
    assert (ran.code, ran.out) == (0, f"Generations are copied to {vault} as they are made\n"), ran.err
    ran = await pocketvisor("vault", "copy", "Phone", *key)
    assert ran.code == 0 and "generations 1, 2 went there" in ran.out, ran.err
    first = json.loads((await pocketvisor("vault", "list", "--json")).out)[0]["profiles"][0]["size"]
    add_generation(file, "three")
    file.close()
    copied = json.loads((await pocketvisor("vault", "copy", "Phone", *key, "--json")).out)
    assert copied["generations"] == [3] and copied["bytes"] < first / 2
    assert "nothing was missing" in (await pocketvisor("vault", "copy", "Phone", *key)).out

    listed = json.loads((await pocketvisor("vault", "list", "--json")).out)[0]["profiles"]
    assert [(each["name"], each["sealed"], each["generations"]) for each in listed] == [
        (None, True, [1, 2, 3])
    ]
    assert "Phone" in (await pocketvisor("vault", "list", *key)).out
    assert "is whole" in (await pocketvisor("vault", "check", "Phone")).out

    assert (await pocketvisor("profile", "delete", "Phone", "--yes")).code == 0
    ran = await pocketvisor("vault", "fetch", "Phone", *key)
    assert ran.code == 0 and "Phone is back, at generation 3" in ran.out, ran.err
    with ProfileFile.open(folder / "Phone.vphone", read_only=True) as back:
        back.unlock(Unlock(passphrase=PASSPHRASE))
        assert [each.name for each in back.generations()] == ["one", "two", "three"] and back.verify() == []
    ident = listed[0]["id"]
    ran = await pocketvisor("vault", "fetch", ident[:8], "Alone", "--no-history", "--generation", "2")
    assert ran.code == 0, ran.err
    with ProfileFile.open(folder / "Alone.vphone", read_only=True) as back:
        assert [each.number for each in back.generations()] == [2]


async def test_a_damaged_vault_is_found_and_gives_nothing_wrong(
    pocketvisor: Command, folder: Path, tmp_path: Path
) -> None:
    make_profile(folder / "Phone.vphone", "one").close()
    await pocketvisor("vault", "add", tmp_path / "vault")
    await pocketvisor("vault", "copy", "Phone")
    (pack, *_) = sorted((tmp_path / "vault").glob("*/packs/*"))
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    ran = await pocketvisor("vault", "check", "Phone")
    assert ran.code == 1 and "Traceback" not in ran.err, ran.err
    assert ran.err.splitlines()[-1].startswith("pocketvisor: "), "how far it is may be said before"
    ran = await pocketvisor("vault", "fetch", "Phone", "Back")
    assert ran.code == 1 and not (folder / "Back.vphone").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["Phone.vphone"]


async def test_without_a_vault_the_verbs_say_how_to_get_one(
    pocketvisor: Command, folder: Path, tmp_path: Path
) -> None:
    make_profile(folder / "Phone.vphone", "one").close()
    for verb in (("copy", "Phone"), ("fetch", "Phone"), ("check", "Phone"), ("forget", "Phone", "--yes")):
        ran = await pocketvisor("vault", *verb)
        assert ran.code == 1 and "'pocketvisor vault add'" in ran.err
    ran = await pocketvisor("vault", "add", "nonsense://somewhere")
    assert ran.code == 1 and "cannot be used" in ran.err
    await pocketvisor("vault", "add", tmp_path / "empty")
    ran = await pocketvisor("vault", "fetch", "Phone")
    assert ran.code == 1 and "is no vault: nothing was copied to it yet" in ran.err
    assert (await pocketvisor("vault", "list")).code == 0


async def test_older_copies_go_and_a_profile_is_forgotten(
    pocketvisor: Command, folder: Path, tmp_path: Path
) -> None:
    make_profile(folder / "Phone.vphone", "one", "two", "three").close()
    await pocketvisor("vault", "add", tmp_path / "vault")
    await pocketvisor("vault", "copy", "Phone")
    assert "2 generations are deleted" in (await pocketvisor("vault", "prune", "Phone", "--keep", "1")).out
    assert (await pocketvisor("vault", "forget", "Phone")).code == 1  # nobody said yes
    assert (await pocketvisor("vault", "forget", "Phone", "--yes")).code == 0
    assert json.loads((await pocketvisor("vault", "list", "--json")).out)[0]["profiles"] == []


def test_addresses_are_kept_for_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert vault_addresses() == []
    assert add_vault("phones") == str(tmp_path / "phones") == chosen_vault(None)
    add_vault("memory://user:secret@host/phones")
    assert add_vault("phones") == chosen_vault("phones")
    file = tmp_path / "pocketvisor" / "vaults.json"
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(ProfileError, match="several vaults") as told:
        chosen_vault(None)
    assert "secret" not in str(told.value)
    set_first_vault("other")  # a window's
    assert vault_addresses() == [str(tmp_path / "other"), "memory://user:secret@host/phones"]
    set_first_vault("phones")
    assert first_vault() == str(tmp_path / "phones")
    remove_vault("phones")
    assert vault_addresses() == ["memory://user:secret@host/phones"]
    for garbage in (b"{", b'{"vaults": 1}', b"\xff", b"[" * 100_000):
        file.write_bytes(garbage)
        with pytest.raises(ProfileError, match="no list of vaults"):
            vault_addresses()
    shutil.rmtree(tmp_path / "pocketvisor")
