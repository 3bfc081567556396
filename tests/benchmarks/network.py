"""TCP throughput with iperf3: guest to guest on the switch, and through passt to this machine and from it.

The peers: two QEMUs on a stream socket between them, and one QEMU on a passt of its own that is started in
just the same way. Timed is a fixed amount of data by this machine's clock, from the line before iperf3 to the
line after it, so that no guest's own clock has a say.
"""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from pocketvisor.errors import PocketvisorError
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage, image_from_files
from pocketvisor.network.passt import Passt
from pocketvisor.network.spec import NetworkSpec

from . import ours, qemu
from .bench import Bench, CannotMeasure
from .figures import Figure
from .network_files import NetworkFiles, network_files
from .timing import LineStamps, take_turns

_GOAL = 0.5
_BOOT_SECONDS = 120.0
_RUN_SECONDS = 120.0
_APPEND = "console=tty0 console=ttyAMA0"
_SWITCH, _UP, _DOWN = "guest to guest", "through passt, sent", "through passt, received"
_QEMU_CARD = "virtio-net-device,netdev=wire,mac="
_MODERN = ("-global", "virtio-mmio.force-legacy=false")

Write = Callable[[str], object]


class Shell:
    """A guest's shell on its serial port."""

    def __init__(self, console: LineStamps, write: Write) -> None:
        self.console = console
        self._write = write
        self._commands = 0

    async def ready(self) -> "Shell":
        await self.console.line("Pocketvisor Debian: ready", _BOOT_SECONDS)
        await self.run("killall udhcpc; stty -echo; dmesg -n 1")
        # The kernel collects its first randomness here, which takes a second, and not in iperf3.
        await self.run("head -c 64 /dev/urandom > /dev/null")
        return self

    async def run(self, command: str) -> float:
        """Seconds of this machine's time that it took."""
        self._commands += 1
        start, mark = len(self.console.stamps), f"MARK{self._commands}"
        self._write(f"echo {mark}''-BEGIN; {command}; echo {mark}''-END $?\n")
        begin = await self.console.line(f"{mark}-BEGIN", _RUN_SECONDS, start)
        end = await self.console.line(f"{mark}-END", _RUN_SECONDS, start)
        return end.wall - begin.wall

    async def address(self, address: str) -> None:
        await self.run(f"ip addr flush dev eth0; ip addr add {address}/24 dev eth0; ip link set eth0 up")

    async def send(self, server: str, megabytes: int, options: str = "") -> float:
        """Megabits a second. RuntimeError where iperf3 fails."""
        start = len(self.console.stamps)
        seconds = await self.run(f"iperf3 -c {server} -n {megabytes}M -i 0 {options} && echo IPERF-OK")
        await self.console.line("^IPERF-OK", 1, start)
        return megabytes * 8.388608 / seconds


async def measure(bench: Bench) -> list[Figure]:
    """Megabits a second, and the ratio to QEMU's."""
    if problem := qemu.missing():
        raise CannotMeasure(problem)
    if not (server := shutil.which("iperf3")):
        raise CannotMeasure("iperf3 is not installed: `apt-get install iperf3` brings it")
    if not shutil.which("passt"):
        raise CannotMeasure("passt is not installed: `apt-get install passt` brings it")
    try:
        files = await network_files(bench.folder)
    except PocketvisorError as missing:
        raise CannotMeasure(str(missing)) from missing
    size = 32 if bench.quick else 128
    image = image_from_files(
        kernel=files.kernel, initrd=files.initrd, append=_APPEND, name="net", ram_mib=256
    )
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]] = {
        "ours": partial(_ours_once, image, size, server),
        "QEMU": partial(_qemu_once, files, size, server, bench.folder),
    }
    results = await take_turns(contenders, bench.rounds(3, 1), bench.say)
    figures = []
    for name in (_SWITCH, _UP, _DOWN):
        figure = Figure(name=name, unit="Mbit/s", ours=results["ours"][name], peer=results["QEMU"][name])
        figure.peer_name, figure.more_is_better = "QEMU", True
        figure.judge, figure.goal = "ratio", _GOAL
        figures.append(figure)
    return figures


