"""Calls from guest to guest, where the processes of both say whatever they like to the handset."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from exchange_party import KEYS, Party

from pocketvisor.devices import vsock_wire as wire
from pocketvisor.devices.vsock_wire import FROM_HANDSET, WINDOW, Message
from pocketvisor.errors import GuestError
from pocketvisor.guest import exchange, vsock_link
from pocketvisor.guest.call_wire import (
    KNOWN_PROFILE,
    MESSAGE_MAX,
    PROGRAM,
    Allowance,
    Messages,
    framed,
    introduction,
)
from pocketvisor.guest.exchange import CALLS_A_SECOND, CALLS_MAX, CALLS_OF_ONE, services_of
from pocketvisor.guest.options import GuestState
from pocketvisor.images.offers import Offer, parse_offers


def make_handset(name: str = "Phone") -> Any:
    return SimpleNamespace(name=name, guests=[])


@pytest.fixture
async def parties() -> AsyncIterator[tuple[Party, Party]]:
    handset = make_handset()
    caller, keys = Party(handset, "Caller"), Party(handset, "Keys", KEYS)
    handset.guests += [caller, keys]
    yield caller, keys
    await caller.close()
    await keys.close()


async def connected(caller: Party, keys: Party, number: int = 1) -> int:
    await caller.says(wire.CONNECT, number, KEYS.port)
    stream, _ = await keys.called()
    assert (await caller.hears(wire.ACCEPT)).stream == number
    return stream


async def test_a_message_each_way(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    await caller.says(wire.CONNECT, 1, KEYS.port)
    stream, who = await keys.called()
    assert who == framed(introduction(7000, "Caller", b"guestCaller1"))
    assert await caller.hears() == Message(wire.ACCEPT, 1)
    await caller.says(wire.DATA, 1, 0, framed(b"question"))
    assert (await keys.hears(wire.DATA)).data == framed(b"question")
    assert (await caller.hears(wire.CREDIT)).value == len(framed(b"question"))
    await keys.says(wire.DATA, stream, 0, framed(b"answer"))
    assert (await caller.hears(wire.DATA)).data == framed(b"answer")
    (now,) = services_of(caller.handset)
    assert (now.name, now.guest, now.problem, now.calling, now.calls) == ("keys", "Keys", "", ("Caller",), 1)
    assert now.messages == 1
    await caller.says(wire.CLOSE, 1)
    assert (await keys.hears(wire.CLOSE)).stream == stream
    assert services_of(caller.handset)[0].calling == ()


async def test_a_profile_is_an_account_that_stays(parties: tuple[Party, Party]) -> None:
    _, keys = parties
    kept = Party(keys.handset, "Kept", profile=b"0123456789abcdef")
    await kept.says(wire.CONNECT, 1, KEYS.port)
    _, who = await keys.called()
    assert who == framed(introduction(7000, "Kept", b"0123456789abcdef", KNOWN_PROFILE))
    await kept.close()


async def test_what_a_caller_says_first_comes_second(parties: tuple[Party, Party]) -> None:
    """A caller that introduces itself as somebody else is heard as itself before."""
    caller, keys = parties
    forged = framed(introduction(7000, "Work", b"fedcba9876543210", KNOWN_PROFILE))
    await caller.says(wire.CONNECT, 1, KEYS.port)
    await caller.says(wire.DATA, 1, 0, forged)
    _, who = await keys.called()
    assert b"Caller" in who
    assert (await keys.hears(wire.DATA)).data == forged


async def test_pieces_arrive_as_whole_messages(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    await connected(caller, keys)
    message = framed(bytes(range(256)) * 60)
    for at in range(0, len(message), 1000):
        await caller.says(wire.DATA, 1, 0, message[at : at + 1000])
    got = b""
    while len(got) < len(message):
        got += (await keys.hears(wire.DATA)).data
    assert got == message


async def test_half_a_message_never_reaches_the_service(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    await caller.says(wire.DATA, 1, 0, framed(b"x" * 100)[:50])
    await caller.says(wire.CLOSE, 1)
    assert await keys.hears() == Message(wire.CLOSE, stream)


async def test_too_long_a_message_ends_the_call(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    await caller.says(wire.DATA, 1, 0, struct.pack("<I", MESSAGE_MAX + 1))
    assert (await caller.hears(wire.CLOSE)).stream == 1
    assert await keys.hears() == Message(wire.CLOSE, stream)
    assert str(MESSAGE_MAX) in caller.notes[0]


async def test_the_last_answer_comes_though_the_service_hangs_up(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    await keys.says(wire.DATA, stream, 0, framed(b"last words"))
    await keys.says(wire.CLOSE, stream)
    assert (await caller.hears(wire.DATA)).data == framed(b"last words")
    assert (await caller.hears(wire.CLOSE)).stream == 1


async def test_a_caller_that_has_said_all_hears_the_answer(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    await caller.says(wire.DATA, 1, 0, framed(b"question"))
    await caller.says(wire.SHUTDOWN, 1)
    assert (await keys.hears(wire.SHUTDOWN)).stream == stream
    await keys.says(wire.DATA, stream, 0, framed(b"answer"))
    assert (await caller.hears(wire.DATA)).data == framed(b"answer")


@pytest.mark.parametrize("port", [1, 7001, 0xFFFFFFFF])
async def test_where_nobody_offers_anything(parties: tuple[Party, Party], port: int) -> None:
    caller, _ = parties
    for number in range(1, 4):
        await caller.says(wire.CONNECT, number, port)
        assert await caller.hears() == Message(wire.CLOSE, number)
    assert caller.notes == [f"calls port {port}, and no other guest on Phone offers a service there"]


async def test_a_service_does_not_call_itself(parties: tuple[Party, Party]) -> None:
    _, keys = parties
    await keys.says(wire.CONNECT, 1, KEYS.port)
    assert await keys.hears() == Message(wire.CLOSE, 1)


@pytest.mark.parametrize("side", [0, 1])
async def test_a_policy_of_either_side_forbids_it(parties: tuple[Party, Party], side: int) -> None:
    caller, _ = parties
    parties[side].refusal = "Acme's policy allows no services"
    for number in range(1, 6):
        await caller.says(wire.CONNECT, number, KEYS.port)
        assert await caller.hears() == Message(wire.CLOSE, number)
    assert caller.notes == ["Acme's policy allows no services"]
    assert parties[side].audited == ["Acme's policy allows no services"], "once, however often it tries"
    assert services_of(caller.handset)[0].refused == 5


@pytest.mark.parametrize("side", [0, 1])
async def test_a_policy_that_comes_later_ends_the_call(parties: tuple[Party, Party], side: int) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    parties[side].refusal = "not any more"
    await caller.says(wire.DATA, 1, 0, framed(b"question"))
    assert (await caller.hears(wire.CLOSE)).stream == 1
    assert await keys.hears() == Message(wire.CLOSE, stream)


async def test_calls_are_bounded(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    for number in range(CALLS_OF_ONE):
        await connected(caller, keys, number + 1)
    await caller.says(wire.CONNECT, 99, KEYS.port)
    assert await caller.hears() == Message(wire.CLOSE, 99)
    others = [Party(caller.handset, f"Other {number}") for number in range(CALLS_MAX // CALLS_OF_ONE)]
    for other in others[:-1]:
        for number in range(CALLS_OF_ONE):
            await connected(other, keys, number + 1)
    await others[-1].says(wire.CONNECT, 1, KEYS.port)
    assert await others[-1].hears() == Message(wire.CLOSE, 1)
    assert "16 calls" in others[-1].notes[0]
    for other in others:
        await other.close()


async def test_a_service_that_does_not_answer(
    parties: tuple[Party, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_ANSWER_SECONDS", 0.05)
    caller, keys = parties
    await caller.says(wire.CONNECT, 1, KEYS.port)
    assert await caller.hears() == Message(wire.CLOSE, 1)
    assert "Keys does not answer" in caller.notes[0]
    first = await keys.hears(wire.CONNECT)
    assert await keys.hears() == Message(wire.CLOSE, first.stream)
    await caller.says(wire.CONNECT, 2, KEYS.port)
    await keys.called(accept=False)
    assert await caller.hears() == Message(wire.CLOSE, 2)


@pytest.mark.parametrize("side", [0, 1])
async def test_a_process_that_is_gone_ends_its_calls(parties: tuple[Party, Party], side: int) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    parties[side].link.end()
    if side == 0:
        assert await keys.hears() == Message(wire.CLOSE, stream)
    else:
        assert await caller.hears() == Message(wire.CLOSE, 1)


@pytest.mark.parametrize("side", [0, 1])
async def test_a_guest_that_moves_away_ends_its_calls(parties: tuple[Party, Party], side: int) -> None:
    """Whatever its new process says, or does not."""
    caller, keys = parties
    stream = await connected(caller, keys)
    elsewhere = make_handset("Other phone")
    parties[side].moved(elsewhere)
    assert (await keys.hears(wire.CLOSE)).stream == stream
    assert (await caller.hears(wire.CLOSE)).stream == 1
    await caller.says(wire.CONNECT, 2, KEYS.port)
    assert await caller.hears() == Message(wire.CLOSE, 2)
    parties[1 - side].moved(elsewhere)
    await connected(caller, keys, 3)


async def test_the_first_at_a_port_has_it(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    other = Party(caller.handset, "Impostor", KEYS)
    caller.handset.guests.append(other)
    assert "came first" in services_of(caller.handset)[1].problem
    await connected(caller, keys)
    keys.state = GuestState.CRASHED
    await caller.says(wire.CONNECT, 2, KEYS.port)
    await other.called()
    await other.close()


async def test_what_is_withheld_is_not_there(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    keys.calls.withheld = True
    await caller.says(wire.CONNECT, 1, KEYS.port)
    assert await caller.hears() == Message(wire.CLOSE, 1)
    assert "has not seen" in services_of(caller.handset)[0].problem
    keys.calls.set_offers(keys.offers)
    await connected(caller, keys, 2)
    keys.calls.set_offers(())
    assert (await caller.hears(wire.CLOSE)).stream == 2
    assert services_of(caller.handset) == []


async def test_a_caller_that_reads_nothing_holds_up_nobody_else(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    stream = await connected(caller, keys)
    answer = framed(bytes(MESSAGE_MAX))
    sent = 0
    while sent + len(answer) <= WINDOW:  # all that the window has room for
        await keys.says(wire.DATA, stream, 0, answer)
        sent += len(answer)
    other = Party(caller.handset, "Other")
    second = await connected(other, keys)
    await keys.says(wire.DATA, second, 0, framed(b"to the other"))
    assert (await other.hears(wire.DATA)).data == framed(b"to the other")
    await other.close()


async def test_both_processes_send_garbage(parties: tuple[Party, Party]) -> None:

    caller, keys = parties
    dice = random.Random(7)
    for _ in range(800):
        party = dice.choice(parties)
        with suppress(BlockingIOError):
            party.says_at_once(
                Message(
                    dice.randrange(7),
                    dice.choice([1, 2, 3, FROM_HANDSET + 1, FROM_HANDSET + 2]),
                    dice.choice([0, 7000, WINDOW, 0xFFFFFFFF]),
                    dice.randbytes(dice.choice([0, 1, 4, 500])),
                )
            )
        await asyncio.sleep(0)
    for party in parties:
        await party.says(wire.RESET)
    keys.calls._connecting = caller.calls._connecting = Allowance(1000, lambda: 0.0)
    await caller.says(wire.CONNECT, 1000, KEYS.port)
    async with asyncio.timeout(60):
        while True:
            message = await keys.hears(wire.CONNECT)
            await keys.says(wire.ACCEPT, message.stream)
            if (await keys.hears(wire.DATA, wire.CLOSE)).kind == wire.DATA:
                break
    assert caller.calls._making == 1


async def test_a_process_that_never_stops_leaves_the_loop_to_others(
    parties: tuple[Party, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is heard again after a rest; others are heard meanwhile."""
    rests: list[Callable[..., None]] = []
    loop = asyncio.get_running_loop()
    later = loop.call_later

    def call_later(delay: float, callback: Callable[..., None], *given: Any) -> asyncio.TimerHandle:
        if delay != vsock_link._REST_SECONDS:
            return later(delay, callback, *given)
        rests.append(callback)
        return later(0, int)

    caller, keys = parties
    monkeypatch.setattr(loop, "call_later", call_later)
    other = Party(caller.handset, "Other")
    for number in range(64):
        await caller.says(wire.DATA, number, 0, b"to nobody")
    await caller.says(wire.CONNECT, FROM_HANDSET, 0)
    await connected(other, keys)
    assert caller.silent() and len(rests) == 1
    rests[0]()
    assert await caller.hears() == Message(wire.CLOSE, FROM_HANDSET)
    await other.close()


