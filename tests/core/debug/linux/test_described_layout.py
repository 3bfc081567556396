"""Where a kernel's tasks have their fields, as a file with debug information says it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pocketvisor.debug.linux.layout import UNIT, described_layout
from pocketvisor.debug.symbols.file import SymbolFile
from pocketvisor.errors import DebugError

SOURCE = """
struct list_head { struct list_head *next, *prev; };
struct context { unsigned r4, r5, fp, sp, pc; };
struct thread_info { unsigned long flags; struct context cpu_context; };
struct task_struct {
    struct thread_info thread_info;
    unsigned int __state;
    void *stack;
    unsigned flags;
    struct { struct list_head tasks; };
    int exit_state;
    int pid, tgid;
    struct task_struct *real_parent;
    char comm[16];
};
struct task_struct init_task = {.comm = "swapper"};
void _start(void) { init_task.pid++; }
"""


def built(folder: Path, source: str) -> Path:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    (folder / "init").mkdir()
    (folder / UNIT).write_text(source)
    command = ["arm-none-eabi-gcc", "-g", "-nostdlib", "-ffreestanding", "-o", "vmlinux", UNIT]
    subprocess.run(command, check=True, timeout=60, cwd=folder)
    return folder / "vmlinux"


async def test_all_fields_are_where_the_compiler_put_them(tmp_path: Path) -> None:
    file = await SymbolFile.open(built(tmp_path, SOURCE))
    try:
        layout = await described_layout(file)
    finally:
        await file.close()
    assert layout.source == "debug information in vmlinux" and layout.missing == []
    assert (layout.frame, layout.state, layout.stack, layout.flags) == (12, 24, 28, 32)
    assert (layout.tasks, layout.exit_state, layout.pid, layout.real_parent) == (36, 44, 48, 56)
    assert layout.comm == 60


@pytest.mark.parametrize("source", ("struct other { int x; } init_task; void _start(void) {}", "int x;"))
async def test_a_file_that_does_not_say_is_no_kernel(tmp_path: Path, source: str) -> None:
    file = await SymbolFile.open(built(tmp_path, source))
    try:
        with pytest.raises(DebugError, match="says nothing of a kernel's tasks"):
            await described_layout(file)
    finally:
        await file.close()
