"""A kernel's memory that was made to confuse: lists that never end, pointers to anywhere, sizes beyond all
bounds. What comes of it is a sentence, or tasks that are not there, and it comes soon."""

import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.board.map import RAM_BASE
from pocketvisor.debug.linux import kernel_memory
from pocketvisor.debug.linux.crash_notes import CrashNotes, constants
from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.debug.linux.layout import TaskLayout, found_layout
from pocketvisor.debug.linux.log import read_log
from pocketvisor.debug.linux.modules import Module, find_list, module_symbols, read_modules
from pocketvisor.debug.linux.tasks import current_task, read_tasks
from pocketvisor.debug.symbols.names import Symbol
from pocketvisor.errors import DebugError

PAGE_OFFSET = 0xC0000000
SIZE = 16 << 20
TABLE = RAM_BASE + 0x4000
LAYOUT = TaskLayout("made", tasks=64, comm=128, pid=80, real_parent=88, state=4, stack=8, flags=16, frame=32)


class Ram:
    """16 MiB that a made kernel maps to its beginning. `content`: answers what has not been written."""

    def __init__(self, content: Callable[[int, int], bytes] | None = None) -> None:
        self.data = bytearray(SIZE)
        self.content = content
        self.reads = 0
        for number in range(16):
            entry = RAM_BASE + (number << 20) | 0x40E
            at = TABLE - RAM_BASE + 4 * ((PAGE_OFFSET >> 20) + number)
            self.data[at : at + 4] = entry.to_bytes(4, "little")

    def put(self, address: int, *words: int) -> None:
        at = address - PAGE_OFFSET
        self.data[at : at + 4 * len(words)] = struct.pack(f"<{len(words)}I", *words)

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        assert physical, "a kernel is not looked at through the CPU's table"
        self.reads += 1
        if self.content is not None and address >= RAM_BASE + (1 << 20):
            return self.content(address, size)
        return bytes(self.data[max(0, address - RAM_BASE) : max(0, address - RAM_BASE + size)])


async def memory_of(ram: Ram) -> KernelMemory:
    memory = KernelMemory(ram, PAGE_OFFSET)
    assert await memory.find_table(None) and memory.table == TABLE
    return memory


def task(ram: Ram, at: int, pid: int, name: bytes, parent: int, following: int) -> None:
    ram.put(at, 0, 1, 0xC0200000 + 8192 * pid, 0, 0x200000 if pid == 2 else 0)
    ram.put(at + 64, following + 64, PAGE_OFFSET)
    ram.put(at + 80, pid, pid, parent)
    ram.data[at + 128 - PAGE_OFFSET : at + 144 - PAGE_OFFSET] = name.ljust(16, b"\0")


def tasks(ram: Ram, count: int) -> list[int]:
    places = [0xC0800000 + 1024 * number for number in range(count)]
    for pid, at in enumerate(places):
        name = b"swapper/0" if pid == 0 else b"task %d" % pid
        parent = places[0] if pid < 3 else places[2]
        task(ram, at, pid, name, parent, places[(pid + 1) % count])
    return places


async def test_a_made_list_is_read_and_its_layout_found() -> None:
    ram = Ram()
    places = tasks(ram, 20)
    memory = await memory_of(ram)
    layout = await found_layout(memory, places[0])
    assert (layout.tasks, layout.comm, layout.pid, layout.real_parent) == (64, 128, 80, 88)
    assert (layout.state, layout.stack, layout.flags) == (4, 8, 16) and layout.missing == []
    found = await read_tasks(memory, places[0], layout)
    assert found.whole and [task.pid for task in found.tasks] == list(range(20))
    assert found.tasks[5].name == "task 5" and found.tasks[5].parent == 2 and found.tasks[5].letter == "S"
    registers = {"cpsr": 0x10, "sp_svc": found.tasks[7].stack + 8192}
    assert current_task(found.tasks, registers) == found.tasks[7]
    assert current_task(found.tasks, {"cpsr": 0x13, "tpidruro": places[3]}) == found.tasks[3]
    assert current_task(found.tasks, {}) is None


async def test_what_cannot_be_found_is_said() -> None:
    ram = Ram()
    places = tasks(ram, 20)
    for at in places:
        ram.put(at + 80, 7, 7)
        ram.put(at + 8, 0xC0200000)
    layout = await found_layout(await memory_of(ram), places[0])
    assert layout.missing == ["numbers", "parents", "states", "stacks"]
    found = await read_tasks(await memory_of(ram), places[0], layout)
    assert {(task.pid, task.letter, task.parent) for task in found.tasks} == {(-1, "", -1)}


async def test_a_list_that_runs_in_a_circle_ends() -> None:
    ram = Ram()
    places = tasks(ram, 20)
    ram.put(places[10] + 64, places[4] + 64)
    memory = await memory_of(ram)
    found = await read_tasks(memory, places[0], LAYOUT)
    assert not found.whole and len(found.tasks) == 11
    with pytest.raises(DebugError, match="list of tasks was not found"):
        await found_layout(memory, places[0])


