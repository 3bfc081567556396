"""The keys service, a real guest, and callers that a hostile program has taken over."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from exchange_party import KEYS, Party
from keys_caller import (
    BILL,
    DAMAGED,
    FULL,
    HEADER,
    LICENCE,
    LICENSE,
    MALFORMED,
    NOT_YOURS,
    OTHER_KEY,
    PLAY,
    PROTECT,
    TAG,
    USED_UP,
    Bill,
    KeysCaller,
    KeysError,
)

from pocketvisor.api import Guest, Handset, RunOptions, catalogue, load_models
from pocketvisor.devices import vsock_wire as wire
from pocketvisor.guest.call_wire import MESSAGE_MAX
from pocketvisor.guest.exchange import services_of

FILM = b"a film, in the clear. " * 300


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["nexus-one"])
    yield phone
    await phone.close()


@pytest.fixture
async def keys(phone: Handset) -> Guest:
    keys = await phone.start(catalogue()["keys"], options=RunOptions(rate="max"))
    await keys.console.expect("serves port 7000", 60)
    return keys


Call = Callable[..., Awaitable[KeysCaller]]


@pytest.fixture
async def call(phone: Handset, keys: Guest) -> AsyncIterator[Call]:
    """A new party that has called the service."""
    parties: list[Party] = []

    async def call(name: str = "Caller", profile: bytes = b"") -> KeysCaller:
        parties.append(Party(phone, name, profile=profile))
        return await KeysCaller.connect(parties[-1])

    yield call
    for party in parties:
        await party.close()


async def account(caller: KeysCaller) -> bytes:
    return (await caller.about())[3]


async def refused(work: Awaitable[object]) -> int:
    with pytest.raises(KeysError) as error:
        await work
    return error.value.status


async def test_content_is_protected_licensed_and_played(call: Call) -> None:
    owner, player = await call("Studio", b"studio's profile"), await call("Player", b"player's profile")
    assert await account(player) == b"player's profile"
    protected = await owner.protect(FILM)
    assert FILM[:16] not in protected
    assert len(protected) == HEADER + len(FILM) + TAG
    licence = await owner.license(protected, b"player's profile", plays=2, price=7)
    assert await player.play(licence, protected) == (1, 7, FILM)
    assert await player.play(licence, protected) == (0, 7, FILM)
    assert await refused(player.play(licence, protected)) == USED_UP
    assert await player.bill() == Bill(owed=14, earned=0, plays=2, licences=0, refused=1)
    assert await owner.bill() == Bill(owed=0, earned=14, plays=0, licences=0, refused=0)


async def test_the_same_content_is_never_protected_alike(call: Call) -> None:
    owner = await call()
    first, second = await owner.protect(FILM), await owner.protect(FILM)
    assert first[HEADER:] != second[HEADER:]
    assert first[16:32] != second[16:32]


async def test_only_the_owner_gives_out_licences(call: Call) -> None:
    owner, thief = await call("Studio"), await call("Thief")
    protected, own = await owner.protect(FILM), await thief.protect(b"mine")
    assert await refused(thief.license(protected, await account(thief))) == NOT_YOURS
    relabelled = own[:16] + protected[16:32] + own[32:HEADER]  # the film's id under the thief's name
    assert await refused(thief.license(relabelled, await account(thief))) == DAMAGED


async def test_a_licence_is_one_players_and_of_one_content(call: Call) -> None:
    owner, player, thief = await call("Studio"), await call("Player"), await call("Thief")
    film, song = await owner.protect(FILM), await owner.protect(b"a song")
    licence = await owner.license(film, await account(player), plays=5)
    assert await refused(thief.play(licence, film)) == NOT_YOURS
    assert await refused(player.play(licence, song)) == NOT_YOURS
    assert (await player.play(licence, film))[2] == FILM


async def test_whatever_is_changed_in_it_nothing_opens_and_nothing_is_charged(call: Call) -> None:
    caller = await call()
    protected = await caller.protect(b"sixteen or more bytes")
    licence = await caller.license(protected, await account(caller), plays=1000, price=1)
    whole = licence + protected
    statuses = set()
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        status = await refused(caller.ask(PLAY, bytes(changed)))
        statuses.add(status)
        assert status in (MALFORMED, OTHER_KEY, DAMAGED), at
    assert statuses == {MALFORMED, OTHER_KEY, DAMAGED}
    bill = await caller.bill()
    assert (bill.owed, bill.plays, bill.refused) == (0, 0, len(whole))
    assert await caller.play(licence, protected) == (999, 1, b"sixteen or more bytes")


async def test_sizes_at_their_bounds(call: Call) -> None:
    caller = await call()
    content = bytes(range(256)) * 32
    protected = await caller.protect(content)
    licence = await caller.license(protected, await account(caller))
    assert (await caller.play(licence, protected))[2] == content
    assert await refused(caller.protect(content + b"x")) == MALFORMED
    assert await refused(caller.protect(b"")) == MALFORMED
    assert await refused(caller.ask(PROTECT, bytes(MESSAGE_MAX - 8))) == MALFORMED
    for plays, price in ((0, 1), (1_000_001, 1), (1, 1_000_001), (0xFFFFFFFF, 0)):
        assert await refused(caller.license(protected, bytes(16), plays, price)) == MALFORMED


async def test_who_hoards_licences_hoards_their_own(call: Call) -> None:
    hoarder, other = await call("Hoarder"), await call("Other")
    protected = await hoarder.protect(b"x")
    for _ in range(32):
        await hoarder.license(protected, await account(other))
    assert await refused(hoarder.license(protected, await account(other))) == FULL
    own = await other.protect(b"y")
    assert (await other.play(await other.license(own, await account(other)), own))[2] == b"y"


async def test_an_owner_takes_a_licence_back(call: Call) -> None:
    owner, player = await call("Studio"), await call("Player")
    protected = await owner.protect(FILM)
    licences = [await owner.license(protected, await account(player), plays=5) for _ in range(32)]
    assert await refused(player.revoke(licences[0])) == NOT_YOURS
    assert (await player.play(licences[0], protected))[0] == 4
    await owner.revoke(licences[0])
    assert await refused(player.play(licences[0], protected)) == USED_UP
    assert await refused(owner.revoke(licences[0])) == USED_UP
    changed = licences[1][:48] + bytes([9]) + licences[1][49:]
    assert await refused(owner.revoke(changed)) == DAMAGED
    assert await refused(owner.revoke(licences[1] + b"x")) == MALFORMED
    again = await owner.license(protected, await account(player))
    assert (await player.play(again, protected))[2] == FILM


async def test_messages_that_are_none(call: Call) -> None:
    caller = await call()
    for message in (b"", b"\x05", bytes([BILL, 0, 0, 0]), bytes([BILL, 1, 0, 0, 9, 9, 9, 9])):
        await caller.send(message)
        assert (await caller.receive())[0] == MALFORMED
    for operation in (0, 7, 255):
        assert await refused(caller.ask(operation)) == MALFORMED
    for operation, body in ((BILL, b"x"), (LICENSE, bytes(103)), (PLAY, bytes(LICENCE + HEADER + TAG - 1))):
        assert await refused(caller.ask(operation, body)) == MALFORMED
    assert (await caller.bill()).refused == 10


async def test_random_messages(call: Call) -> None:
    caller, other = await call("Fuzzer"), await call("Other")
    dice = random.Random(12)
    protected = await caller.protect(b"content")
    licence = await caller.license(protected, await account(caller), plays=1_000_000)
    for _ in range(400):
        body = bytearray(dice.choice([protected, licence, licence + protected, dice.randbytes(200), b""]))
        for _ in range(dice.randrange(4)):
            if body:
                body[dice.randrange(len(body))] = dice.choice([0, 1, 0xFF, dice.randrange(256)])
        await caller.send(
            struct.pack("<B3sI", dice.randrange(8), dice.choice([b"\0\0\0", b"\0\0\1"]), 1) + body
        )
        answer = await caller.receive()
        assert answer[0] <= FULL
    assert (await other.bill()).refused == 0


async def test_a_caller_that_does_not_read_holds_up_nobody(call: Call) -> None:
    """Its answers pile up to the bounds, and it waits; others are answered."""
    glutton, other = await call("Glutton"), await call("Other")

    async def ask_on() -> None:
        while True:
            await glutton.send(struct.pack("<B3xI", PROTECT, 1) + bytes(8000))

    flood = asyncio.create_task(ask_on())
    for _ in range(50):
        assert (await other.protect(b"x" * 100))[:6] == b"PVPROT"
    flood.cancel()
    await asyncio.gather(flood, return_exceptions=True)


async def test_callers_that_die_in_the_midst(call: Call, keys: Guest) -> None:
    for number in range(40):
        caller = await call(f"Short-lived {number}", bytes([number]) * 16 if number % 2 else b"")
        await caller.send(struct.pack("<B3xI", PROTECT, 1) + bytes(500))
        if number % 3 == 0:
            await caller.party.says(wire.DATA, caller.stream, 0, b"\x10\0\0\0half")
        if number % 2:
            caller.party.link.end()
        else:
            await caller.party.says(wire.RESET)
    caller = await call("Last")
    assert (await caller.bill()).plays == 0
    assert services_of(keys.handset)[0].calling == ("Last",)


async def test_after_a_reset_it_has_another_key(call: Call, keys: Guest, phone: Handset) -> None:
    before = await call("Before", b"the same profile")
    protected = await before.protect(FILM)
    key = (await before.about())[2]
    await keys.reset()
    await keys.console.expect("serves port 7000", 60)
    with pytest.raises(EOFError):
        await before.receive()
    after = await call("After", b"the same profile")
    assert (await after.about())[2] != key
    assert await refused(after.license(protected, b"the same profile")) == OTHER_KEY


async def test_restored_it_goes_on(call: Call, keys: Guest) -> None:
    """Its calls have ended, on both sides; what was protected still opens."""
    caller = await call()
    protected = await caller.protect(FILM)
    licence = await caller.license(protected, await account(caller), plays=2)
    await keys.pause()
    await keys.put_back(await keys.save())
    await keys.resume()
    with pytest.raises(EOFError):
        await caller.receive()
    again = await KeysCaller.connect(caller.party, 2)
    assert await again.play(licence, protected) == (1, 0, FILM)
    assert services_of(keys.handset)[0].calling == ("Caller",)


async def test_two_lives_from_one_state_draw_other_numbers(call: Call, keys: Guest, phone: Handset) -> None:
    """A clone has the key, and what it offers is not called until somebody says so."""
    clone = await phone.clone(keys)
    assert [service.guest for service in services_of(phone)] == ["Keys"]
    first = await call()
    protected = await first.protect(FILM)
    await phone.remove(keys)
    assert clone.calls is not None
    clone.calls.set_offers([KEYS])
    second = await call()
    assert (await second.about())[2] == protected[8:16], "the same key"
    assert (await second.protect(FILM))[16:60] != protected[16:60]


async def test_a_program_of_the_users_has_no_account(phone: Handset, tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    keys = await phone.start(catalogue()["keys"], options=RunOptions(rate="max", vsock=folder))
    await keys.console.expect("serves port 7000", 60)
    reader, writer = await asyncio.open_unix_connection(folder / "vsock")
    writer.write(f"CONNECT {KEYS.port}\n".encode())
    assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"OK ")
    forged = struct.pack("<I8sII16s64s", 96, b"PVCALL\0\1", 1, KEYS.port, b"studio's profile", b"Studio")
    writer.write(forged)
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    await writer.wait_closed()


async def test_a_recording_of_its_calls_comes_again(phone: Handset) -> None:
    """What callers say enters it as all else does: a replay, where nobody calls, ends alike."""
    image = catalogue()["keys"]
    keys = await phone.start(image, options=RunOptions(rate="max", record=True))
    await keys.console.expect("serves port 7000", 60)
    party = Party(phone, "Caller")
    caller = await KeysCaller.connect(party)
    protected = await caller.protect(FILM)
    licence = await caller.license(protected, await account(caller))
    assert (await caller.play(licence, protected))[2] == FILM
    await party.close()
    recording = await keys.recording()
    await phone.remove(keys)
    replay = await phone.start(image, options=RunOptions(replay=recording, rate="max", skip_idle=True))
    assert replay.offers == ()
    async with asyncio.timeout(60):
        stop = await replay.wait_stopped()
    assert (stop.kind, stop.ticks) == ("limit", recording.end.ticks)
    assert await replay.digest() == recording.end.digest
