"""Where a task's structure has its fields, in a kernel of which nothing else is known.

Debug information says it where there is some. Else it is found by what must be true: the first task is named
"swapper" and every list that it is on comes back to it; the next two have the numbers 1 and 2 and are its
children; a stack is aligned and each task's own. What could not be found so is said, and is not guessed.

Left out: BTF, which no distribution's 32-bit ARM kernel has.
"""

import struct
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.debug.symbols.file import SymbolFile
from pocketvisor.errors import DebugError

TASKS_MAX: Final = 32768
"""The largest number of processes that a 32-bit Linux gives."""
STACK: Final = 8192
UNIT: Final = "init/init_task.c"
_SIZE: Final = 8192
_SEEN: Final = 48
_NAME: Final = 16
_KERNEL_THREAD: Final = 0x00200000
_PLAIN: Final = frozenset(range(32, 127))


class TaskLayout(Struct):
    """Offsets in struct task_struct; -1: not found."""

    source: str
    tasks: int = -1
    comm: int = -1
    pid: int = -1
    real_parent: int = -1
    state: int = -1
    exit_state: int = -1
    stack: int = -1
    flags: int = -1
    frame: int = -1
    """Of the saved fp, sp and pc of a task that does not run."""

    @property
    def size(self) -> int:
        """Of what has to be read of a task."""
        offsets: dict[str, int] = {**structs.asdict(self), "source": 0}
        return max(offsets.values()) + _NAME

    @property
    def missing(self) -> list[str]:
        needed = {"pid": "numbers", "real_parent": "parents", "state": "states", "stack": "stacks"}
        return [text for name, text in needed.items() if getattr(self, name) < 0]


async def described_layout(file: SymbolFile) -> TaskLayout:
    """From debug information. Raises DebugError."""
    answer = await file.layout(UNIT, ("task_struct",))
    fields = answer.structures.get("task_struct", {})

    def offset(*names: str) -> int:
        return next((fields[name][0] for name in names if name in fields), -1)

    found = TaskLayout(
        f"debug information in {file.name}",
        tasks=offset("tasks"),
        comm=offset("comm"),
        pid=offset("pid"),
        real_parent=offset("real_parent"),
        state=offset("__state", "state"),
        exit_state=offset("exit_state"),
        stack=offset("stack"),
        flags=offset("flags"),
        frame=offset("thread_info.cpu_context.fp"),
    )
    if min(found.tasks, found.comm, found.pid) < 0 or found.size > _SIZE:
        raise DebugError(f"{file.name}: says nothing of a kernel's tasks")
    return found


async def found_layout(memory: KernelMemory, init_task: int) -> TaskLayout:
    """Raises DebugError where not even the list of tasks is found."""
    first = await memory.read(init_task, _SIZE)
    comm = _name_at(first)
    if comm < 0:
        raise DebugError("The kernel's first task is not where its symbols say, or has no name")
    tasks, chain = await _longest_list(memory, init_task, first, comm)
    layout = TaskLayout("the structure of memory", tasks=tasks, comm=comm)
    seen = chain[:_SEEN]
    data = [await memory.read(address, comm + 512) for address in seen]
    shortest = min(map(len, data)) // 4
    if len(seen) < 3 or shortest * 4 < comm:
        return layout  # before the second process: nothing to compare
    rows = [struct.unpack(f"<{shortest}I", piece[: 4 * shortest]) for piece in data]
    _numbers(layout, rows, frozenset(chain), init_task)
    _stacks(layout, memory, rows)
    return layout


def _name_at(data: bytes) -> int:
    for name in (b"swapper/0\0", b"swapper\0"):
        at = data.find(name)
        if at >= 0:
            return at
    return -1


