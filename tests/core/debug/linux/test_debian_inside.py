"""An unmodified Debian kernel seen from outside: what is found in its memory is what it says itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from pocketvisor.api import Guest, Handset, RunOptions, catalogue, load_models
from pocketvisor.board.map import RAM_BASE
from pocketvisor.debug.call_stack import call_stack
from pocketvisor.debug.linux.view import LinuxView
from pocketvisor.errors import DebugError

pytestmark = [pytest.mark.debian, pytest.mark.asyncio(loop_scope="module")]

PROMPT = r"^debian:/root# "
KERNEL_MODULES = {"gpio_charger", "virtio_mmio", "evdev", "industrialio"}


class Debian(NamedTuple):
    guest: Guest

    async def ask(self, command: str) -> str:
        """What a command prints."""
        at = len(self.guest.console.text)
        self.guest.console.write(f"echo ==BEGIN; {command}; echo ==END\r".encode())
        await self.guest.console.expect("^==END$", 60)
        await self.guest.console.expect(PROMPT, 60)
        text = self.guest.console.text[at:].decode().replace("\r", "")
        return text.partition("\n==BEGIN\n")[2].rpartition("==END\n")[0]

    async def sleeps(self, seconds: int) -> None:
        """A task in the background sleeps so long, and has begun to: it was the shell's copy before."""
        await self.ask(f"sleep {seconds} & until grep -q '(sleep) S' /proc/$!/stat; do true; done")

    async def rests(self) -> None:
        """Nothing of what was asked for is still at work: a prompt is there before its shell sleeps."""
        async with asyncio.timeout(60):
            while any(task.letter == "R" and task.pid for task in await self.guest.debugger.linux.tasks()):
                pass

    async def stands(self) -> None:
        """All that is seen of it from here on is of one moment."""
        await self.rests()
        await self.guest.debugger.pause()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def debian() -> AsyncIterator[Debian]:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    phone = Handset(load_models()["galaxy-s2"])
    guest = await phone.start(image, options=RunOptions(rate="max"))
    await guest.console.expect(PROMPT, 240)
    yield Debian(guest)
    await phone.close()


@pytest.fixture
def view(debian: Debian) -> LinuxView:
    view: LinuxView = debian.guest.debugger.linux
    return view


async def test_its_own_symbols_are_found(debian: Debian, view: LinuxView) -> None:
    kernel = await view.find()
    await debian.ask("echo 0 > /proc/sys/kernel/kptr_restrict")
    assert int(await debian.ask("grep -vc '\\[' /proc/kallsyms")) <= len(kernel.layer.names)
    for line in (await debian.ask("awk 'NR % 1500 == 1 && NF == 3' /proc/kallsyms")).splitlines():
        address, letter, name = line.split()
        if letter in "tT":
            found = kernel.layer.names.beginning(name, 50, exact=True)
            assert int(address, 16) in [symbol.address for symbol in found]
    assert view.symbols.address("init_task") is not None, "which is no code"
    assert view.release == (await debian.ask("uname -r")).strip()
    notes = bytes.fromhex((await debian.ask("hexdump -v -e '1/1 \"%02x\"' /sys/kernel/notes; echo")).strip())
    assert bytes.fromhex(view.build_id) in notes


async def test_its_tasks_are_those_of_ps(debian: Debian, view: LinuxView) -> None:
    await debian.sleeps(1000)
    await debian.sleeps(1001)
    listed = {}
    for line in (await debian.ask("ps -o pid,ppid,stat,comm")).splitlines()[1:]:
        pid, parent, stat, name = line.split(None, 3)
        listed[int(pid)] = (int(parent), stat[0], name)
    await debian.rests()
    tasks = {task.pid: task for task in await view.tasks()}
    assert tasks.pop(0).name == "swapper/0"
    gone = {pid for pid in listed if listed[pid][2] == "ps"}
    others = {
        listed[pid][2] if pid in listed else tasks[pid].name for pid in (set(listed) - gone) ^ set(tasks)
    }
    assert all(name.startswith("kworker/") for name in others), "which come and go with the work"
    for pid, task in tasks.items():
        if pid not in listed:
            continue
        parent, letter, name = listed[pid]
        assert task.parent == parent
        assert name.startswith(task.name), "of workers ps says what they work on too"
        assert task.letter == letter or letter == "R" or name.startswith("kworker")
        assert task.kernel_thread == (pid == 2 or parent == 2)
    assert view.problems == []
    assert [task.name for task in tasks.values()].count("sleep") == 2


