"""Benchmarks: Pocketvisor beside QEMU in one run. README.md says what each figure is; run.py runs them."""

from typing import NamedTuple


class Benchmark(NamedTuple):
    """A benchmark's name on the command line, its module here, and what it measures."""

    name: str
    module: str
    title: str


BENCHMARKS = (
    Benchmark("linux", "linux", "Debian's kernel to /init, and six userspace jobs"),
    Benchmark("mmio", "mmio", "an access to a device's register"),
    Benchmark("network", "network", "TCP between two guests, and through passt"),
    Benchmark("pair", "pair", "two guests at once on two cores, each against alone"),
    Benchmark("memory", "memory", "host memory of one 256 MiB guest at the installer's first dialog"),
    Benchmark("sharing", "sharing", "two and four Debians of one image: host memory, sharing and not"),
    Benchmark("starts", "starts", "Debian to a shell, twenty times"),
    Benchmark("processes", "processes", "a guest's process: the time until it is ready, and its memory"),
    Benchmark("panes", "panes", "the window with four 60 Hz panes and graphs"),
    Benchmark("latency", "latency", "a key or a touch to changed pixels in the pane"),
    Benchmark("gpu", "gpu", "a guest that draws its whole panel 60 times a second"),
    Benchmark("disk", "disk", "a disk's sequential and random access"),
    Benchmark("phone", "phone", "Debian's phone from power to a desktop that can be touched"),
    Benchmark("firmware", "firmware", "U-Boot to its prompt, Debian's installer to its first dialog"),
    Benchmark("moving", "moving", "a running guest moves between handsets"),
    Benchmark("between", "between", "a running guest moves between machines"),
    Benchmark("keeping", "keeping", "snapshots, restores and clones of a running guest"),
    Benchmark("profile", "profile", "a profile's file: saving 256 MiB, what changed, and reading a chunk"),
    Benchmark("recording", "recording", "a recorded guest, and its past"),
    Benchmark("tracing", "tracing", "a guest whose accesses, exceptions and blocks are written down"),
    Benchmark("debugging", "debugging", "a guest with a breakpoint, with a watchpoint, and stepped"),
    Benchmark("timetravel", "timetravel", "recording and going back, against QEMU's record and replay"),
    Benchmark("qos", "qos", "60 % reserved while the neighbour spins, and how long the foreground waits"),
    Benchmark("idle", "idle", "host CPU of four guests that wait"),
    Benchmark("hostile", "hostile", "a hostile guest beside a working one"),
    Benchmark("attack", "attack", "a hostile guest's whole set against its neighbour and its host"),
)
"""All of them. A new one is a module with `async def measure(bench: Bench) -> list[Figure]` and a line."""