async def _longest_list(
    memory: KernelMemory, init_task: int, first: bytes, comm: int
) -> tuple[int, list[int]]:
    best: tuple[int, list[int]] = (-1, [])
    for offset in range(0, min(comm, len(first) - 8), 4):
        following, before = struct.unpack_from("<II", first, offset)
        if following == init_task + offset or not (memory.in_kernel(following) and memory.in_kernel(before)):
            continue
        if not await _is_task(memory, following - offset, comm):
            continue
        chain = await walk(memory, init_task, offset, comm)
        if len(chain) > len(best[1]):
            best = offset, chain
    if best[0] < 0:
        raise DebugError("The kernel's list of tasks was not found: it may not have begun yet")
    return best


async def walk(memory: KernelMemory, init_task: int, offset: int, comm: int) -> list[int]:
    """The tasks of a list that comes back to the first one; empty where it does not."""
    chain, known, at = [init_task], {init_task}, init_task
    while len(chain) < TASKS_MAX:
        following = await memory.word(at + offset)
        if following is None:
            return []
        at = following - offset
        if at == init_task:
            return chain
        if at in known or not await _is_task(memory, at, comm):
            return []
        known.add(at)
        chain.append(at)
    return []


async def _is_task(memory: KernelMemory, address: int, comm: int) -> bool:
    if address % 4 or not memory.in_kernel(address):
        return False
    name = (await memory.read(address + comm, _NAME)).partition(b"\0")
    return bool(name[0]) and bool(name[1]) and _PLAIN.issuperset(name[0])


def _numbers(layout: TaskLayout, rows: list[tuple[int, ...]], tasks: frozenset[int], init_task: int) -> None:
    """pid and tgid follow each other, real_parent and parent do so soon behind."""
    for column in range(len(rows[0]) - 1):
        numbers = [row[column] for row in rows]
        if (
            numbers[:3] == [0, 1, 2]
            and len(set(numbers)) == len(numbers)
            and max(numbers) < 1 << 22
            and all(row[column + 1] == row[column] for row in rows)
        ):
            layout.pid = 4 * column
            break
    if layout.pid < 0:
        return
    for column in range(layout.pid // 4 + 2, min(layout.pid // 4 + 16, len(rows[0]))):
        parents = [row[column] for row in rows]
        if parents[:3] == [init_task] * 3 and tasks.issuperset(parents):
            layout.real_parent = 4 * column
            return


def _stacks(layout: TaskLayout, memory: KernelMemory, rows: list[tuple[int, ...]]) -> None:
    """Each task has its own, aligned; its state is the word before, its flags are soon behind."""
    for column in range(1, min(len(rows[0]), layout.comm // 4)):
        stacks = [row[column] for row in rows]
        if len(set(stacks)) < len(stacks) or any(stack % STACK or stack < 0x10000 for stack in stacks):
            continue
        states = [row[column - 1] for row in rows]
        layout.stack = 4 * column
        # Nothing but the bits that states are made of, and somebody sleeps.
        if all(state <= 0xFFFF for state in states) and any(state & 3 for state in states):
            layout.state = 4 * (column - 1)
        for flags in range(column + 1, column + 6):
            if rows[2][flags] & _KERNEL_THREAD and not rows[1][flags] & _KERNEL_THREAD:
                layout.flags = 4 * flags
                break
        layout.frame = _frame(memory, rows, stacks, column)
        return


def _frame(memory: KernelMemory, rows: list[tuple[int, ...]], stacks: Sequence[int], end: int) -> int:
    """fp, sp and pc of struct cpu_context_save, in the thread_info at the task's beginning."""
    for column in range(1, end - 1):
        right = sum(
            stack < row[column] < stack + STACK
            and memory.in_kernel(row[column + 1])
            and not stack <= row[column + 1] < stack + STACK
            and row[column + 1] % 4 == 0
            for row, stack in zip(rows, stacks, strict=True)
        )
        same = len({row[column + 1] for row in rows})
        if right >= len(rows) - 2 and same <= 4:
            return 4 * (column - 1)
    return -1
