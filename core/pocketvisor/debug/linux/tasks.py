"""A kernel's processes, as `ps` would list them: one for each process, the idle one included.

Left out: threads beyond a process's first, and what a process's arguments are.
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.debug.linux.layout import STACK, TASKS_MAX, TaskLayout
from pocketvisor.debug.symbols.messages import plain
from pocketvisor.errors import DebugError

_KERNEL_THREAD: Final = 0x00200000
_NAME: Final = 16
_USER: Final = 0x10
_MODE: Final = 0x1F

_IDLE: Final = 0x402
_STATES: Final = (
    (0x80, "Z", "dead"),
    (0x20, "Z", "zombie"),
    (0x10, "X", "dead"),
    (0x08, "t", "traced"),
    (0x04, "T", "stopped"),
    (0x40, "P", "parked"),
    (0x02, "D", "waiting"),
    (0x01, "S", "sleeping"),
)


class Task(NamedTuple):
    """`letter` and `state` as ps has them; empty where they were not found, numbers -1. `address`: of its
    task_struct. `registers`: fp, sp and pc where it will go on, for one that does not run."""

    pid: int
    parent: int
    name: str
    letter: str
    state: str
    kernel_thread: bool
    address: int
    stack: int
    registers: Mapping[str, int]


class TaskList(NamedTuple):
    tasks: list[Task]
    whole: bool
    """False where the list did not come back to its beginning."""


async def read_tasks(memory: KernelMemory, init_task: int, layout: TaskLayout) -> TaskList:
    """Of a guest that runs: as it was while it was looked at. Raises DebugError where there is none."""
    found: dict[int, bytes] = {}
    at = init_task
    whole = False
    for _ in range(TASKS_MAX):
        data = await memory.read(at, layout.size)
        if len(data) < layout.size:
            break
        found[at] = data
        at = _word(data, layout.tasks) - layout.tasks
        if at == init_task:
            whole = True
            break
        if at in found or not memory.in_kernel(at):
            break
    if not found:
        raise DebugError("The kernel's first task is not in memory")
    pids = {address: _word(data, layout.pid) for address, data in found.items()} if layout.pid >= 0 else {}
    return TaskList([_task(address, data, layout, pids) for address, data in found.items()], whole)


def _task(address: int, data: bytes, layout: TaskLayout, pids: Mapping[int, int]) -> Task:
    name = data[layout.comm : layout.comm + _NAME].partition(b"\0")[0].decode("utf-8", "replace")
    parent = pids.get(_word(data, layout.real_parent), -1) if layout.real_parent >= 0 else -1
    letter, state = _state(data, layout)
    stack = _word(data, layout.stack) if layout.stack >= 0 else 0
    registers = {}
    if layout.frame >= 0:
        fp, sp, pc = struct.unpack_from("<3I", data, layout.frame)
        if stack <= sp < stack + STACK:
            registers = {"r11": fp, "sp": sp, "pc": pc, "lr": pc}
    return Task(
        pid=pids.get(address, -1),
        parent=0 if address in pids and pids[address] == 0 else parent,
        name=plain(name),
        letter=letter,
        state=state,
        kernel_thread=layout.flags >= 0 and bool(_word(data, layout.flags) & _KERNEL_THREAD),
        address=address,
        stack=stack,
        registers=registers,
    )


def _state(data: bytes, layout: TaskLayout) -> tuple[str, str]:
    if layout.state < 0:
        return "", ""
    state = _word(data, layout.state)
    if layout.exit_state >= 0:
        state |= _word(data, layout.exit_state)
    if state & 0xFFFF == _IDLE:
        return "I", "idle"
    return next(((letter, text) for bit, letter, text in _STATES if state & bit), ("R", "running"))


def current_task(tasks: list[Task], registers: Mapping[str, int]) -> Task | None:
    """Whose code the CPU is at: in the kernel its register says so (TPIDRURO, since Linux 5.16), else the
    stack that the kernel would take."""
    pointer = registers.get("tpidruro", 0)
    in_user = registers.get("cpsr", 0) & _MODE == _USER
    by_address = {task.address: task for task in tasks}
    if not in_user and pointer in by_address:
        return by_address[pointer]
    mode = registers.get("cpsr", 0) & _MODE
    stack = registers.get("sp" if mode in (0x13, 0x1F) else "sp_svc", 0)
    for task in tasks:
        # With nothing on it, as in user mode, it points to its very end.
        if task.stack and task.stack < stack <= task.stack + STACK:
            return task
    return by_address.get(pointer)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")
