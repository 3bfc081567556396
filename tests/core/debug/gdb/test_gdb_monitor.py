"""What `monitor` commands answer."""

import pytest
from gdb_machine import MadeMachine
from gdb_wire import Wire

from pocketvisor.debug.gdb.monitor import OUTPUT_MAX


async def test_help_lists_all_that_there_is(wire: Wire) -> None:
    text = await wire.command("help")
    for word in (
        "record [START-OR-STOP]",
        "last-write ADDRESS [SIZE]",
        *("token WORD", "reset ", "snapshot [NAME]", "read PHYSICAL-ADDRESS [SIZE]", "phys ", "info"),
    ):
        assert f"\n{word}" in f"\n{text}"
    assert await wire.command("") == text


async def test_it_says_where_the_guest_is(wire: Wire) -> None:
    assert await wire.command("info") == (
        "Made: paused, 1 MiB of RAM\npc 0x40000000, position 0\n"
        "12 ticks, 1.500000000 s since it was started\nNothing is recorded\n"
    )


async def test_a_recording_is_begun_and_ended(wire: Wire) -> None:
    assert await wire.command("record start") == "Recorded from position 4 to 100, 1.5 MiB\n"
    assert await wire.command("record") == "Recorded from position 4 to 100, 1.5 MiB\n"
    assert await wire.command("record stop") == "Nothing is recorded\n"


async def test_physical_memory_is_read_and_written(wire: Wire, machine: MadeMachine) -> None:
    assert await wire.command("write 0x40000010 c0ffee") == "3 bytes\n"
    assert machine.memory[0x10:0x13] == b"\xc0\xff\xee"
    assert await wire.command("read 0x4000000f 5") == "0x4000000f: 00 c0 ff ee 00\n"
    assert await wire.command("translate 0x40000000") == "0x40000000 is at 0x40000000, rwx\n"
    assert await wire.command("translate 0") == "0x00000000 is not mapped\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("dance", "There is no 'dance': see 'monitor help'"),
        ("__init__", "There is no '__init__': see 'monitor help'"),
        ("read", "Type: monitor read PHYSICAL-ADDRESS [SIZE]"),
        ("read 1 2 3", "Type: monitor read PHYSICAL-ADDRESS [SIZE]"),
        ("read x", "'x' is no number"),
        ("read 0x100000000", "0x100000000 is no number of 32 bits"),
        ("read -1", "-1 is no number of 32 bits"),
        ("read 0 4", "There is no memory at 0x0"),
        ("read 0x40000000 1025", "At most 1024 bytes at once"),
        ("write 0x40000000 xyz", "'xyz' are no bytes in hexadecimal"),
        ("write 0 00", "0x0 is not mapped"),
        ("phys maybe", "It is 'on' or 'off', not 'maybe'"),
        ("record twice", "It is 'start' or 'stop', not 'twice'"),
        ("goto 9223372036854775808", "9223372036854775808 is no number of 63 bits"),
        ("goto 12", "12 is in no recording"),
        ("last-write 0x40000000", "nobody wrote it"),
        ("last-write", "Type: monitor last-write ADDRESS [SIZE]"),
        ("snapshot", "Made has no profile to save it in"),
    ],
)
async def test_what_cannot_be_is_answered_by_a_sentence(wire: Wire, line: str, answer: str) -> None:
    assert await wire.command(line) == f"{answer}\n"


async def test_a_reset_says_what_gdb_has_to_be_told(wire: Wire) -> None:
    assert "flush register-cache" in await wire.command("reset")


async def test_a_line_that_is_no_text_is_answered(wire: Wire) -> None:
    answer = await wire.ask(b"qRcmd," + b"ff" * OUTPUT_MAX)
    assert b"There is no" in bytes.fromhex(answer.decode())
