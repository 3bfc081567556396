"""Takes a defence away, for one test: in the guests' processes by a sitecustomize that their nursery finds,
in a process that runs a probe by not confining it."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pocketvisor.attack.attacker import asked
from pocketvisor.attack.probes.tally import Ask, Told
from pocketvisor.guest import nursery

_RUN = """
import importlib, os, resource, sys, threading
import msgspec
from pocketvisor.attack.probes.tally import Ask, Tally
from pocketvisor.guest import sandbox
from pocketvisor.guest.confine import confine
module, confined = sys.argv[1], sys.argv[2] == "confined"
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
ask = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Ask)
probe = importlib.import_module(f"pocketvisor.attack.probes.{module}").PROBES[ask.probe]
paper = os.memfd_create("paper")
os.write(paper, bytes(4096))
if confined:
    confine(os.getppid())
    sandbox.enter()
    sandbox.seal_threads()
if sys.argv[3] == "busy":
    sys.setswitchinterval(0.0005)
    threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
tally = Tally(ask)
probe(tally)
os.write(1, msgspec.msgpack.encode(tally.told()))
"""


_SITE = """
import os
def take_away():
    with open({source!r}) as file:
        exec(compile(file.read(), {source!r}, "exec"), {{}})
os.register_at_fork(after_in_child=take_away)
"""


class Unguarded:
    """From now on each guest's process of these tests runs what it is given here, before anything else of
    ours. They are all of one nursery: a defence is taken away where its child begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._source = folder / "taken_away.py"
        self.by("")
        (folder / "sitecustomize.py").write_text(_SITE.format(source=str(self._source)))
        monkeypatch.setenv("PYTHONPATH", str(folder))
        assert nursery.guest_environment()["PYTHONPATH"].endswith(str(folder))

    def by(self, source: str) -> None:
        """What takes the defence away."""
        self._source.write_text(source)


def probed(module: str, name: str, *, confined: bool, target: int, busy: bool = False) -> Told:
    """What a probe comes to in a process of its own. `busy`: another thread of it works all the time."""
    ask: Ask = asked(name, [target])
    ran = subprocess.run(
        [
            *(sys.executable, "-c", _RUN, module),
            *("confined" if confined else "free", "busy" if busy else "alone"),
        ],
        input=msgspec.msgpack.encode(ask),
        capture_output=True,
        timeout=60,
        env=nursery.guest_environment(),  # with the library of overrides
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return msgspec.msgpack.decode(ran.stdout, type=Told)
