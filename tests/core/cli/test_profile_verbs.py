"""`pocketvisor profile` on files at rest: listed, shown, verified, carried, renamed, deleted and wiped."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from profiles_made import PASSPHRASE, add_generation, make_profile

from pocketvisor.cli.profile_files import chosen_generation
from pocketvisor.errors import LockedProfile
from pocketvisor.profile.file import Generation, ProfileFile
from pocketvisor.profile.keys import Unlock

Command = Callable[..., Any]
SECRET = "the browser with my bank"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "pocketvisor" / "profiles"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def phone(folder: Path) -> Path:
    make_profile(folder / "Phone.vphone", "fresh", SECRET).close()
    return folder / "Phone.vphone"


@pytest.fixture
def sealed(folder: Path) -> Path:
    make_profile(folder / "Sealed.vphone", "fresh", SECRET, passphrase=PASSPHRASE).close()
    return folder / "Sealed.vphone"


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    return file


async def test_a_library_is_listed(pocketvisor: Command, phone: Path, sealed: Path) -> None:
    ran = await pocketvisor("profile", "list")
    header, *lines = ran.out.splitlines()
    assert header.split() == ["PROFILE", "STATE", "KEYS", "GENERATIONS", "LAST", "SAVED", "SIZE"]
    assert [line.split()[0] for line in lines] == ["Phone", "Sealed"]
    assert "open" in lines[0] and "sealed" in lines[1]
    listed = json.loads((await pocketvisor("profile", "list", "--json")).out)
    assert [(each["name"], len(each["generations"]), each["runs"]) for each in listed] == [
        ("Phone", 2, None),
        ("Sealed", 2, None),
    ]


async def test_info_needs_no_key_and_tells_no_secret(pocketvisor: Command, sealed: Path) -> None:
    ran = await pocketvisor("profile", "info", "sealed")
    assert ran.code == 0 and "sealed; opens with a passphrase" in ran.out
    as_json = await pocketvisor("profile", "info", sealed, "--json")
    shown = json.loads(as_json.out)
    assert (shown["sealed"], shown["keys"], shown["head"]) == (True, ["passphrase"], 2)
    for said in (ran.out, as_json.out):
        assert SECRET not in said and "fresh" not in said and PASSPHRASE not in said


async def test_snapshots_are_a_tree_with_names(pocketvisor: Command, phone: Path) -> None:
    with ProfileFile.open(phone) as file:
        add_generation(file, "aside", parent=1)
    ran = await pocketvisor("profile", "snapshots", "Phone")
    lines = [line.partition("  snapshot")[0].rstrip() for line in ran.out.splitlines()[1:]]
    assert lines == ["   1           fresh", f"   ├─ 2        {SECRET}", "*  3           aside"]
    listed = json.loads((await pocketvisor("profile", "snapshots", "Phone", "--json")).out)
    assert [(each["number"], each["parent"], each["head"]) for each in listed] == [
        (1, 0, False),
        (2, 1, False),
        (3, 1, True),
    ]


async def test_what_is_sealed_wants_its_key(
    pocketvisor: Command, sealed: Path, passphrase: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse\n")
    ran = await pocketvisor("profile", "snapshots", "Sealed", "--passphrase-file", wrong)
    assert ran.code == 1 and "does not open" in ran.err and SECRET not in ran.out
    ran = await pocketvisor("profile", "snapshots", "Sealed", "--passphrase-file", passphrase)
    assert ran.code == 0 and SECRET in ran.out
    ran = await pocketvisor("profile", "snapshots", "Sealed", POCKETVISOR_PASSPHRASE=PASSPHRASE)
    assert ran.code == 1 and "there is no terminal to ask on" in ran.err
    (tmp_path / "empty").touch()
    ran = await pocketvisor("profile", "verify", "Sealed", "--passphrase-file", tmp_path / "empty")
    assert ran.code == 1 and "its first line is empty" in ran.err


async def test_verify_names_what_is_damaged(pocketvisor: Command, phone: Path) -> None:
    ran = await pocketvisor("profile", "verify", "Phone")
    assert (ran.code, ran.out) == (0, "Phone is whole: 2 generations\n")
    with ProfileFile.open(phone, read_only=True) as file:
        space = file.manifest(2).space("ram")
        assert space is not None
        own = file.reader(space).chunk(0)
    content = phone.read_bytes()
    piece = own[1000:1400]  # random bytes are stored as they are
    assert piece in content
    phone.write_bytes(content.replace(piece, bytes(len(piece))))
    ran = await pocketvisor("profile", "verify", "Phone")
    assert ran.code == 1 and "Whole generations: 1" in ran.out
    assert "Traceback" not in ran.err and "generation 2" in ran.err.lower()
    shown = json.loads((await pocketvisor("profile", "verify", "Phone", "--json")).out)
    assert (shown["whole"], shown["damaged_generations"]) == (False, [2])


async def test_a_profile_goes_out_and_comes_back(pocketvisor: Command, phone: Path, tmp_path: Path) -> None:
    ran = await pocketvisor("profile", "export", "Phone", tmp_path / "stick.vphone")
    assert ran.code == 0 and str(tmp_path / "stick.vphone") in ran.out
    ran = await pocketvisor("profile", "import", tmp_path / "stick.vphone")
    assert ran.code == 1 and "the same profile as 'Phone'" in ran.err
    assert (await pocketvisor("profile", "delete", "Phone", "--yes")).code == 0
    assert not phone.exists()
    made = json.loads((await pocketvisor("profile", "import", tmp_path / "stick.vphone", "--json")).out)
    assert made["name"] == "stick" and Path(made["path"]).is_file()
    assert "whole: 2 generations" in (await pocketvisor("profile", "verify", "stick")).out


async def test_a_clone_is_sealed_as_its_origin(
    pocketvisor: Command, sealed: Path, folder: Path, passphrase: Path
) -> None:
    ran = await pocketvisor("profile", "clone", "Sealed", "Copy", "--passphrase-file", passphrase)
    assert ran.code == 0, ran.err
    with ProfileFile.open(folder / "Copy.vphone", read_only=True) as file:
        assert file.sealed and file.locked
        file.unlock(Unlock(passphrase=PASSPHRASE))
        assert [each.name for each in file.generations()] == [SECRET]
    ran = await pocketvisor(
        *("profile", "clone", "Sealed", "Open", "--generation", "fresh", "--unsealed"),
        *("--passphrase-file", passphrase),
    )
    assert ran.code == 0 and "at generation 1" in ran.out
    with ProfileFile.open(folder / "Open.vphone", read_only=True) as file:
        assert not file.sealed and [each.name for each in file.generations()] == ["fresh"]


async def test_names_change(pocketvisor: Command, phone: Path, folder: Path) -> None:
    assert (await pocketvisor("profile", "rename", "Phone", "Work")).out == "Phone is called Work\n"
    ran = await pocketvisor("profile", "rename-snapshot", "Work", "fresh", "first of all")
    assert (ran.code, ran.out) == (0, "Generation 1 of Work is called 'first of all'\n")
    ran = await pocketvisor("profile", "rename-snapshot", "Work", "nonsense", "x")
    assert ran.code == 1 and "has no generation 'nonsense'" in ran.err
    ran = await pocketvisor("profile", "delete-snapshot", "Work", "first of all", "--yes")
    assert ran.code == 0, ran.err
    with ProfileFile.open(folder / "Work.vphone", read_only=True) as file:
        assert [each.number for each in file.generations()] == [2] and file.verify() == []
    ran = await pocketvisor("profile", "delete-snapshot", "Work", "2", "--yes")
    assert ran.code == 1 and "goes on cannot be deleted" in ran.err


async def test_without_a_yes_nothing_is_destroyed(pocketvisor: Command, phone: Path) -> None:
    for verb in (("delete", "Phone"), ("wipe", "Phone"), ("delete-snapshot", "Phone", "1")):
        ran = await pocketvisor("profile", *verb)
        assert ran.code == 1 and "Traceback" not in ran.err
    assert (await pocketvisor("profile", "verify", "Phone")).code == 0


async def test_what_is_wiped_is_unreadable_with_the_right_passphrase(
    pocketvisor: Command, sealed: Path, passphrase: Path
) -> None:
    before = sealed.read_bytes()
    with ProfileFile.open(sealed, read_only=True) as file:
        (slot,) = file.key_slots()
    assert slot.wrapped in before
    ran = await pocketvisor("profile", "wipe", "Sealed", "--yes", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == {"name": "Sealed", "path": str(sealed), "wiped": True}
    assert slot.wrapped[-40:] not in sealed.read_bytes()
    with ProfileFile.open(sealed, read_only=True) as file, pytest.raises(LockedProfile):
        file.unlock(Unlock(passphrase=PASSPHRASE))
    ran = await pocketvisor("profile", "snapshots", "Sealed", "--passphrase-file", passphrase)
    assert ran.code == 1 and "was wiped" in ran.err
    assert "wiped: nothing opens it any more" in (await pocketvisor("profile", "info", "Sealed")).out


@pytest.mark.parametrize(
    "verb", [("info",), ("verify",), ("snapshots",), ("export", "/tmp"), ("key", "list"), ("wipe", "--yes")]
)
async def test_what_is_no_profile_is_one_sentence(
    pocketvisor: Command, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    (tmp_path / "note.vphone").write_bytes(os.urandom(100_000))
    first, *rest = verb
    arguments = (first, rest.pop(0)) if first == "key" else (first,)
    for name in (tmp_path / "note.vphone", tmp_path / "nothing.vphone", "nothing"):
        ran = await pocketvisor("profile", *arguments, name, *rest)
        assert ran.code == 1 and ran.err.startswith("pocketvisor: ") and ran.err.count("\n") == 1, ran.err


def test_the_generation_that_goes_on_is_found_while_another_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was looked for by a number that came after the list: 'has no generation yet' was said."""
    path = tmp_path / "a.vphone"
    with ProfileFile.create(path) as file:
        with file.begin(0) as saving:
            saving.commit(kind="off", spaces=[])
        listing = ProfileFile.generations

        def slow(reader: ProfileFile) -> list[Generation]:
            found = listing(reader)
            with file.begin(1) as saving:
                saving.commit(kind="autosave", spaces=[])
            return found

        with ProfileFile.open(path, read_only=True) as reader:
            monkeypatch.setattr(ProfileFile, "generations", slow)
            assert chosen_generation(reader, None).number == 1