async def test_a_list_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each task leads to one that was not there before."""
    monkeypatch.setattr(kernel_memory, "PIECES_MAX", 5000)

    def endless(address: int, size: int) -> bytes:
        start = address & ~1023
        one = bytearray(1024 * (2 + size // 1024))
        for at in range(0, len(one), 1024):
            following = (start + at + 1024 - RAM_BASE) % (SIZE - (1 << 20)) + PAGE_OFFSET + (1 << 20)
            one[at : at + 1024] = struct.pack("<2I", following + 64, PAGE_OFFSET) * 128
            one[at + 128 : at + 144] = b"swapper/0".ljust(16, b"\0")
        return bytes(one[address - start : address - start + size])

    ram = Ram(endless)
    memory = await memory_of(ram)
    with pytest.raises(DebugError, match=r"do not end|not found"):
        await found_layout(memory, 0xC0800000)
    assert ram.reads < 12_000
    await memory.refresh()
    with pytest.raises(DebugError, match="do not end"):
        for _ in range(3):
            await read_tasks(memory, 0xC0800000, LAYOUT)


class Wild:
    """Random words, most of which point somewhere into the kernel."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)
        choices: list[Callable[[], int]] = [
            lambda: PAGE_OFFSET + dice.randrange(SIZE),
            lambda: PAGE_OFFSET + dice.randrange(SIZE) & ~3,
            lambda: PAGE_OFFSET - dice.randrange(1 << 24),
            lambda: dice.randrange(1 << 32),
            lambda: dice.randrange(70_000),
            lambda: int.from_bytes(b"swap", "little"),
        ]
        self.page = b"".join(dice.choice(choices)().to_bytes(4, "little") for _ in range(4096))

    def __call__(self, address: int, size: int) -> bytes:
        at = address % len(self.page)
        return (self.page * (2 + size // len(self.page)))[at : at + size]


@pytest.mark.parametrize("seed", range(25))
async def test_wild_memory_is_survived(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_memory, "PIECES_MAX", 3000)
    dice = random.Random(seed)
    ram = Ram(Wild(seed))
    memory = await memory_of(ram)
    at = PAGE_OFFSET + (2 << 20)
    for look in (
        lambda: read_tasks(memory, at + 4 * dice.randrange(1000), LAYOUT),
        lambda: found_layout(memory, at + 4 * dice.randrange(1000)),
        lambda: read_log(memory, at + 4 * dice.randrange(1000), {}),
        lambda: read_log(memory, at, {"prb_desc": dice.randrange(5000), "printk_info": 1}),
        lambda: find_list(memory, at),
        lambda: read_modules(memory, at),
        lambda: module_symbols(memory, Module("m", at, SIZE, "live", at)),
        lambda: CrashNotes.find(memory, {}),
    ):
        await memory.refresh()
        try:
            await look()
        except DebugError as error:
            assert str(error)


async def test_a_log_of_impossible_size_is_a_sentence() -> None:
    ram = Ram()
    memory = await memory_of(ram)
    for words in ((0, 0, 0), (40, PAGE_OFFSET, PAGE_OFFSET), (12, 0xFFFFFFFF, 0xFFFFFFFF)):
        ram.put(0xC0900000, *words)
        ram.put(0xC0900018, 17, PAGE_OFFSET)
        try:
            assert await read_log(memory, 0xC0900000, {}) == []
        except DebugError as error:
            assert "log is not in memory" in str(error)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500), st.binary(max_size=400))
def test_crash_notes_may_hold_anything(text: str, code: bytes) -> None:
    notes = CrashNotes("OSRELEASE=6.1\n" + text + "\nSYMBOL(prb)=c142e838\nSIZE(prb_desc)=12\n")
    assert notes.symbols["prb"] == 0xC142E838 and notes.layout["prb_desc"] == 12
    assert all(0 <= value < 1 << 32 for value in [*notes.symbols.values(), *constants(code)])


async def test_crash_notes_are_found_through_the_code_that_writes_them() -> None:
    """Where they are far from the kernel's image: MOVW and MOVT make the address of a variable before the one
    that points to them."""
    ram = Ram()
    notes, variables, code = 0xC0C00000, 0xC0A00010, 0xC0900000
    ram.put(code, 0xE3000010 | 4 << 12, 0xE34C40A0, 0xE5943008)  # r4 = variables; ldr r3, [r4, #8]
    ram.put(variables, 1, 2, notes)
    text = b"OSRELEASE=6.1.0\nBUILD-ID=00ff\nSYMBOL(prb)=c0123456\nOFFSET(a.b)=12\n"
    ram.data[notes - PAGE_OFFSET : notes - PAGE_OFFSET + len(text)] = text
    function = Symbol("vmcoreinfo_append_str", code, 12, "function")
    found = await CrashNotes.find(await memory_of(ram), {function.name: function})
    assert (found.release, found.build_id) == ("6.1.0", "00ff")
    assert (found.symbols, found.layout) == ({"prb": 0xC0123456}, {"a.b": 12})
