"""--json: every verb has it, says nothing else on standard output, and those that act say what is then."""

import functools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from many_verbs import ManyVerbs
from profiles_made import PASSPHRASE, make_profile

from pocketvisor.api import GuestImage, Handset
from pocketvisor.cli.verbs import MODULES, verbs_of
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.migration.peers import TrustedPeers
from pocketvisor.services.workbench import WorkbenchService

Command = Callable[..., Any]

WITHOUT = {"workbench"}
"""A window of its own, with options of its own: it answers nothing."""
GIVEN = {
    "run": ("--headless", "nonsense"),
    "receive": ("--model", "nonsense"),
    "bench": ("nonsense",),
    "guests build": ("nonsense",),
    "demo": ("nonsense",),
    "attack": ("--kind", "nonsense"),
}
"""What would go on for long if nothing were wrong."""


@functools.cache
def all_verbs() -> dict[str, list[Any]]:
    """Each by its words, with the groups that it is in before it; a group that is a verb itself as well."""

    def inside(groups: list[Any], words: str) -> Iterator[tuple[str, list[Any]]]:
        verb = groups[-1]
        if not hasattr(verb, "commands") or verb.invoke_without_command:
            yield words, groups
        for name, further in getattr(verb, "commands", {}).items():
            yield from inside([*groups, further], f"{words} {name}")

    verbs = {name: verb for module in MODULES for name, verb in verbs_of(module).items()}
    assert verbs.keys() > WITHOUT
    return {
        words: groups
        for name, verb in verbs.items()
        if name not in WITHOUT
        for words, groups in inside([verb], name)
    }


def json_of(verb: Any) -> list[Any]:
    return [each for each in verb.params if "--json" in each.opts]


def test_every_verb_answers_in_json() -> None:
    lacking = [words for words, groups in all_verbs().items() if not json_of(groups[-1])]
    assert lacking == [], "such a verb takes `json: Json = False`: cli/output.py"
    others = [words for words, groups in all_verbs().items() if not json_of(groups[-1])[0].is_flag]
    assert others == [], "it takes no value: what is written to a file has an option of its own"


def nonsense(words: str) -> list[str]:
    """A command line of this verb that is well formed, and is of nothing that there is."""
    arguments: list[str] = []
    groups = all_verbs()[words]
    for group, word in zip(groups, words.split(), strict=True):
        arguments.append(word)
        for each in group.params:
            if each.required:
                value = "1" if each.type.name.split()[0] in ("integer", "int", "float") else "nonsense"
                arguments += [value] if each.param_type_name == "argument" else [each.opts[0], value]
    arguments += GIVEN.get(words, ())
    if any("--yes" in each.opts for each in groups[-1].params):
        arguments.append("--yes")
    return [*arguments, "--json"]


@pytest.fixture
async def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ManyVerbs]:
    """The command line of somebody who has nothing yet, no workbench and no keyring."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    verbs = await ManyVerbs.open(tmp_path)
    yield verbs
    await verbs.close()


async def test_standard_output_has_the_answer_alone(alone: ManyVerbs) -> None:
    """Whatever it is asked for: a program that reads it never meets a sentence there."""
    answered = set()
    assert all_verbs().keys() >= GIVEN.keys()
    for words in all_verbs():
        said = await alone.run(*nonsense(words))
        told = f"{words}: {said}"
        if said.code == 0:
            json.loads(said.out)
            answered.add(words)
        else:
            assert said.out == "" and "Traceback" not in said.err, told
            assert said.err.startswith("pocketvisor: "), told
    assert {"profile list", "vault list", "guests list", "handsets list", "peers"} <= answered
    assert not answered & {"pause", "open", "key", "profile rename", "vault forget", "guests add"}


@pytest.fixture
async def ask(
    pocketvisor: Command, handset: Handset, monitor_image: GuestImage, short_folder: Path
) -> AsyncIterator[Command]:
    """A verb's answer, of a workbench with one handset, a Pre."""
    opened: list[Path] = []
    service = WorkbenchService(lambda: [handset], lambda: {"monitor": monitor_image}, opened.append)
    server = WorkbenchServer(service, short_folder / "pocketvisor" / "workbench.sock")
    await server.open()

    async def ask(*arguments: object) -> Any:
        ran = await pocketvisor(*map(str, arguments), "--json", XDG_RUNTIME_DIR=str(short_folder))
        assert (ran.code, ran.err) == (0, ""), ran.err
        return json.loads(ran.out)

    yield ask
    await server.close()


