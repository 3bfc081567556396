"""Debian calls the keys service in another guest, with its own drivers. Its key is nowhere but there."""

import asyncio
import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kept_debian import BOOT_SECONDS, PROMPT, Booted

from pocketvisor.api import Guest, GuestImage, Handset, RunOptions, catalogue, load_models, move
from pocketvisor.devices import vsock_wire
from pocketvisor.guest.exchange import services_of
from pocketvisor.policies.act import Act
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.signing import DocumentKind, sign

pytestmark = pytest.mark.debian

SOURCES = Path(__file__).parents[3] / "sample_guests"
MARK = b"pocketvisor keys"
KEY = 32
ABOUT, PROTECT, LICENSE, PLAY, BILL = range(1, 6)
FILM = b"a film that nobody else is to see"


@pytest.fixture
async def phones() -> AsyncIterator[list[Handset]]:
    models = load_models()
    phones = [Handset(models[name]) for name in ("galaxy-s2", "htc-one-s")]
    yield phones
    for phone in phones:
        await phone.close()


async def start_keys(phone: Handset) -> Guest:
    keys = await phone.start(catalogue()["keys"], options=RunOptions(rate="max"))
    await keys.console.expect("serves port 7000", 60)
    return keys


class Debian:
    """A shell that calls the service: messages go in and out of files, as octal and as hexadecimal."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._count = 0

    async def ask(self, command: str) -> str:
        mark = self._count = self._count + 1
        self.guest.console.write(f"echo begin-$(({mark})); {command}; echo end-$(({mark}))\r".encode())
        found = await self.guest.console.expect(rf"(?s)^begin-{mark}\n(.*?)^end-{mark}\n", 120)
        await self.guest.console.expect(PROMPT, 60)
        return found[1]

    async def call(self, *messages: bytes) -> list[bytes]:
        """Sends them on one connection; the answers, whole."""
        await self.ask(": > /tmp/in")
        for message in messages:
            framed = struct.pack("<I", len(message)) + message
            for at in range(0, len(framed), 200):
                octal = "".join(f"\\{byte:03o}" for byte in framed[at : at + 200])
                await self.ask(f"printf '{octal}' >> /tmp/in")
        shown = await self.ask("vsock_pipe 7000 < /tmp/in > /tmp/out; od -An -v -tx1 /tmp/out")
        data, answers = bytes.fromhex(shown), []
        while data:
            (length,) = struct.unpack_from("<I", data)
            answers.append(data[4 : 4 + length])
            data = data[4 + length :]
        return answers

    async def done(self, operation: int, body: bytes = b"") -> bytes:
        (answer,) = await self.call(struct.pack("<B3xI", operation, 7) + body)
        assert answer[:8] == struct.pack("<B3xI", 0, 7), answer
        return answer[8:]


async def test_a_film_is_played(phones: list[Handset], booted: Booted) -> None:
    phone = phones[0]
    keys = await start_keys(phone)
    debian = Debian(await booted.start(phone))
    account = (await debian.done(ABOUT))[16:32]
    assert account.rstrip(b"\0") == b"guest" + debian.guest.id.encode()
    protected = await debian.done(PROTECT, FILM)
    licence = await debian.done(LICENSE, struct.pack("<II16s", 3, 5, account) + protected[:80])
    played = await debian.done(PLAY, licence + protected)
    assert played == struct.pack("<II", 2, 5) + FILM
    two = await debian.call(*[struct.pack("<B3xI", BILL, tag) for tag in (1, 2)])
    assert two[0][8:] == two[1][8:] == struct.pack("<QQIII", 5, 5, 1, 1, 0)
    calls = "1"
    async with asyncio.timeout(120):
        while calls != "0":  # that the call is over may be heard after what is typed
            keys.console.write(b"accounts\r")
            calls = (await keys.console.expect(rf"{debian.guest.name} +(\d+) calls, 1 plays, owes 5,"))[1]


async def test_calls_end_with_a_move_and_the_service_is_found_again(
    phones: list[Handset], booted: Booted
) -> None:
    here, there = phones
    keys = await start_keys(here)
    debian = Debian(await booted.start(here))
    events: list[str] = []
    debian.guest.on("event", events.append)
    key = (await debian.done(ABOUT))[8:16]
    await debian.ask("mkfifo /tmp/f; (vsock_pipe 7000 < /tmp/f 2> /tmp/over) & exec 6> /tmp/f")
    await eventually(lambda: services_of(here)[0].calling == ("Debian",))
    await move(debian.guest, there)
    await eventually(lambda: services_of(here)[0].calling == ())
    assert "failed" in await debian.ask("echo more >&6; wait; cat /tmp/over")
    assert await debian.ask("vsock_pipe 7000 < /dev/null 2>&1") == "connect failed\n"
    assert f"no other guest on {there.name} offers a service" in events[-1]
    await move(keys, there)
    assert (await debian.done(ABOUT))[8:16] == key


async def eventually(promise: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not promise():
            await asyncio.sleep(0.02)


async def test_it_goes_on_when_debian_is_killed_in_a_call(phones: list[Handset], booted: Booted) -> None:
    phone = phones[0]
    await start_keys(phone)
    debian = Debian(await booted.start(phone))
    await debian.ask("for n in 1 2 3; do (sleep 1000 | vsock_pipe 7000) & done; true")
    await eventually(lambda: services_of(phone)[0].calling == ("Debian",) * 3)
    await debian.guest.kill()
    await eventually(lambda: services_of(phone)[0].calling == ())
    await debian.guest.restart()
    await debian.guest.console.expect(PROMPT, BOOT_SECONDS)
    assert len(await debian.done(ABOUT)) == 32


@pytest.fixture
def own_data(kept_debian: tuple[GuestImage, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the image was found, and before there is a handset."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.mark.usefixtures("own_data")
async def test_its_own_policy_keeps_debian_from_calling(
    booted: Booted, phones: list[Handset], tmp_path: Path
) -> None:
    phone = phones[0]
    await start_keys(phone)
    debian = Debian(await booted.start(phone))
    guest = debian.guest
    await guest.keep(tmp_path / "debian.vphone")
    assert guest.profile is not None
    assert (await debian.done(ABOUT))[16:32] == guest.profile.file.id
    key = AuthorityKey.new()

    async def apply(number: int, services: str) -> None:
        assert guest.profile is not None
        file = guest.profile.file
        text = (
            f'[policy]\nprofile = "{file.id.hex()}"\nnumber = {number}\norganisation = "Acme"\n'
            f"issued = {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n[services]\nallowed = {services}\n"
        )
        document = sign(text, DocumentKind.POLICY, key)
        await asyncio.to_thread(deliver, document, file.id, file=file)

    def refused() -> bool:
        return bool(guest.allows(Act.CALL_SERVICE, service="keys"))

    await apply(1, "false")
    await eventually(refused)
    events: list[str] = []
    guest.on("event", events.append)
    assert await debian.ask("vsock_pipe 7000 < /dev/null 2>&1") == "connect failed\n"
    assert "Acme" in events[-1]
    await apply(2, '["keys"]')
    await eventually(lambda: not refused())
    assert len(await debian.done(ABOUT)) == 32


# The key


@pytest.fixture(scope="module")
def derive(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The service's cipher, for this computer."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("cipher") / "cipher.so"
    command = [compiler, "-O2", "-shared", "-fPIC", f"-I{SOURCES / 'lib'}", "-o", str(library)]
    subprocess.run([*command, SOURCES / "keys" / "chacha20_poly1305.c"], check=True, timeout=60)
    return ctypes.CDLL(str(library))


def descriptors_of(guest: Guest) -> list[int]:
    """All the memory and all the disks of it that its handset holds: what its process inherits."""
    boot = guest.run.boot
    found = [*boot.ram.descriptors, guest.panel.memory_fd, *guest.peripherals.descriptors]
    return [fd for fd in found if os.fstat(fd).st_size]


def contents(guest: Guest) -> Iterator[bytes]:
    """All that is there of them; what was never written is left out."""
    for fd in descriptors_of(guest):
        at, size = 0, os.fstat(fd).st_size
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(fd, at, os.SEEK_HOLE)
            yield os.pread(fd, end - at, at)
            at = end


def secrets_of(keys: Guest, derive: ctypes.CDLL) -> list[bytes]:
    """The root and the keys made of it, as they are in the service's RAM."""
    for memory in contents(keys):
        at = -1
        while (at := memory.find(MARK, at + 1)) >= 0:
            after = memory[at + len(MARK) : at + len(MARK) + 4 * KEY]
            made = ctypes.create_string_buffer(KEY)
            derive.hchacha20(made, after[:KEY], b"for content.....")
            if made.raw == after[KEY : 2 * KEY]:
                return [after[n : n + KEY] for n in range(0, 4 * KEY, KEY)]
    raise AssertionError("the service has no key")


