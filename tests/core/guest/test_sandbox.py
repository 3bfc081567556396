"""A guest's process, once its board is built, can work on what it has and on nothing else."""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.guest import sandbox

INSIDE = """
import os, socket, subprocess, threading
from pocketvisor.guest import sandbox
from pocketvisor.guest.confine import confine

def attempt(name, action):
    try:
        action()
    except OSError as error:
        print(name, "refused")
    else:
        print(name, "worked")

kept = open("/etc/hostname")
confine(os.getppid())
sandbox.enter()
attempt("read", lambda: open("/etc/passwd"))
attempt("write", lambda: open("/tmp/pocketvisor-escape", "w"))
attempt("list", lambda: os.listdir("/"))
attempt("socket", lambda: socket.socket(socket.AF_UNIX))
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("execute", lambda: os.execv("/bin/true", ["true"]))
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("kept", lambda: kept.read())
attempt("memfd", lambda: os.memfd_create("x"))
attempt("thread", lambda: threading.Thread(target=print).start())
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the deny list is x86-64's")
def test_nothing_new_can_be_reached() -> None:
    ran = subprocess.run([sys.executable, "-c", INSIDE], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    told = dict(line.split() for line in ran.stdout.splitlines() if line)
    calls = {name: told[name] for name in ("socket", "fork", "execute", "kill")}
    assert set(calls.values()) == {"refused"}
    assert {told[name] for name in ("kept", "memfd", "thread")} == {"worked"}
    if sandbox.landlock_version():
        assert {told[name] for name in ("read", "write", "list")} == {"refused"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the deny list is x86-64's")
async def test_a_running_guest_is_inside(start: Callable[..., Any]) -> None:
    guest = await start()
    for task in Path(f"/proc/{guest.pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2"), status["Name"]
