"""A guest's process, once its board is built, can work on what it has and on nothing else."""

import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.guest import landlock, seccomp
from pocketvisor.guest.sandbox import FILE_ROOM
from pocketvisor.services.workbench import describe

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter's list is x86-64's")
NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")

INSIDE = """
import fcntl, os, resource, socket, sys, threading
from pocketvisor.guest import landlock, sandbox, seccomp
from pocketvisor.guest.confine import confine

def attempt(name, action):
    try:
        action()
    except (OSError, RuntimeError, ValueError) as error:
        print(name, "refused")
    else:
        print(name, "worked")

kept = open("/etc/hostname")
paper = os.memfd_create("paper")
confine(os.getppid())
LAYER
attempt("read", lambda: open("/etc/passwd"))
attempt("write", lambda: open("ESCAPE", "w").close())
attempt("list", lambda: os.listdir("/"))
attempt("stat", lambda: os.stat("/etc/passwd"))
attempt("socket", lambda: socket.socket(socket.AF_UNIX))
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("memfd", lambda: os.memfd_create("x"))
attempt("pipe", lambda: os.pipe())
files = resource.RLIMIT_NOFILE
attempt("limit", lambda: resource.setrlimit(files, resource.getrlimit(files)))
attempt("grow", lambda: os.pwrite(paper, b"x", 1 << 40))
attempt("kept", lambda: kept.read())
attempt("unlock", lambda: fcntl.flock(kept.fileno(), fcntl.LOCK_UN))
attempt("size", lambda: os.fstat(kept.fileno()))
attempt("thread", lambda: threading.Thread(target=int).start())
SEALED
attempt("late", lambda: threading.Thread(target=int).start())
attempt("execute", lambda: os.execv("/bin/true", ["true"]))
"""


def told(layer: str, sealed: str = "") -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        return _told(layer, sealed, f"{folder}/escape")


def _told(layer: str, sealed: str, escape: str) -> dict[str, str]:
    script = INSIDE.replace("LAYER", layer).replace("SEALED", sealed).replace("ESCAPE", escape)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return dict(line.split() for line in ran.stdout.splitlines() if line)


def refused(answers: dict[str, str]) -> set[str]:
    return {name for name, answer in answers.items() if answer == "refused"}


PATHS = {"read", "write", "list"}
CALLS = {"socket", "fork", "kill", "memfd", "pipe", "limit", "execute", "unlock"}


def test_nothing_new_can_be_reached() -> None:
    """But what is at a path can be asked for, where the library of overrides is not in the process."""
    assert refused(told("sandbox.enter()", "sandbox.seal_threads()")) == {*PATHS, *CALLS, "grow", "late"}


def test_without_it_all_of_that_works() -> None:
    assert not refused(told(""))


def test_the_filter_alone_holds_it() -> None:
    assert refused(told("seccomp.allow_only(os.getpid())")) >= {*PATHS, *CALLS, "stat"}


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_landlock_alone_keeps_all_paths() -> None:
    assert refused(told("landlock.allow_nothing()")) >= PATHS


@pytest.mark.skipif(not NUMBERS.is_file(), reason="needs Linux's headers")
def test_each_call_has_its_own_number() -> None:
    known = {name: int(number) for name, number in re.findall(r"__NR_(\w+) (\d+)", NUMBERS.read_text())}
    listed = seccomp.ALLOWED | {name: rule.number for name, rule in seccomp.RULES.items()}
    assert listed == {name: known[name] for name in listed}


async def test_a_running_guest_says_what_it_has_given_up(start: Callable[..., Any]) -> None:
    """And the kernel says the same of each of its threads."""
    guest = await start()
    isolation = guest.isolation
    assert isolation.no_new_privileges and isolation.no_new_threads
    assert describe(guest.handset).guests[0].isolation == isolation  # what `pocketvisor ps --json` shows
    assert isolation.capabilities == 0
    assert isolation.calls_allowed == seccomp.calls_allowed()
    assert isolation.landlock == landlock.version()
    assert isolation.complete or not landlock.version()
    for task in Path(f"/proc/{guest.pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2"), status["Name"]
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh")} == {0}
    for name, value in isolation.limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        assert resource.prlimit(guest.pid, kind) == (value, value), name
    assert {"AS", "DATA", "FSIZE", "NOFILE", "CORE", "MEMLOCK"} <= set(isolation.limits)
    assert isolation.limits["FSIZE"] <= (64 << 20) + FILE_ROOM  # its flash is its largest file
