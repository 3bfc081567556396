"""`pocketvisor policy`, and `profile lock`, `unlock`, `check-in`, `wipe --key-file`: as IT types it."""

import json
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys

Run = Callable[..., Coroutine[Any, Any, Any]]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "pocketvisor" / "profiles"
    folder.mkdir(parents=True)
    ProfileFile.create(folder / "Work.vphone").close()
    (tmp_path / "secret").write_text("secret\n")
    return folder / "Work.vphone"


@pytest.fixture
def key(tmp_path: Path) -> list[str]:
    return ["--key-file", str(tmp_path / "it.key"), "--key-passphrase-file", str(tmp_path / "secret")]


async def test_from_a_new_policy_to_a_log_of_it(
    pocketvisor: Run, work: Path, key: list[str], tmp_path: Path
) -> None:
    policy = tmp_path / "work.toml"
    made = await pocketvisor("policy", "keys", "new", *key, "--json")
    public = json.loads(made.out)["public"]
    assert (await pocketvisor("policy", "keys", "export", *key)).out == f"{public}\n"
    ran = await pocketvisor("policy", "new", "Work", "--organisation", "Acme", "--out", policy)
    assert ran.code == 0 and "Policy 1 of Work" in ran.out
    policy.write_text(policy.read_text().replace("# screenshots", "screenshots"))
    ran = await pocketvisor("policy", "effects", policy)
    assert "no   Screenshots    Acme's policy allows no screenshots of this phone" in ran.out
    ran = await pocketvisor("policy", "apply", policy, "Work")
    assert ran.code == 1 and "is not signed to its end" in ran.err
    assert (await pocketvisor("policy", "sign", policy, *key)).code == 0
    ran = await pocketvisor("policy", "check", policy, "--profile", "Work", "--json")
    assert json.loads(ran.out)[0] | {"profile": ""} == {
        "what": "policy",
        "number": 1,
        "signer": public,
        "profile": "",
    }
    ran = await pocketvisor("policy", "apply", policy, "Work")
    assert ran.code == 0 and "governs the profile from now on" in ran.out
    shown = json.loads((await pocketvisor("policy", "show", "Work", "--json")).out)
    assert shown["governed"] and shown["authority"] == public and not shown["locked"]
    assert {name: value for name, value in shown["effects"][3].items() if name != "sentence"} == {
        "what": "Screenshots",
        "allowed": False,
    }
    assert "policy 1\n" in (await pocketvisor("policy", "show", "Work")).out
    ran = await pocketvisor("policy", "log", "Work", "--verify")
    assert ran.code == 0 and "command line: Policy 1 of Acme is in force" in ran.out
    assert "The log is whole" in ran.out

    log = tmp_path / "data" / "pocketvisor" / "audit" / f"{shown['profile']}.jsonl"
    log.write_text(log.read_text().replace("Acme", "Acne"))
    ran = await pocketvisor("policy", "log", "Work", "--verify", "--json")
    assert ran.code == 1 and "was changed after it was written" in ran.err
    assert json.loads(ran.out)["problems"]


async def test_what_is_checked_for_a_profile_is_what_it_would_take(
    pocketvisor: Run, work: Path, key: list[str], tmp_path: Path
) -> None:
    """To the letter: `check` says what `apply` and `deliver` would, and changes nothing."""
    policy, again, order = tmp_path / "one", tmp_path / "again", tmp_path / "order"
    ran = await pocketvisor("policy", "new", "Work", "--release")
    assert ran.code == 1 and "nothing to release it from" in ran.err
    ran = await pocketvisor("policy", "log", "Work", "--verify")
    assert (ran.code, ran.out) == (0, "Nothing is in the audit log of Work\n")
    await pocketvisor("policy", "keys", "new", *key)
    await pocketvisor("policy", "new", "Work", "--number", "3", "--out", policy)
    ran = await pocketvisor("policy", "check", policy)
    assert ran.code == 1 and "'pocketvisor policy sign'" in ran.err
    await pocketvisor("policy", "sign", policy, *key)
    check = ("policy", "check", "--profile", "Work")
    ran = await pocketvisor(*check, policy)
    assert ran.code == 0 and ran.out.startswith("policy 3 for ") and ran.out.endswith(": good\n")
    assert "Nobody governs" in (await pocketvisor("policy", "show", "Work")).out
    await pocketvisor("policy", "apply", policy, "Work")
    assert "in force already" in (await pocketvisor(*check, policy)).out
    again.write_text(policy.read_text().replace("# screenshots", "screenshots"))
    await pocketvisor("policy", "sign", again, *key)
    for verb in (check, ("policy", "deliver")):
        ran = await pocketvisor(*verb, again)
        assert ran.code == 1 and "Another policy is in force under the number 3" in ran.err
    await pocketvisor("profile", "lock", "Work", "--out", order, *key)
    assert (await pocketvisor(*check, order)).code == 0
    assert "It is locked" not in (await pocketvisor("policy", "show", "Work")).out
    await pocketvisor("policy", "deliver", order)
    ran = await pocketvisor(*check, order)
    assert ran.code == 1 and "old or was used already" in ran.err
    assert len(json.loads((await pocketvisor("policy", "log", "Work", "--json")).out)["lines"]) == 3