def places_of(memory: bytes, secrets: list[bytes]) -> list[int]:
    """Where any eighth of any of them is."""
    parts = [secret[n : n + 8] for secret in secrets for n in range(0, KEY, 8)]
    return [at for part in parts if (at := memory.find(part)) >= 0]


async def test_its_key_is_in_no_other_guest_on_no_disk_and_on_no_wire(
    phones: list[Handset],
    booted: Booted,
    derive: ctypes.CDLL,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    phone, wires = phones[0], bytearray()
    unpack = vsock_wire.unpack

    def heard(packet: bytes) -> object:
        wires.extend(packet)
        return unpack(packet)

    monkeypatch.setattr("pocketvisor.guest.vsock_link.unpack", heard)
    keys = await start_keys(phone)
    secrets = secrets_of(keys, derive)
    assert len(set(secrets)) == 4
    debian = Debian(await booted.start(phone))
    personal = await phone.start(catalogue()["personal"], options=RunOptions(rate="max"))
    account = (await debian.done(ABOUT))[16:32]
    protected = await debian.done(PROTECT, FILM)
    licence = await debian.done(LICENSE, struct.pack("<II16s", 9, 1, account) + protected[:80])
    for _ in range(3):
        assert (await debian.done(PLAY, licence + protected))[8:] == FILM
    await asyncio.to_thread(debian.guest.run.boot.ram.complete)  # all that it was saved with is here
    await debian.guest.pause()
    await personal.pause()

    scanned = 0
    for guest in (debian.guest, personal):
        for memory in contents(guest):
            scanned += len(memory)
            assert places_of(memory, secrets) == [], guest.name
    assert scanned > 32 << 20
    assert FILM in bytes(wires), "the wires were listened to"
    assert protected[:80] in bytes(wires)
    assert places_of(bytes(wires), secrets) == []
    kept = tmp_path / "debian.vphone"
    monkeypatch.setattr("pocketvisor.profile.ledger.ledger_path", lambda: tmp_path / "ledger.sqlite")
    await debian.guest.keep(kept)
    assert places_of(kept.read_bytes(), secrets) == []

    # The same search finds it where it is, and finds what the caller was given.
    assert any(places_of(memory, secrets) for memory in contents(keys))
    assert any(memory.find(FILM) >= 0 for memory in contents(debian.guest))
