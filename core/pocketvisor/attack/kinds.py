"""All kinds of attack, in the order in which they are tried. A new one is a line here and what runs it:
a command of the hostile guest (sample_guests/hostile) or a probe (probes/)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from pocketvisor.attack.sheet import Kind
from pocketvisor.errors import GuestError


class Way(StrEnum):
    """How a kind is run."""

    SUITE = "suite"
    """A command of the hostile guest that counts by itself what was reached."""
    MODE = "mode"
    """A mode of the hostile guest, which goes on until it is ended; its neighbour says what was reached."""
    LOAD = "load"
    """The same, against a neighbour that runs: its share of the handset is what it wants."""
    PROBE = "probe"
    """Code in its process, which says what the kernel answered."""
    LIE = "lie"
    """Code in its process, which lies to the handset; the handset's loop says what was reached."""


class Run(NamedTuple):
    kind: Kind
    way: Way
    command: str
    """Of the hostile guest, or the module of the probe."""


_BUS = "Outside of its RAM and its devices there is nothing in a guest's address space"
_QUEUE = "A device judges each descriptor by a copy, and needs a reset where one cannot be"
_PROCESS = "A guest has a process of its own, with nothing of another guest in it"
_SHARES = "The scheduler hands out instructions, and a guest gets no more than its share"
_FILTER = "The list of system calls that a guest's process may make"
_PATHS = "Landlock and the list of system calls"
_BOUNDS = "Bounds on a guest process's resources"


def _suite(name: str, title: str, defence: str) -> Run:
    return Run(Kind(name, "guest", title, defence), Way.SUITE, name)


def _mode(name: str, mode: str, title: str) -> Run:
    return Run(Kind(name, "guest", title, _PROCESS), Way.MODE, mode)


def _load(name: str, mode: str, title: str) -> Run:
    return Run(Kind(name, "guest", title, _SHARES), Way.LOAD, mode)


def _probe(name: str, module: str, title: str, defence: str = _FILTER) -> Run:
    return Run(Kind(name, "engine", title, defence), Way.PROBE, module)


def _lie(name: str, title: str, defence: str) -> Run:
    return Run(Kind(name, "engine", title, defence), Way.LIE, "lies")


RUNS: Final = (
    _suite("addresses", "Reads and writes at addresses where nothing is", _BUS),
    _suite("dma-address", "Descriptors that name memory outside of its RAM", _QUEUE),
    _suite("dma-length", "Descriptors that reach beyond the end of its RAM", _QUEUE),
    _suite("descriptor-loop", "Chains of descriptors without an end", _QUEUE),
    _suite("descriptor-index", "Descriptors outside of their table", _QUEUE),
    _suite("indirect", "Tables within tables, and of half descriptors", _QUEUE),
    _suite("ring-place", "Rings outside of its RAM", _QUEUE),
    _suite("ring-index", "More requests than a queue holds", _QUEUE),
    _suite("queue-size", "Queues of impossible sizes", _QUEUE),
    _mode("registers", "mmio", "Storms of accesses to all devices"),
    _mode("wild-writes", "wild", "Writes of all widths to all addresses"),
    _mode("queue-garbage", "kick", "Random rings, sizes and places for all devices"),
    _mode("hypercalls", "hypercall", "Hypercalls of all numbers"),
    _mode("system-registers", "system", "System registers of all numbers, read and written"),
    _mode("random-code", "exec", "Random words, run as a program"),
    _mode("random-kernel-code", "exec-kernel", "Random words, run with all rights"),
    _mode("changing-code", "rewrite", "Code that replaces itself"),
    _mode("changing-pages", "remap", "Other pages under the same addresses, all the time"),
    _load("processor", "spin", "As many instructions as there are"),
    _load("interrupts", "timer", "Interrupts without a pause"),
    _load("all-memory", "fill", "All of its memory, over and over"),
    _load("console-flood", "flood", "Output without a pause"),
    _load("panel-flood", "noise", "Pictures without a pause"),
    _probe("files", "files", "Opening files of this computer", _PATHS),
    _probe("paths", "files", "Looking what is at a path"),
    _probe("file-changes", "files", "Making, renaming and deleting files", _PATHS),
    _probe("sockets", "processes", "Making sockets of all families"),
    _probe("connections", "processes", "Connecting, binding and listening"),
    _probe("signals", "processes", "Signals to other processes"),
    _probe("neighbour-memory", "processes", "Other processes' memory and descriptors"),
    _probe("neighbour-proc", "processes", "Other processes in /proc", _PATHS),
    _probe("forks", "processes", "New processes, plain and in namespaces"),
    _probe("programs", "processes", "Starting programs"),
    _probe("threads", "processes", "New threads", "No thread begins once a guest's process is ready"),
    _probe("kernel-doors", "kernel", "io_uring, userfaultfd, bpf, keys and other doors of the kernel"),
    _probe("namespaces", "kernel", "Namespaces, mounts and roots"),
    _probe("privileges", "kernel", "Other users, capabilities, priorities and personalities"),
    _probe("limits", "kernel", "Raising its own bounds"),
    _probe("system-calls", "kernel", "Each system call that is not on the list"),
    _probe("memory-hoard", "taking", "Address space without end", _BOUNDS),
    _probe("descriptor-hoard", "taking", "Descriptors without end", _BOUNDS),
    _probe("kernel-objects", "taking", "Pipes, shared memory, queues and timers of the kernel's"),
    _probe("shared-files", "taking", "Shrinking and growing what it shares with its handset", _BOUNDS),
    _lie("status-forgery", "Impossible values in its status page", "The handset checks what it reads there"),
    _lie("message-forgery", "Answers that nobody asked for", "A message is taken for its own guest's alone"),
    _lie("message-flood", "Messages without a pause", "The handset reads at a pace of its own"),
    _lie("message-garbage", "What is no message", "Who sends garbage is ended, and heard no more"),
)

KINDS: Final = tuple(run.kind for run in RUNS)


def chosen(names: Sequence[str]) -> tuple[Run, ...]:
    """In the order of RUNS; all for no names. Raises GuestError where there is no such kind."""
    known = {run.kind.name for run in RUNS}
    for name in names:
        if name not in known:
            raise GuestError(f"There is no kind of attack '{name}'; known are {', '.join(sorted(known))}")
    return tuple(run for run in RUNS if not names or run.kind.name in names)
