"""`pocketvisor profile key`: passphrases that are typed on a real terminal, and age identities of the stock
tool's."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from profiles_made import PASSPHRASE, make_profile
from terminals import Terminal

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock

Command = Callable[..., Any]


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "pocketvisor" / "profiles" / "Phone.vphone"
    path.parent.mkdir(parents=True)
    make_profile(path, "fresh", passphrase=PASSPHRASE).close()
    return path


def opens(path: Path, **unlock: Any) -> bool:
    with ProfileFile.open(path, read_only=True) as file:
        try:
            file.unlock(Unlock(**unlock))
        except Exception:
            return False
        return file.verify() == []


def test_a_passphrase_is_typed_unseen_and_may_be_mistyped(sealed: Path, tmp_path: Path) -> None:
    terminal = Terminal({"XDG_DATA_HOME": str(tmp_path / "data")}, "profile", "snapshots", "Phone")
    terminal.expect("Passphrase of Phone: $")
    terminal.type("wrong horse\n")
    terminal.expect("once more\r\n.*Passphrase of Phone: $")
    terminal.type(f"{PASSPHRASE}\n")
    assert terminal.end() == 0
    assert "fresh" in terminal.text and PASSPHRASE not in terminal.text and "wrong horse" not in terminal.text


def test_control_c_at_the_prompt_changes_nothing(sealed: Path, tmp_path: Path) -> None:
    before = sealed.read_bytes()
    terminal = Terminal({"XDG_DATA_HOME": str(tmp_path / "data")}, "profile", "key", "change", "Phone")
    terminal.expect("Passphrase of Phone: $")
    terminal.type(f"{PASSPHRASE}\n")
    terminal.expect("New passphrase: $")
    terminal.type("\x03")
    assert terminal.end() in (1, 130)
    assert "Traceback" not in terminal.text
    assert sealed.read_bytes() == before


def test_a_passphrase_is_changed_and_typed_twice(sealed: Path, tmp_path: Path) -> None:
    terminal = Terminal({"XDG_DATA_HOME": str(tmp_path / "data")}, "profile", "key", "change", "Phone")
    terminal.expect("Passphrase of Phone: $")
    terminal.type(f"{PASSPHRASE}\n")
    terminal.expect("New passphrase: $")
    terminal.type("battery staple\n")
    terminal.expect("again: $")
    terminal.type("battery stable\n")
    terminal.expect("once more\r\n.*New passphrase: $")
    terminal.type("battery staple\n")
    terminal.expect("again: $")
    terminal.type("battery staple\n")
    assert terminal.end() == 0, terminal.text
    assert opens(sealed, passphrase="battery staple") and not opens(sealed, passphrase=PASSPHRASE)


async def test_the_last_key_stays(pocketvisor: Command, sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "old").write_text(PASSPHRASE)
    ran = await pocketvisor("profile", "key", "remove", "Phone", "--passphrase-file", tmp_path / "old")
    assert ran.code == 1 and "last key slot" in ran.err
    assert opens(sealed, passphrase=PASSPHRASE)
    ran = await pocketvisor("profile", "key", "add", "Phone", "--passphrase-file", tmp_path / "old")
    assert ran.code == 2 and "Say what to add" in ran.err


async def test_a_profile_without_keys_says_how_to_get_some(pocketvisor: Command, tmp_path: Path) -> None:
    make_profile(tmp_path / "open.vphone", "fresh").close()
    ran = await pocketvisor("profile", "key", "add", tmp_path / "open.vphone", "--recipient", "age1x")
    assert ran.code == 1 and "clone --passphrase" in ran.err
    assert (
        "who has the file reads it"
        in (await pocketvisor("profile", "key", "list", tmp_path / "open.vphone")).out
    )


@pytest.mark.skipif(shutil.which("age-keygen") is None, reason="needs age")
async def test_a_recovery_key_of_the_stock_tools_opens_what_was_forgotten(
    pocketvisor: Command, sealed: Path, tmp_path: Path
) -> None:
    identity, old, new = tmp_path / "identity", tmp_path / "old", tmp_path / "new"
    done = subprocess.run(
        ["age-keygen", "-o", identity], capture_output=True, text=True, timeout=30, check=True
    )
    recipient = done.stderr.split()[-1]
    old.write_text(PASSPHRASE)
    new.write_text("battery staple")
    ran = await pocketvisor(
        "profile", "key", "add", "Phone", "--recipient", recipient, "--passphrase-file", old
    )
    assert (ran.code, ran.out) == (0, "Phone opens with a passphrase or an age identity\n"), ran.err
    assert recipient not in (await pocketvisor("profile", "info", "Phone", "--json")).out
    ran = await pocketvisor(
        "profile", "key", "change", "Phone", "--identity", identity, "--new-passphrase-file", new
    )
    assert ran.code == 0, ran.err
    assert opens(sealed, passphrase="battery staple") and opens(sealed, identity=identity)
    assert not opens(sealed, passphrase=PASSPHRASE)
    listed = (await pocketvisor("profile", "key", "list", "Phone")).out.splitlines()
    number = next(line.split()[0] for line in listed if "age" in line)
    ran = await pocketvisor("profile", "key", "remove", "Phone", number, "--passphrase-file", new)
    assert ran.code == 0, ran.err
    assert not opens(sealed, identity=identity) and opens(sealed, passphrase="battery staple")