async def test_what_is_done_with_a_guest_says_how_it_is(ask: Command, handset: Handset) -> None:
    started = await ask("start", "monitor", "--name", "Work")
    (guest,) = handset.guests
    its = {"guest": "Work", "handset": "Pre", "id": guest.id}
    assert started == its | {"state": "running", "pid": guest.pid}
    assert await ask("pause", "Work") == its | {"state": "paused", "pid": guest.pid}
    assert await ask("resume", guest.id) == its | {"state": "running", "pid": guest.pid}
    assert (await ask("reset", "Work"))["state"] == "running"
    assert (await ask("foreground", "Work"))["state"] == "running"
    pressed = await ask("key", "power", "--hold", 1)
    assert (pressed["guest"], pressed["key"], pressed["milliseconds"]) == ("Work", "power", 1)
    assert (await ask("kill", "Work"))["state"] == "off"
    again = await ask("restart", "Work")
    assert (again["id"], again["state"], again["pid"]) == (guest.id, "running", guest.pid)
    assert (await ask("power-off", "Work"))["state"] == "off"
    assert (await ask("remove", "Work"))["state"] == "stopped" and handset.guests == []


async def test_pictures_and_files_to_open(ask: Command, start: Callable[..., Any], tmp_path: Path) -> None:
    await start("Work")
    file = tmp_path / "work.png"
    assert await ask("screenshot", "work", file) == {
        "guest": "Work",
        "file": str(file),
        "bytes": file.stat().st_size,
    }
    path = tmp_path / "Phone.vphone"
    make_profile(path, "fresh").close()
    assert await ask("open", path) == {"name": "Phone", "path": str(path), "new_workbench": False}


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "pocketvisor" / "profiles" / "Phone.vphone"
    path.parent.mkdir(parents=True)
    make_profile(path, "one", "two", "three", passphrase=PASSPHRASE).close()
    (tmp_path / "old").write_text(PASSPHRASE)
    (tmp_path / "new").write_text("battery staple")
    return path


async def test_profiles_and_their_keys(ask: Command, phone: Path, tmp_path: Path) -> None:
    its, old, new = {"name": "Phone", "path": str(phone)}, tmp_path / "old", tmp_path / "new"
    opens = {"sealed": True, "wiped": False}
    added = await ask(
        "profile", "key", "add", "Phone", "--new-passphrase-file", new, "--passphrase-file", old
    )
    assert added == its | opens | {"keys": ["passphrase", "passphrase"]}
    removed = await ask("profile", "key", "remove", "Phone", "--passphrase-file", new)
    assert removed == its | opens | {"keys": ["passphrase"]} == await ask("profile", "key", "list", "Phone")
    changed = await ask(
        "profile", "key", "change", "Phone", "--new-passphrase-file", new, "--passphrase-file", old
    )
    assert changed == removed
    key = ("--passphrase-file", new)
    called = await ask("profile", "rename-snapshot", "Phone", 2, "second", *key)
    assert called == its | {"generation": 2, "called": "second"}
    gone = await ask("profile", "delete-snapshot", "Phone", "second", "--yes", *key)
    assert gone.pop("freed") >= 0 and gone == its | {"generation": 2, "deleted": True}
    other = {"name": "Other", "path": str(phone.with_name("Other.vphone"))}
    assert await ask("profile", "rename", "Phone", "Other") == other | {"before": "Phone"}
    assert await ask("profile", "delete", "Other", "--yes") == other | {"deleted": True}
    assert list(phone.parent.iterdir()) == []


async def test_vaults(ask: Command, phone: Path, tmp_path: Path) -> None:
    vault = str(tmp_path / "vault")
    assert await ask("vault", "add", vault) == {"vault": vault, "added": True}
    await ask("vault", "copy", "Phone", "--passphrase-file", tmp_path / "old")
    ((listed,),) = [each["profiles"] for each in await ask("vault", "list")]
    its = {"vault": vault, "id": listed["id"]}
    pruned = await ask("vault", "prune", "Phone", "--keep", 1)
    assert pruned == its | {"generations": 2, "packs": 0, "bytes": 0}
    assert await ask("vault", "forget", "Phone", "--yes") == its | {"forgotten": True}
    assert await ask("vault", "remove", vault) == {"vault": vault, "removed": True}


async def test_guests_of_ones_own(ask: Command, monitor_file: Path) -> None:
    added = await ask("guests", "add", monitor_file, "--name", "mine", "--kind", "elf")
    assert (added["id"], added["kind"]) == ("mine", "elf")
    assert added == await ask("guests", "info", "mine")
    assert await ask("guests", "remove", "mine", "--yes") == {"id": "mine", "removed": True}


async def test_machines_that_are_trusted_no_more(
    ask: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    TrustedPeers().trust(b"\xab" * 32, "laptop")
    assert await ask("peers", "remove", "laptop") == {
        "name": "laptop",
        "fingerprint": "ab" * 32,
        "removed": True,
    }
    assert TrustedPeers().all() == []


async def test_a_question_is_not_asked_where_the_answer_goes(pocketvisor: Command, phone: Path) -> None:
    ran = await pocketvisor("profile", "delete", "Phone", "--json")
    assert ran.code != 0 and ran.out == "" and "for ever?" in ran.err
    assert phone.exists()