async def test_a_zombie_is_one(debian: Debian, view: LinuxView) -> None:
    await debian.ask("sh -c 'true & exec sleep 999' & sleep 1")
    zombies = [task for task in await view.tasks() if task.letter == "Z"]
    assert len(zombies) == 1


async def test_the_current_task_is_the_one_that_works(debian: Debian, view: LinuxView) -> None:
    """Each time that a program reads a file: by the kernel's register, and in user mode by its stack."""
    debugger = debian.guest.debugger
    kernel = await view.find()
    read = kernel.layer.names.named("vfs_read")
    assert read is not None
    debian.guest.console.write(b"echo =GO; while true; do busybox sha256sum /bin/busybox; done > /dev/null\r")
    await debian.guest.console.expect("^=GO$", 30)
    names = set()
    async with asyncio.timeout(180):
        await debugger.pause()
        for _ in range(12):
            await debugger.run_to(read.address)
            registers = await debugger.registers()
            current = await view.current(registers)
            assert current is not None
            names.add(current.name)
            in_user_mode = registers | {"cpsr": 0x10, "sp_svc": current.stack + 8192}
            assert await view.current(in_user_mode) == current
        await debugger.resume()
    debian.guest.console.write(b"\x03")
    await debian.ask("true")
    assert names & {"busybox", "sha256sum"}, names


async def test_its_modules_and_their_symbols(debian: Debian, view: LinuxView) -> None:
    listed = {}
    for line in (await debian.ask("cat /proc/modules")).splitlines():
        name, size, _, _, state, base, *_ = line.split()
        listed[name] = (int(size), state.lower(), int(base, 16))
    modules = await view.modules()
    assert {module.name: (module.size, module.state, module.base) for module in modules} == listed
    assert set(listed) >= KERNEL_MODULES
    for line in (await debian.ask("grep '\\[evdev\\]' /proc/kallsyms")).splitlines():
        address, letter, name, _ = line.split()
        if letter in "tT" and not name.startswith("$"):
            place = view.symbols.name(int(address, 16))
            assert place is not None and place.symbol.file == "evdev"
            names = [symbol.name for symbol in view.symbols.search(name)]
            assert name in names
    await debian.ask("rmmod evdev")
    assert "evdev" not in [module.name for module in await view.modules()]
    assert "evdev" not in [layer.name for layer in view.symbols.layers]
    await debian.ask("modprobe evdev")


async def test_its_log_is_that_of_dmesg(debian: Debian, view: LinuxView) -> None:
    await debian.ask("echo '<3>Hello from a test' > /dev/kmsg")
    said = (await debian.ask("dmesg")).splitlines()
    await debian.stands()
    lines = await view.log()
    assert await view.log(5) == lines[-5:] and await view.log(0) == []
    await debian.guest.debugger.resume()
    shown = [str(line).splitlines() for line in lines]
    assert [row for rows in shown for row in rows][: len(said)] == said, "the kernel may go on to speak"
    assert ("Hello from a test", 3) in [(line.text, line.level) for line in lines[-3:]]


async def test_a_sleeping_task_has_a_call_stack(debian: Debian, view: LinuxView) -> None:
    await debian.sleeps(1002)
    await debian.stands()
    tasks = await view.tasks()
    stacks = {
        task.name: [
            frame.place.symbol.name if frame.place is not None else "?"
            for frame in await view.stack(task.pid)
        ]
        for task in tasks
        if task.registers
    }
    with pytest.raises(DebugError, match="no task 99999"):
        await view.stack(99999)
    await debian.guest.debugger.resume()
    assert stacks["sleep"][:3] == ["__schedule", "schedule", "do_nanosleep"]
    assert "ret_fast_syscall" in stacks["sleep"][-1]
    assert stacks["kthreadd"] == ["__schedule", "schedule", "kthreadd", "ret_from_fork"]


