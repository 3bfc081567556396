"""`pocketvisor run --headless` as a user runs it: what it prints, what it leaves behind, how it exits."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from monitor import code, elf

Command = Callable[..., Any]


async def test_until_ends_the_run(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor("run", "--elf", monitor_file, "--headless", "--until", "^# $", "--timeout", 30)
    assert (ran.code, ran.out, ran.err) == (0, "monitor ready\n# \n", "")


async def test_lines_are_typed_at_prompts(pocketvisor: Command, monitor_file: Path) -> None:
    typed = ("--type", "hello", "--type", "ciao")
    ran = await pocketvisor(
        "run", "--elf", monitor_file, "--headless", *typed, "--until", "^# ", "--timeout", 30
    )
    assert ran.code == 0
    assert ran.out == "monitor ready\n# hello\n# ciao\n# \n"


async def test_what_was_printed_before_does_not_match(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor(
        *("run", "--elf", monitor_file, "--headless", "--type", "hi", "--type", "q", "--until", "monitor"),
        *("--timeout", 60),
    )
    assert ran.code == 1
    assert ran.err == "pocketvisor: monitor powered itself off before 'monitor' appeared\n"


async def test_a_run_out_of_time_says_what_it_waited_for(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor("run", "--elf", monitor_file, "--headless", "--until", "never", "--timeout", 1)
    assert ran.code == 16
    assert ran.err == "pocketvisor: Out of time after 1 s: monitor did not show 'never'\n"


async def test_a_prompt_that_never_comes_is_named(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor(
        *("run", "--elf", monitor_file, "--headless", "--prompt", "login: $", "--type", "me", "--timeout", 1)
    )
    assert ran.code == 16
    assert "a prompt to type 'me' at" in ran.err


async def test_what_has_not_even_begun_is_named(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor(
        "run", "--elf", monitor_file, "--headless", "--type", "me", "--until", "x", "--timeout", 1e-6
    )
    assert (ran.code, ran.out) == (16, "")
    assert ran.err == (
        "pocketvisor: Out of time after 1e-06 s: monitor did not show a prompt to type 'me' at\n"
    )


async def test_deterministic_runs_are_alike(pocketvisor: Command, monitor_file: Path) -> None:
    arguments = ["run", "--elf", monitor_file, "--headless", "--deterministic", "--rate", "max", "--digest"]
    arguments += ["--type", "hello", "--until", "^# ", "--timeout", "30"]
    first, second = await pocketvisor(*arguments), await pocketvisor(*arguments)
    assert first.code == 0
    assert first.out == second.out
    assert re.search(r"^monitor: \d+ ticks, digest [0-9a-f]{64}$", first.out, re.MULTILINE)


async def test_ticks_end_the_run(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor(
        *("run", "--elf", monitor_file, "--headless", "--deterministic", "--ticks", 60, "--json", "--digest")
    )
    answer = json.loads(ran.out)
    (guest,) = answer["guests"]
    assert (ran.code, answer["exit"], guest["reason"]) == (0, 0, "limit")
    assert 60 <= guest["ticks"] < 70
    assert len(guest["digest"]) == 64


async def test_power_off_before_the_match_is_an_error(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor(
        *("run", "--elf", monitor_file, "--headless", "--type", "q", "--until", "never", "--timeout", 30)
    )
    assert ran.code == 1
    assert ran.err == "pocketvisor: monitor powered itself off before 'never' appeared\n"


async def test_power_off_alone_is_a_good_end(pocketvisor: Command, monitor_file: Path) -> None:
    ran = await pocketvisor("run", "--elf", monitor_file, "--headless", "--type", "q", "--timeout", 30)
    assert (ran.code, ran.err) == (0, "")


async def test_a_recording_replays(pocketvisor: Command, monitor_file: Path, tmp_path: Path) -> None:
    record, arguments = tmp_path / "r.pvrec", ("run", "--elf", monitor_file, "--headless", "--timeout", 30)
    recorded = await pocketvisor(
        *arguments, "--type", "hello", "--until", "^# ", "--record", record, "--digest"
    )
    replayed = await pocketvisor(*arguments, "--replay", record, "--digest")
    assert (recorded.code, replayed.code) == (0, 0)
    assert recorded.out == replayed.out


async def test_a_recording_of_another_image_is_refused(
    pocketvisor: Command, monitor_file: Path, tmp_path: Path
) -> None:
    record = tmp_path / "r.pvrec"
    arguments = ("run", "--elf", monitor_file, "--headless", "--timeout", 30)
    await pocketvisor(*arguments, "--until", "^# ", "--record", record)
    monitor_file.write_bytes(elf(code() + b"more"))
    ran = await pocketvisor(*arguments, "--replay", record)
    assert ran.code == 1
    assert ran.err == "pocketvisor: The recording was made with another elf than the one given now\n"


async def test_a_damaged_recording_is_refused(
    pocketvisor: Command, monitor_file: Path, tmp_path: Path
) -> None:
    record = tmp_path / "r.pvrec"
    arguments = ("run", "--elf", monitor_file, "--headless", "--timeout", 30)
    await pocketvisor(*arguments, "--until", "^# ", "--record", record)
    record.write_bytes(record.read_bytes()[:-9])
    ran = await pocketvisor(*arguments, "--replay", record)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"pocketvisor: {record}: is cut off: it has no end, so it cannot be checked\n"


async def test_several_guests_have_their_names_before_their_lines(
    pocketvisor: Command, tmp_path: Path
) -> None:
    shot = tmp_path / "shot.png"
    ran = await pocketvisor(
        *("run", "template", "template", "--headless", "--rate", 100, "--until", "powers off"),
        *("--timeout", 60, "--screenshot", shot),
    )
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 2
    assert all(line.startswith(("Template | ", "Template 2 | ")) for line in ran.out.splitlines())
    assert (tmp_path / "shot-template.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "shot-template-2.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name a guest"),
        (("template", "--rate", "fast"), "--rate: 'fast' is neither"),
        (("template", "--until", "("), "--until: '(' is no regular expression"),
        (("template", "--record", "a", "--replay", "b"), "do not go together"),
        (("--kernel", "a", "--elf", "b"), "Give one of"),
        (("template", "--initrd", "a"), "--initrd and --dtb go with"),
        (("template", "--ticks", "-1"), "--ticks"),
        (("template", "--nonsense"), "--nonsense"),
    ],
)
async def test_wrong_usage_exits_2(pocketvisor: Command, arguments: tuple[str, ...], sentence: str) -> None:
    ran = await pocketvisor("run", "--headless", *arguments)
    assert ran.code == 2
    assert sentence in ran.err
    assert "Traceback" not in ran.err


async def test_options_of_a_headless_run_need_it(pocketvisor: Command) -> None:
    ran = await pocketvisor("run", "template", "--until", "x", "--digest")
    assert (ran.code, ran.err) == (2, "pocketvisor: --until, --digest: only with --headless\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"nothing of the kind", "is not an ELF file"),
        (elf(code())[:40], "cut off|truncated|ends"),
        (elf(code(), machine=62), "x86|machine|ARM"),
    ],
)
async def test_an_image_that_is_none_is_a_sentence(
    pocketvisor: Command, tmp_path: Path, content: bytes, sentence: str
) -> None:
    bad = tmp_path / "bad.elf"
    bad.write_bytes(content)
    ran = await pocketvisor("run", "--elf", bad, "--headless")
    assert ran.code == 1
    assert ran.err.startswith(f"pocketvisor: {bad}: ")
    assert re.search(sentence, ran.err)
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nobody",), "There is no guest 'nobody'; known are personal, work"),
        (("template", "--handset", "brick"), "There is no handset model 'brick'; known are"),
        (("template", "--handset", "./none.toml"), "none.toml: cannot be read"),
        (("template", "--ram", "1500"), "the guest wants 1500"),
        (("--elf", "/nowhere/x.elf"), "/nowhere/x.elf: there is no such file"),
        (("template", "--replay", "/nowhere/r"), "/nowhere/r: cannot be read"),
    ],
)
async def test_what_cannot_be_is_a_sentence(
    pocketvisor: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    ran = await pocketvisor("run", "--headless", *arguments)
    assert ran.code == 1
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


async def test_debug_shows_where_an_error_came_from(pocketvisor: Command) -> None:
    ran = await pocketvisor("--debug", "run", "nobody", "--headless")
    assert ran.code == 1
    assert "Traceback" in ran.err


def test_a_terminal_talks_to_the_guest_and_control_bracket_quits(monitor_file: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pocketvisor.cli", "run", "--elf", monitor_file, "--headless"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"COLUMNS": "80"},
    )
    os.close(theirs)
    try:
        _read_until(ours, b"# ")
        os.write(ours, b"hello\r")
        _read_until(ours, b"hello\r\n# ")
        os.write(ours, b"\x1d")
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read_until(fd: int, expected: bytes, seconds: float = 60) -> None:
    seen, end = b"", time.monotonic() + seconds
    while expected not in seen:
        ready, _, _ = select.select([fd], [], [], end - time.monotonic())
        assert ready, f"{expected!r} did not come, but {seen!r}"
        seen += os.read(fd, 4096)
