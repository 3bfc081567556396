"""Debian moves between phones while it works, comes back from its profile, and gives memory back to fit."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from kept_debian import BOOT_SECONDS, PROMPT, Booted

from pocketvisor.api import (
    Guest,
    GuestImage,
    GuestState,
    Handset,
    NetworkSpec,
    OutOfMemory,
    RunOptions,
    catalogue,
    load_models,
    move,
)

pytestmark = pytest.mark.debian

_SUM = "busybox dd if=/dev/urandom of=/tmp/x bs=64k count=64 2>/dev/null; sha256sum /tmp/x"


@pytest.fixture
def image() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    return image


@pytest.fixture
async def phones() -> AsyncIterator[list[Handset]]:
    """Of three makers: two with 1 GiB, one with 256 MiB."""
    models = load_models()
    phones = [Handset(models[name]) for name in ("galaxy-s2", "htc-one-s", "nokia-n900")]
    yield phones
    for phone in phones:
        await phone.close()


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for one, and a ledger of this test's own."""
    monkeypatch.setattr("pocketvisor.profile.ledger.ledger_path", lambda: tmp_path / "ledger.sqlite")
    return tmp_path / "debian.vphone"


async def _booted(phone: Handset, image: GuestImage, **options: object) -> Guest:
    guest = await phone.start(image, options=RunOptions(rate="max", **options))  # type: ignore[arg-type]
    await guest.console.expect(PROMPT, BOOT_SECONDS)
    return guest


async def _says(guest: Guest, command: str, pattern: str, seconds: float = 60) -> str:
    guest.console.write(f"{command}\r".encode())
    found = await guest.console.expect(pattern, seconds)
    await guest.console.expect(PROMPT, 60)
    return found[0]


async def _replies(guest: Guest) -> int:
    """To its pings, as its kernel has counted them: the program itself has room for twenty at a time, and
    more come at once where a busy computer took its time for a move."""
    column = (
        '/^Icmp:/ { if (!at) { for (n = 1; n <= NF; n++) if ($n == "InEchoReps") at = n } else print $at }'
    )
    said = await _says(guest, f"echo came $(awk '{column}' /proc/net/snmp) replies", r"^came \d+ replies")
    return int(said.split()[1])


async def test_its_work_goes_on_over_twenty_moves(phones: list[Handset], booted: Booted) -> None:
    guest = await booted.start(phones[0])
    expected = await _says(guest, _SUM, "^[0-9a-f]{64}")
    guest.console.write(b"for i in $(seq 60); do sha256sum /tmp/x; done | uniq -c; echo FIN$((1))SHED\r")
    for number in range(20):
        await move(guest, phones[(number + 1) % 2])
    await guest.console.expect(f"^ +60 {expected}", 120)
    await guest.console.expect("^FIN1SHED", 60)


async def test_pings_cross_a_move(phones: list[Handset], image: GuestImage) -> None:
    network = NetworkSpec(mode="switch", switch="moves")
    pinging, moving = await asyncio.gather(*(_booted(phones[n], image, network=network) for n in (0, 1)))
    for number, guest in enumerate((pinging, moving), start=1):
        setup = f"ip addr add 10.9.0.{number}/24 dev eth0; ip link set eth0 up; echo UP$((1))"
        await _says(guest, setup, "^UP1")
    await _says(pinging, "until ping -c 1 -W 1 10.9.0.2 >/dev/null; do :; done; echo THE$((1))RE", "^THE1RE")
    before = await _replies(pinging)
    pinging.console.write(b"ping -c 100 -i 0.01 10.9.0.2\r")
    await pinging.console.expect(r"seq=9 ", 60)
    await move(moving, phones[0])
    await pinging.console.expect(r"^100 packets transmitted, ", 120)
    await pinging.console.expect(PROMPT, 60)
    assert await _replies(pinging) - before >= 99


async def test_it_gives_memory_back_to_fit_and_is_refused_with_the_figures(
    phones: list[Handset], image: GuestImage
) -> None:
    large, _, small = phones
    wants_less = msgspec.structs.replace(image, least_ram_mib=128)
    guest = await _booted(large, wants_less, ram_mib=320, parts=("balloon",))
    await _says(guest, "modprobe virtio_balloon; echo BAL$((1))", "^BAL1")
    report = await move(guest, small)
    assert report.balloon_mib >= 64 and guest.ram_held_mib <= 256 and small.ram_used_mib <= 256
    assert guest.state is GuestState.RUNNING and guest.handset is small
    await _says(guest, "echo al$((1))ive", "^al1ive")
    other = await large.start(catalogue()["personal"], options=RunOptions(ram_mib=320))
    assert not other.has_balloon
    with pytest.raises(OutOfMemory, match="MiB of RAM left"):
        await move(other, small)
    assert other.handset is large and other.state is GuestState.RUNNING


async def test_every_restore_of_a_generation_ends_alike(
    phones: list[Handset], image: GuestImage, profile: Path
) -> None:
    """RAM and registers, after so many ticks, however it was loaded."""
    phone = phones[0]
    options = RunOptions(rate="max", deterministic=True, skip_idle=True, paused=True)
    guest = await phone.start(image, options=options)
    await guest.run_until(400_000_000)
    await guest.keep(profile)
    ends = []
    for _ in range(4):
        stop = await guest.run_until(guest.ticks + 20_000_000)
        cpu = msgspec.msgpack.decode(await guest.save())["machine"]["cpu"]
        ends.append((stop.ticks, await guest.digest(), cpu))
        await phone.remove(guest)
        guest = await phone.open_profile(profile, paused=True)
    assert ends.count(ends[0]) == len(ends)


async def test_it_goes_on_from_its_profile_on_another_phone(
    phones: list[Handset], booted: Booted, profile: Path
) -> None:
    guest = await booted.start(phones[0])
    expected = await _says(guest, _SUM, "^[0-9a-f]{64}")
    await _says(guest, "while sleep 0.05; do date > /tmp/now; done & echo BE$((1))GUN", "^BE1GUN")
    await guest.keep(profile)
    for _ in range(3):
        await guest.snapshot()
    assert guest.profile is not None and guest.profile.last is not None
    assert guest.profile.last.bytes < 5 << 20
    await guest.suspend()
    await phones[0].remove(guest)
    again = await phones[1].open_profile(profile)
    again.console.write(b"\r")
    await again.console.expect(PROMPT, 60)
    assert await _says(again, "sha256sum /tmp/x", "^[0-9a-f]{64}") == expected