async def test_a_stopped_kernel_has_a_call_stack(debian: Debian, view: LinuxView) -> None:
    """In the middle of a system call, where the next instruction is."""
    debugger = debian.guest.debugger
    where = view.symbols.address("vfs_read")
    assert where is not None
    async with asyncio.timeout(60):
        await debugger.pause()  # or it may be through with it before
        debian.guest.console.write(b"cat /proc/version\r")
        await debugger.run_to(where)
    registers = await debugger.registers()
    frames = await call_stack(debugger, registers, view.symbols)
    names = [frame.place.symbol.name if frame.place is not None else "?" for frame in frames]
    assert names[:2] == ["vfs_read", "ksys_read"] and frames[1].how == "link register"
    current = await view.current(registers)
    assert current is not None and current.pid > 0
    await debugger.resume()
    await debian.ask("true")


async def test_an_interrupt_in_a_module_has_a_call_stack(debian: Debian, view: LinuxView) -> None:
    """From a module's function through the interrupt's frame to what was interrupted."""
    debugger = debian.guest.debugger
    await view.modules()
    where = view.symbols.address("virtinput_recv_events")
    assert where is not None
    async with asyncio.timeout(120):
        await debian.stands()
        debian.guest.touch(10, 20, "down")
        debian.guest.touch(10, 20, "up")
        await debugger.run_to(where)
        await debugger.step(8)
    frames = await call_stack(debugger, await debugger.registers(), view.symbols)
    names = [frame.place.symbol.name if frame.place is not None else "?" for frame in frames]
    assert names[:3] == ["virtinput_recv_events", "vring_interrupt", "vm_interrupt"]
    assert frames[2].place is not None and frames[2].place.symbol.file == "virtio_mmio"
    at = names.index("__irq_svc")
    assert names[3] == "__handle_irq_event_percpu" and "gic_handle_irq" in names[:at]
    assert {"do_idle", "cpu_startup_entry", "rest_init"} <= set(names[at:]) or "__schedule" in names[at:]
    await debugger.resume()
    await debian.ask("true")


async def test_its_past_is_seen_as_it_was(debian: Debian, view: LinuxView) -> None:
    debugger = debian.guest.debugger
    await debugger.timeline.start()
    before = (await debugger.pause()).position
    await debugger.resume()
    await debian.sleeps(1003)
    await debian.sleeps(1004)
    await debian.ask("rmmod evdev")

    async def seen() -> tuple[int, bool]:
        names = [task.name for task in await view.tasks()]
        modules = [module.name for module in await view.modules()]
        return names.count("sleep"), "evdev" in modules

    now = await seen()
    await debugger.go_to(before + 400)
    assert debugger.in_past
    assert await seen() == (now[0] - 2, True) and not now[1]
    await debugger.return_to_present()
    assert await seen() == now
    await debugger.timeline.stop()
    await debian.ask("modprobe evdev")


async def test_a_system_map_of_another_build_is_noticed(
    debian: Debian, view: LinuxView, tmp_path: Path
) -> None:
    kernel = await view.find()
    functions = [symbol for symbol in kernel.layer.names.all() if symbol.kind == "function"]
    for name, shift in (("System.map-right", 0), ("System.map-wrong", 0x40)):
        path = tmp_path / name
        path.write_text("".join(f"{each.address + shift:08x} T {each.name}\n" for each in functions))
        file = await view.symbols.open(path, debian.guest.debugger)
        assert file.differs is bool(shift)
        problem = " ".join(file.problems)
        assert ("another build" in problem and "functions are at other addresses" in problem) is bool(shift)
        assert (view.symbols.layers[-1] is file) is bool(shift)
        await view.symbols.remove(file)


async def test_symbols_of_another_kernel_are_noticed(debian: Debian, view: LinuxView) -> None:
    """A guest that is no Linux, and one whose kernel is not there any more."""

    class Nothing:
        async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
            return bytes(size) if physical and address < RAM_BASE + (64 << 20) else b""

    with pytest.raises(DebugError, match="no Linux kernel"):
        await LinuxView(Nothing()).tasks()
    before = await view.find()
    assert await view.find() is before
    await debian.guest.debugger.reset()
    with pytest.raises(DebugError, match="not in memory"):
        await view.tasks()
    await debian.guest.debugger.resume()
    await debian.guest.console.expect(PROMPT, 240)
    assert len(await view.tasks()) > 30
    assert [layer.name for layer in view.symbols.layers].count("kernel") == 1