async def _ours_once(image: GuestImage, size: int, server: str) -> dict[str, float]:
    async with ours.handset() as phone:

        async def start(spec: NetworkSpec) -> Shell:
            running = await ours.start(phone, image, RunOptions(rate="max", network=spec))
            write = running.guest.console.write
            return await Shell(running.console, lambda text: write(text.encode())).ready()

        async with asyncio.TaskGroup() as group:
            pair = [group.create_task(start(NetworkSpec(mode="switch", switch="bench"))) for _ in range(2)]
        speeds = await _between(*(one.result() for one in pair), size=size)
        for guest in list(phone.guests):
            await phone.remove(guest)
        shell = await start(NetworkSpec(mode="user", reach_host=True))
        network = phone.guests[0].network
        assert network is not None
        return speeds | await _through_passt(shell, network.state.address.gateway, size, server)


async def _qemu_once(files: NetworkFiles, size: int, server: str, folder: Path) -> dict[str, float]:
    path = folder / "wire.sock"
    path.unlink(missing_ok=True)
    async with AsyncExitStack() as stack:
        pair = []
        for number, role in enumerate(("on", "off")):
            wire = f"stream,id=wire,server={role},addr.type=unix,addr.path={path}"
            mac = f"02:00:00:00:01:{number:02x}"
            pair.append(await stack.enter_async_context(_qemu_shell(files, wire, mac)))
            while not path.exists():  # the second finds the first's socket
                await asyncio.sleep(0.05)
        async with asyncio.TaskGroup() as group:
            for one in pair:
                group.create_task(one.ready())
        speeds = await _between(*pair, size=size)
    passt, end = await Passt.start((), reach_host=True, on_end=lambda passt, sentence: None)
    try:
        wire = f"stream,id=wire,server=off,addr.type=fd,addr.str={end.fileno()}"
        async with _qemu_shell(files, wire, "02:00:00:00:01:03", end) as shell:
            await shell.ready()
            return speeds | await _through_passt(shell, passt.address.gateway, size, server)
    finally:
        end.close()
        await passt.stop()


@asynccontextmanager
async def _qemu_shell(
    files: NetworkFiles, netdev: str, mac: str, end: socket.socket | None = None
) -> AsyncIterator[Shell]:
    machine = (*qemu.VIRT, *_MODERN, "-netdev", netdev, "-device", _QEMU_CARD + mac)
    handed = (end.fileno(),) if end is not None else ()
    async with qemu.running(
        machine, files.kernel, initrd=files.initrd, append=_APPEND, descriptors=handed
    ) as running:
        yield Shell(running.console, running.write)


async def _between(client: Shell, server: Shell, *, size: int) -> dict[str, float]:
    await client.address("10.7.0.1")
    await server.address("10.7.0.2")
    await server.run("iperf3 -s -D")
    await client.run("until ping -c 1 -W 1 10.7.0.2; do :; done >/dev/null")
    return {_SWITCH: await client.send("10.7.0.2", size)}


async def _through_passt(shell: Shell, gateway: str, size: int, program: str) -> dict[str, float]:
    await shell.run("udhcpc -i eth0 -s /etc/dhcp -q -n -t 10 -T 2 -S")
    server = await asyncio.create_subprocess_exec(
        program,
        *("-s", "-B", "127.0.0.1", "-p", "5201", "--forceflush"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert server.stdout is not None
    draining = None
    try:
        while b"listening" not in await server.stdout.readline():
            if server.returncode is not None:
                raise CannotMeasure("iperf3 found its port 5201 taken")
        draining = asyncio.create_task(server.stdout.read())
        return {_UP: await shell.send(gateway, size), _DOWN: await shell.send(gateway, size, "-R")}
    finally:
        server.kill()
        await server.wait()
        if draining is not None:
            await draining