async def test_orders_here_and_by_a_file(
    pocketvisor: Run, work: Path, key: list[str], tmp_path: Path
) -> None:
    policy, order = tmp_path / "work.toml", tmp_path / "order"
    await pocketvisor("policy", "keys", "new", *key)
    ran = await pocketvisor("policy", "new", "Work", "--organisation", "Acme", "--out", policy, "--json")
    made = json.loads(ran.out)
    assert (made["file"], made["number"]) == (str(policy), 1) and made["text"] == policy.read_text()
    await pocketvisor("policy", "sign", policy, *key)
    ran = await pocketvisor("profile", "lock", "Work", *key)
    assert ran.code == 1 and "Nobody governs this profile" in ran.err
    await pocketvisor("policy", "apply", policy, "Work")
    ran = await pocketvisor("profile", "lock", "Work", "--reason", "lost", *key)
    assert ran.out == "Work: Acme has locked the phone: lost\n", ran.err
    ran = await pocketvisor("policy", "show", "Work")
    assert "It is locked: Acme has locked this phone: lost" in ran.out
    # Written for a phone that is elsewhere: by its id.
    own = json.loads((await pocketvisor("policy", "show", "Work", "--json")).out)["profile"]
    assert own == made["profile"]
    ran = await pocketvisor("profile", "unlock", own, *key)
    assert ran.code == 1 and "--out" in ran.err
    assert (await pocketvisor("profile", "unlock", own, "--out", order, *key)).code == 0
    ran = await pocketvisor("policy", "deliver", order)
    assert ran.code == 0 and ran.out == "Work: Acme lets the phone be used\n"
    ran = await pocketvisor("policy", "deliver", order)
    assert ran.code == 1 and "used already" in ran.err
    ran = await pocketvisor("profile", "check-in", "Work", *key, "--json")
    assert json.loads(ran.out)["taken"][0]["what"] == "check-in"

    copy = work.with_name("Copy.vphone")
    shutil.copy(work, copy)
    ran = await pocketvisor("profile", "wipe", "Work", "--yes", *key, "--json")
    [taken] = json.loads(ran.out)["taken"]
    assert ran.code == 0 and taken["what"] == "wipe" and "Acme has the phone wiped" in taken["sentence"]
    assert "wiped" in (await pocketvisor("profile", "info", "Work")).out
    ran = await pocketvisor("policy", "show", "Copy")
    assert "It is locked: Acme has had this phone wiped" in ran.out


async def test_the_first_policy_of_a_sealed_profile_asks_for_what_opens_it(
    pocketvisor: Run, work: Path, key: list[str], tmp_path: Path
) -> None:
    policy = tmp_path / "sealed.toml"
    ProfileFile.create(work.with_name("Sealed.vphone"), NewKeys(passphrase="opens it")).close()
    (tmp_path / "opens").write_text("opens it\n")
    await pocketvisor("policy", "keys", "new", *key)
    await pocketvisor("policy", "new", "Sealed", "--out", policy)
    await pocketvisor("policy", "sign", policy, *key)
    assert (await pocketvisor("policy", "apply", policy, "Sealed")).code == 1
    ran = await pocketvisor("policy", "apply", policy, "Sealed", "--passphrase-file", tmp_path / "opens")
    assert ran.code == 0
    policy.write_text((await pocketvisor("policy", "new", "Sealed")).out)
    assert "number = 2" in policy.read_text()
    await pocketvisor("policy", "sign", policy, *key)
    assert (await pocketvisor("policy", "apply", policy, "Sealed")).code == 0  # proves itself


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"[policy]\n", b"x" * 70_000, None])
async def test_what_is_no_policy_is_one_sentence(
    pocketvisor: Run, work: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "bad.toml"
    if content is not None:
        file.write_bytes(content)
    ran = await pocketvisor("policy", "apply", file, "Work")
    assert ran.code == 1 and ran.out == "" and ran.err.startswith("pocketvisor: ")
    assert ran.err.count("\n") == 1
