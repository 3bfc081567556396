"""A replay goes on from any moment of a recorded life and comes to what the guest was: RAM, registers, disk,
picture and devices. From any place of a replay a guest goes on live."""

import os
import random
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from typing import Any

import pytest

from pocketvisor.board.config import ConsoleConfig, DevicesConfig, ImageFiles, NetworkConfig
from pocketvisor.board.map import RAM_BASE
from pocketvisor.guest.ram import Ram
from pocketvisor.images.catalogue import catalogue

pytestmark = [
    pytest.mark.guest_process,
    pytest.mark.debian,
    pytest.mark.skipif(shutil.which("mke2fs") is None, reason="e2fsprogs is not installed"),
]

WORK = (
    "ls -l /bin | tail -30 > /dev/tty0; cp -r /etc /bin /mnt; sync",
    "for n in 1 2 3; do dd if=/dev/urandom of=/mnt/$n bs=64k count=8 2>/dev/null; sync; done",
    "rm -r /mnt/etc; gzip -c /mnt/1 > /mnt/gz; ls -lR /mnt | tail > /dev/tty0",
    "umount /mnt; mount -t ext4 /dev/vda /mnt; md5sum /mnt/?; sync",
)
NOBODY = {"/virtio/0/device/down", "/virtio/1/device/pressed"}
"""Of a state: what is pressed. In a replay nobody presses anything."""
DISK = "4"
TAKEN = {f"/virtio/{DISK}/slot/positions", f"/virtio/{DISK}/device/flushes"}
"""Of a state: what the disk was asked and has not answered, because it is to be durable first. In a replay a
request is taken when the log answers it."""