async def test_a_stream_whose_number_comes_again_is_another_one(parties: tuple[Party, Party]) -> None:
    """What ends the first of them lets the second be."""
    caller, keys = parties
    first = await connected(caller, keys)
    caller.says_at_once(Message(wire.CLOSE, 1))
    caller.says_at_once(Message(wire.CONNECT, 1, KEYS.port))
    heard = {message.kind: message for message in [await keys.hears(), await keys.hears()]}
    assert heard[wire.CLOSE].stream == first
    second = heard[wire.CONNECT].stream
    await keys.says(wire.ACCEPT, second)
    await keys.hears(wire.DATA)  # who calls
    assert await caller.hears() == Message(wire.ACCEPT, 1)
    await caller.says(wire.DATA, 1, 0, framed(b"still there"))
    assert await keys.hears(wire.DATA) == Message(wire.DATA, second, 0, framed(b"still there"))
    assert caller.calls._making == keys.calls.answering == 1


async def test_connections_that_are_given_up_at_once_reach_nobody(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    caller.calls._connecting = Allowance(CALLS_A_SECOND, lambda: 0.0)
    for number in range(100):
        caller.says_at_once(Message(wire.CONNECT, number, KEYS.port))
        caller.says_at_once(Message(wire.CLOSE, number))
    other = Party(caller.handset, "Other")
    await caller.says(wire.CONNECT, FROM_HANDSET, 0)
    assert await caller.hears() == Message(wire.CLOSE, FROM_HANDSET), "all of it was heard"
    async with asyncio.timeout(60):
        while len(caller.link._tasks) > 1:  # the one that sends stays
            await asyncio.sleep(0.01)
    await other.says(wire.CONNECT, 1, KEYS.port)
    _, introduced = await keys.called()
    assert b"Other" in introduced
    await other.close()


async def test_who_calls_too_often_is_not_connected(parties: tuple[Party, Party]) -> None:
    caller, keys = parties
    caller.calls._connecting = Allowance(CALLS_A_SECOND, lambda: 0.0)
    while caller.calls._connecting.take_within(1, 1.0) is not None:
        pass
    await caller.says(wire.CONNECT, 1, KEYS.port)
    assert await caller.hears() == Message(wire.CLOSE, 1)
    assert "50 times a second" in caller.notes[0]
    assert keys.silent()


def test_messages_are_put_together_from_any_pieces() -> None:
    whole = b"".join(framed(bytes([n]) * n) for n in range(60))
    for size in (1, 3, 7, 1000):
        messages = Messages()
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert b"".join(message for piece in pieces for message in messages.feed(piece)) == whole
        assert not messages.partial
    with pytest.raises(GuestError):
        list(Messages().feed(b"\xff\xff\xff\xff"))


def test_an_allowance_is_kept() -> None:
    now = [0.0]
    allowance = Allowance(10, lambda: now[0])
    assert [allowance.take(1) for _ in range(10)] == [0.0] * 10
    assert allowance.take(1) == pytest.approx(0.1)
    now[0] = 0.1
    assert allowance.take(1) == pytest.approx(0.1)
    for _ in range(1000):
        allowance.take(1)
    assert allowance.take(1) <= 2.0, "who asks for ever more waits no longer for it"
    now[0] = 100.0
    assert allowance.take(10) == 0.0


def test_what_would_be_waited_for_too_long_is_not_taken() -> None:
    now = [0.0]
    allowance = Allowance(10, lambda: now[0])
    assert [allowance.take_within(1, 0.5) for _ in range(10)] == [0.0] * 10
    assert [allowance.take_within(1, 0.5) for _ in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert [allowance.take_within(1, 0.5) for _ in range(1000)] == [None] * 1000
    now[0] = 0.5
    assert allowance.take_within(1, 0.5) == pytest.approx(0.1)


def test_an_introduction_has_a_fixed_form() -> None:
    message = introduction(7000, "ü" * 64, b"", PROGRAM)
    assert len(message) == 96
    assert message[:16] == b"PVCALL\0\1" + struct.pack("<II", PROGRAM, 7000)
    assert message[32:].rstrip(b"\0").decode() == "ü" * 32


@pytest.mark.parametrize("text", ["keys", "keys=", "=7000", "Keys=1", "keys=0", "keys=4294967295", "a=1\n"])
def test_an_offer_that_is_none(text: str) -> None:
    with pytest.raises(GuestError, match="--offer"):
        parse_offers([text])


def test_offers_have_names_and_ports_of_their_own() -> None:
    assert parse_offers(["keys=7000", "bills=7001"]) == (KEYS, Offer("bills", 7001))
    for texts in (["a=1", "a=2"], ["a=1", "b=1"], [f"s{n}={n + 1}" for n in range(9)]):
        with pytest.raises(GuestError):
            parse_offers(texts)
