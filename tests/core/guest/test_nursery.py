"""Guests' processes are forks of one warm process, and whatever happens to it is told."""

import asyncio
import gc
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.api import Guest, GuestError, GuestImage, GuestState, Handset, RunOptions, load_models
from pocketvisor.guest import child, nursery
from pocketvisor.guest.nursery_process import MODULES

Start = Callable[..., Any]


@pytest.fixture
def own_nursery(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that no other test has, to be treated badly."""
    monkeypatch.setenv("LANG", f"C.UTF-8.{random.random()}")
    yield


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def held_by(pid: int) -> dict[Path, str]:
    """Its descriptors, but those that it closes meanwhile."""
    held = {}
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held[fd] = os.readlink(fd)
    return held


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


async def crashed(guest: Guest) -> str:
    await until(lambda: guest.state is GuestState.CRASHED)
    return guest.problem


async def test_guests_of_a_process_have_one_parent(start: Start) -> None:
    one, two = await start("One"), await start("Two")
    assert parent_of(one.pid) == parent_of(two.pid) != os.getpid()
    assert parent_of(parent_of(one.pid)) == os.getpid()


async def test_the_nursery_has_one_thread_and_nothing_of_a_guest(start: Start) -> None:
    guest = await start()
    folder = Path(f"/proc/{parent_of(guest.pid)}")
    assert len(list((folder / "task").iterdir())) == 1
    held = held_by(parent_of(guest.pid)).values()
    assert not [name for name in held if "pocketvisor-ram " in name or "pocketvisor-status" in name]


async def test_a_guest_has_its_own_descriptors_and_no_others(start: Start) -> None:
    one, two = await start("One"), await start("Two")
    held = held_by(two.pid)
    assert not [name for name in held.values() if "pidfd" in name]
    rams = {os.stat(fd).st_ino for fd, name in held.items() if name.startswith("/memfd:pocketvisor-ram ")}
    assert rams == {os.stat(two._run.boot.descriptors[0]).st_ino}
    assert os.stat(one._run.boot.descriptors[0]).st_ino not in rams


def test_what_is_imported_beforehand_exists() -> None:
    script = f"import importlib\nfor module in {MODULES!r}: importlib.import_module(module)"
    environment = os.environ | nursery.guest_environment()
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


async def test_a_guest_imports_nothing(start: Start) -> None:
    guest = await start(phone=True)
    before = {name for name in _mapped(parent_of(guest.pid)) if ".so" in name}
    assert {name for name in _mapped(guest.pid) if ".so" in name} == before


def _mapped(pid: int) -> set[str]:
    return {line.split(maxsplit=5)[-1].strip() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()}


@pytest.mark.usefixtures("own_nursery")
async def test_a_nursery_that_dies_takes_its_guests_and_the_next_has_a_new_one(start: Start) -> None:
    guest = await start()
    parent, pid = parent_of(guest.pid), guest.pid
    os.kill(parent, signal.SIGKILL)
    problem = await crashed(guest)
    assert "forked from, which was ended by signal 9 (SIGKILL)" in problem
    await until(lambda: is_gone(pid))
    await guest.restart()
    await guest.console.expect("monitor ready", timeout=60)
    assert parent_of(guest.pid) != parent


@pytest.mark.usefixtures("own_nursery")
async def test_a_nursery_that_hangs_is_given_up_and_costs_no_guest(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await start("One")
    parent = parent_of(guest.pid)
    monkeypatch.setattr(child, "BIRTH_SECONDS", 0.1)
    os.kill(parent, signal.SIGSTOP)
    try:
        with pytest.raises(GuestError, match="could not be started in"):
            await start("Two")
        monkeypatch.setattr(child, "BIRTH_SECONDS", 30)
        other = await start("Three")
        assert parent_of(other.pid) != parent
        guest.console.write(b"hello\r")
        await guest.console.expect("hello\n# ", timeout=60)
        pid = guest.pid
        await guest.kill()  # without the nursery's help
        assert is_gone(pid)
    finally:
        os.kill(parent, signal.SIGCONT)


@pytest.mark.usefixtures("own_nursery")
@pytest.mark.parametrize("waits_for", ["its nursery", "its own end"])
async def test_how_it_ended_is_told_though_somebody_stood_in_line(
    start: Start, monkeypatch: pytest.MonkeyPatch, waits_for: str
) -> None:
    """For three seconds, by the clock of the loop: the nursery that has to say it, or the dying process."""
    guest = await start()
    parent, loop = parent_of(guest.pid), asyncio.get_running_loop()
    process = guest._run._process
    now = loop.time
    if waits_for == "its nursery":
        os.kill(parent, signal.SIGSTOP)
        try:
            os.kill(guest.pid, signal.SIGKILL)
            await until(process._child._died.is_set)
            monkeypatch.setattr(loop, "time", lambda: now() + 3)
            for _ in range(10):
                await asyncio.sleep(0)
            assert guest.state is GuestState.RUNNING
        finally:
            os.kill(parent, signal.SIGCONT)
    else:
        process._channel._writer.transport.pause_reading()
        process._channel._reader.feed_eof()  # as its descriptors are closed some time before it is dead
        for _ in range(10):
            await asyncio.sleep(0)
        monkeypatch.setattr(loop, "time", lambda: now() + 3)
        for _ in range(10):
            await asyncio.sleep(0)
        os.kill(guest.pid, signal.SIGKILL)
    problem = await crashed(guest)
    assert "was ended by signal" in problem, problem


@pytest.mark.usefixtures("own_nursery")
async def test_a_nursery_that_never_says_how_a_guest_ended_is_given_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await start()
    parent, child_of = parent_of(guest.pid), guest._run._process._child
    monkeypatch.setattr(child, "WORD_SECONDS", 0.01)
    os.kill(parent, signal.SIGSTOP)
    try:
        os.kill(guest.pid, signal.SIGKILL)
        assert "nobody knows how" in await crashed(guest)
        assert child_of._nursery.given_up
        await guest.restart()
        assert parent_of(guest.pid) != parent
    finally:
        os.kill(parent, signal.SIGCONT)


async def test_a_guest_that_nobody_listens_to_is_ended(start: Start) -> None:
    guest = await start()
    pid = guest.pid
    guest._run._process._child._stop_hearing()
    await until(lambda: is_gone(pid))


def test_a_killed_handset_leaves_no_process(monitor_file: Path) -> None:
    script = (
        "import asyncio, sys, threading\n"
        "from pocketvisor.api import *\n"
        "async def main():\n"
        "    handset = Handset(load_models()['palm-pre'])\n"
        f"    image = image_from_files(elf=__import__('pathlib').Path({str(monitor_file)!r}))\n"
        "    guest = await handset.start(image)\n"
        "    print(guest.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "thread = threading.Thread(target=lambda: asyncio.run(main()))\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        pid = int(process.stdout.readline())
        parent = parent_of(pid)
        process.kill()
    asyncio.run(until(lambda: is_gone(pid) and is_gone(parent)))


def test_loops_in_threads_share_it_and_may_end_before_it(monitor_image: GuestImage) -> None:
    parents, done = [], threading.Barrier(2)

    def serve() -> None:
        async def work() -> None:
            handset = Handset(load_models()["palm-pre"])
            guest = await handset.start(monitor_image)
            parents.append(parent_of(guest.pid))
            done.wait(60)
            await handset.close()

        asyncio.run(work())

    for _ in range(2):  # the second time the thread that began it may be gone
        threads = [threading.Thread(target=serve) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert len(parents) == 4 and len(set(parents)) == 1


async def test_a_spare_that_was_killed_is_replaced(start: Start) -> None:
    guest = await start("One")
    spare = await a_spare(parent_of(guest.pid))
    os.kill(spare, signal.SIGKILL)
    await until(lambda: not Path(f"/proc/{spare}").exists())
    other = await start("Two")
    assert await a_spare(parent_of(guest.pid)) not in (spare, guest.pid, other.pid)


async def test_a_spare_is_the_next_guest_and_holds_nothing(start: Start) -> None:
    guest = await start("One")
    spare = await a_spare(parent_of(guest.pid))
    assert sorted(os.listdir(f"/proc/{spare}/fd"), key=int) == ["0", "1", "2", "3"]
    assert (await start("Two")).pid == spare


async def a_spare(parent: int) -> int:
    """The child of a nursery that waits for a guest."""
    waiting: list[int] = []

    def waits() -> bool:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        waiting[:] = [pid for pid in map(int, children) if not is_gone(pid) and len(fds_of(pid)) == 4]
        return bool(waiting)

    await until(waits)
    return waiting[0]


def fds_of(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []


async def test_many_are_born_at_once(handset: Handset, monitor_image: GuestImage) -> None:
    options = RunOptions(ram_mib=16, paused=True)
    guests = await asyncio.gather(*(handset.start(monitor_image, options=options) for _ in range(12)))
    assert len({guest.pid for guest in guests}) == 12


async def test_nothing_is_left_open(handset: Handset, monitor_image: GuestImage) -> None:
    await handset.remove(await handset.start(monitor_image))
    before = descriptors()
    for _ in range(3):
        guest = await handset.start(monitor_image)
        os.kill(guest.pid, signal.SIGKILL)
        await crashed(guest)
        await handset.remove(guest)
    # A thread of this process may look something up at this very moment; what is left behind stays.
    await until(lambda: sum(descriptors().values()) <= sum(before.values()))


def descriptors() -> Counter[str]:
    """What is open, without what only waits to be collected; inode numbers are left out."""
    gc.collect()
    found = Counter[str]()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            found[re.sub(r"\d+", "", os.readlink(f"/proc/self/fd/{number}"))] += 1
    return found


def test_one_that_nobody_used_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails after it was begun ends at once, however long it takes to be warm."""
    made = nursery.Nursery(nursery.guest_environment())
    os.kill(made.pid, signal.SIGSTOP)  # as if it took for ever
    done: list[str] = []
    kill, wait = made._process.kill, made._process.wait

    def killed() -> None:
        done.append("killed")
        kill()

    def waited(timeout: float | None = None) -> int:
        done.append("waited for")
        return wait(timeout)

    monkeypatch.setattr(made._process, "kill", killed)
    monkeypatch.setattr(made._process, "wait", waited)
    made.close()
    assert made._process.returncode == -signal.SIGKILL
    assert done[:2] == ["killed", "waited for"]


def test_without_standard_streams_a_guest_is_refused() -> None:
    async def born() -> None:
        await child.Child.born([2, 30])

    with pytest.raises(GuestError, match="standard input"):
        asyncio.run(born())