def new_disk() -> int:
    with tempfile.NamedTemporaryFile() as file:
        os.truncate(file.fileno(), 24 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", file.name], check=True)
        return os.dup(file.fileno())


def is_clean(content: bytes) -> bool:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        done = subprocess.run(["e2fsck", "-fn", file.name], capture_output=True, text=True)
        return done.returncode == 0


@cache
def at_prompt() -> tuple[Any, Any]:
    """Debian with all that the board can have, its disk mounted; and the moment of that."""
    from built_board import config
    from replayed_lives import PROMPT, Life

    from pocketvisor.board.loaders import load

    image = catalogue()["debian"]
    if not image.available:
        pytest.skip("Debian is not fetched: pocketvisor guests fetch debian")
    devices = DevicesConfig(
        display="gpu", rng=True, balloon=0, console=ConsoleConfig(), network=NetworkConfig()
    )
    board_config = config(128, devices=devices, deterministic=False)
    files = ImageFiles(kind=image.kind, main=image.main_file, initrd=image.initrd, append=image.append)
    plan = load(files, board_config)
    ram = Ram(board_config.ram_size)
    for address, content in plan.writes:
        os.pwrite(ram.own, content, address - RAM_BASE)
    life = Life(board_config, plan.entry, new_disk(), ram=ram)
    life.expect(PROMPT)
    life.ask("dmesg -n 1; modprobe ext4; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt")
    life.ask("killall udhcpc; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up")
    return life, life.moment()


def recorded(*, threads: bool = False, network: Any = None) -> Any:
    """A life from there on."""
    life, moment = at_prompt()
    wire = network.theirs if network is not None else -1
    return life.branch(moment, threads=threads, wire=wire)


def live(life: Any, network: Any, chance: random.Random) -> list[Any]:
    """Work with everything at once; moments of it."""
    moments = [life.moment()]
    for line in WORK:
        life.board.console_input(f"{line}; echo =$?=\n".encode())
        steps = chance.randrange(8, 24)
        kept = chance.randrange(steps)
        for step in range(steps):
            network.talk(chance)
            if chance.random() < 0.3:
                phase = chance.choice(("down", "up", "move"))
                life.board.touch(chance.randrange(320), chance.randrange(480), phase)
            if chance.random() < 0.3:
                life.board.key(30, chance.random() < 0.5)
            life.run(chance.randrange(100_000, 4_000_000))
            if step == kept:
                moments.append(life.moment())
        life.expect(b"=0=\r")
    return [*moments, life.moment()]


def in_a_flush(life: Any) -> Any:
    """A moment at which the guest waits for what it has written to be durable, which takes long just now."""
    durable = threading.Event()
    (disk,) = life.board._disks
    life.board.hold()
    life.board.loop.offload(durable.wait, lambda _: None)
    life.board.release()
    life.board.console_input(b"echo more > /mnt/more; sync; echo =$?=\n")
    while not disk._flushes.unanswered:
        life.run(100_000)
    moment = life.moment()
    durable.set()
    life.expect(b"=0=\r")
    assert moment.devices[DISK]["device"]["flushes"]
    return moment


def is_there(replay: Any, until: Any) -> Any:
    """Checks that a replay has come to a moment; the moment as it is in the replay."""
    from replayed_lives import differences

    assert (replay.machine.ticks(), replay.machine.registers()) == (until.ticks, until.registers)
    assert replay.ram.digest() == until.ram.digest()
    now = replay.moment()
    others = {name for name, _, _ in differences(now.state, until.state)} - NOBODY
    assert not others or (others <= TAKEN and lacks_what_waits(now.devices[DISK], until.devices[DISK]))
    assert now.content == until.content
    assert (now.scanout, now.panel) == (until.scanout, until.panel)
    return now


def lacks_what_waits(replayed: dict[str, Any], lived: dict[str, Any]) -> bool:
    """The one disk has not taken the last requests of those that the other keeps waiting."""
    (theirs,), (ours,) = lived["slot"]["positions"], replayed["slot"]["positions"]
    behind, waiting = theirs - ours & 0xFFFF, lived["device"]["flushes"]
    return 0 < behind <= len(waiting) and replayed["device"]["flushes"] == waiting[:-behind]


@pytest.mark.parametrize("threads", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_replay_from_any_moment_comes_to_every_later_one(threads: bool) -> None:
    """`threads`: the devices worked when they got to it, as in a guest's process."""
    from replayed_lives import Network

    network = Network()
    life = recorded(threads=threads, network=network)
    moments = live(life, network, random.Random(5))
    if threads:
        moments += [in_a_flush(life), life.moment()]
    assert not threads or len(network.heard) > 5, "the guest has answered"
    network.close()
    for index, since in enumerate(moments[:-1]):
        replay = life.replay(since)
        for until in moments[index + 1 :] if index == 0 else moments[index + 1 : index + 2]:
            replay.come_to(life, until)
            is_there(replay, until)
        replay.close()
    life.close()


def test_a_moment_of_a_replay_is_as_good_as_one_of_the_life() -> None:
    """For replays from there, and however the replay was cut into runs."""
    from replayed_lives import Network

    network, chance = Network(), random.Random(3)
    life = recorded(network=network)
    moments = live(life, network, chance)
    network.close()
    first, last = moments[0], moments[-1]
    place = first
    while place.ticks < last.ticks:
        replay = life.replay(place)
        end = min(last.ticks, place.ticks + chance.randrange(50_000_000, 200_000_000))
        while replay.machine.ticks() < end:
            replay.run_to(min(end, replay.machine.ticks() + chance.randrange(1, 20_000_000)))
        place = replay.moment()
        replay.close()
    replay = life.replay(place)
    replay.come_to(life, last)
    is_there(replay, last)
    replay.close()
    life.close()


@pytest.mark.parametrize("threads", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_guest_goes_on_live_from_any_place_of_a_replay(threads: bool) -> None:
    """With its disk in the midst of writing: it finishes what it did, and leaves a clean file system."""
    chance = random.Random(11)
    life = recorded(threads=threads)
    begin = life.moment()
    life.board.touch(50, 60, "down")
    life.board.console_input(f"{'; '.join(WORK)}; echo =$?=\n".encode())
    life.expect(b"=0=\r")
    end = life.moment()
    busy = (end.ticks - begin.ticks) * 9 // 10  # behind it the guest may have said already that it is through
    for place in sorted(begin.ticks + chance.randrange(busy) for _ in range(2)):
        replay = life.replay(begin)
        replay.run_to(place)
        branch = life.branch(replay.moment(), threads=threads)
        branch.expect(b"=0=\r")
        branch.ask("cat /proc/bus/input/devices > /dev/tty0")
        branch.ask("echo alive > /mnt/file; cp /mnt/file /mnt/2; umount /mnt")
        after = branch.moment()
        assert is_clean(after.content)
        assert after.scanout != begin.scanout
        assert not after.devices["0"]["device"]["known"], "the finger has left"
        assert branch.machine.ticks() > place
        replay.close()
        branch.close()
    life.close()
