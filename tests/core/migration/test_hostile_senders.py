"""A trusted machine that means no good, or has a fault: what it sends is refused with a sentence, nothing of
it runs, and nothing of it stays."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from machines import Machine
from msgspec import structs
from phones import Move, Phone, World

from pocketvisor.control.channel import frame
from pocketvisor.errors import MigrationError
from pocketvisor.migration import arriving, messages, receive
from pocketvisor.migration import link as links
from pocketvisor.migration.link import Link, LinkLost
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys

MOVE = os.urandom(16)


@pytest.fixture
async def move(here: Machine, there: Machine, tmp_path: Path) -> AsyncIterator[Move]:
    move = Move(here, there, Phone(World(), tmp_path / "phone.vphone"))
    await move.listen()
    yield move
    await move.close()
    assert not move.world.two
    assert move.landing.ran == []
    kept = move.there.folder / "profiles"
    assert not kept.exists() or list(kept.iterdir()) == []


def offer(move: Move, **changes: object) -> messages.Offer:
    file = move.phone.file
    header = msgspec.msgpack.encode(file.raw_header())
    return structs.replace(messages.Offer(file.id, MOVE, 0, "Work", header, 16), **changes)


async def refused(link: Link, *, match: str) -> None:
    with pytest.raises(MigrationError, match=match):
        while True:
            await link.receive(messages.Missing, messages.RoundDone, messages.Prepared)


async def offered(move: Move) -> Link:
    link = await move.connect()
    link.send(offer(move))
    await link.receive(messages.Accepted)
    return link


def round_of(move: Move, **changes: object) -> messages.Round:
    raw = structs.replace(move.phone.file.raw_manifest(1), **changes)
    return messages.Round(1, msgspec.msgpack.encode(raw), last=True)


async def round_begun(move: Move, **changes: object) -> tuple[Link, list[bytes]]:
    """The chunks of a generation are asked for; the ids, in turn."""
    link = await offered(move)
    link.send(round_of(move, **changes))
    ids = sorted(move.phone.file.chunk_ids(1))
    link.send(messages.Have(b"".join(ids)))
    bits = (await link.receive(messages.Missing)).bits
    assert int.from_bytes(bits, "little") == (1 << len(ids)) - 1
    return link, ids


def bodies(move: Move, ids: list[bytes]) -> list[bytes]:
    return [move.phone.file.raw_chunk(own) for own in ids]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"header": b""}, "header makes no sense"),
        ({"header": b"\x93\x01\x02\x03"}, "header makes no sense"),
        ({"header": b"\x91" * 5000}, "header makes no sense"),
        ({"profile": bytes(16)}, "of another phone"),
    ],
)
async def test_an_offer_that_makes_no_sense(move: Move, changes: dict[str, object], sentence: str) -> None:
    link = await move.connect()
    link.send(offer(move, **changes))
    await refused(link, match=sentence)


@pytest.mark.parametrize(
    "message",
    [
        messages.Round(1, b""),
        messages.EndRound(),
        messages.Chunks([b"x"]),
        messages.PairMessage(bytes(33)),
        messages.Prepared(MOVE),
        messages.Hello(1, bytes(32), "x"),
    ],
    ids=lambda message: type(message).__name__,
)
async def test_what_is_out_of_turn_ends_the_connection(move: Move, message: object) -> None:
    link = await move.connect()
    link.send(message)
    with pytest.raises(LinkLost):
        await link.receive(messages.Accepted)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff" + bytes(1000),
        b"\x04\x00\x00\x00\xde\xad\xbe\xef",
        frame({"type": "Offer", "profile": b"short"}),
        frame({"type": "Offer", "profile": 5, "move": MOVE, "number": -1, "name": "", "header": b""}),
        frame({"type": "Commit", "profile": bytes(16), "move": MOVE, "number": 1 << 60}),
        frame({"type": "Ask", "profile": bytes(16), "move": MOVE, "number": 0, "more": 1}),
        frame({"type": "Have", "ids": bytes(messages.IDS_MAX * 32 + 1)}),
    ],
    ids=range(7),
)
async def test_wrong_types_and_sizes_end_the_connection(move: Move, data: bytes) -> None:
    link = await move.connect()
    link._writer.write(data)
    with pytest.raises(LinkLost):
        await link.receive(messages.Accepted)


async def test_chunks_that_nobody_asked_for(move: Move) -> None:
    link, ids = await round_begun(move)
    link.send(messages.Chunks([*bodies(move, ids), b"one more"]))
    await refused(link, match="nobody has asked for")


async def test_chunks_that_are_missing(move: Move) -> None:
    link, ids = await round_begun(move)
    link.send(messages.Chunks(bodies(move, ids)[:-1]))
    link.send(messages.EndRound())
    await refused(link, match="did not come")


Spoil = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda some: [some[0][:-1], *some[1:]],
        lambda some: [b"", *some[1:]],
        lambda some: [some[1], some[0], *some[2:]],
        lambda some: [bytes(len(some[0])), *some[1:]],
        lambda some: [b"\0" + bytes(2_000_000), *some[1:]],
        lambda some: [b"\1" + b"\x28\xb5\x2f\xfd" + b"\xff" * 40, *some[1:]],
    ],
    ids=range(6),
)
async def test_chunks_that_are_not_what_their_ids_say(move: Move, spoil: Spoil) -> None:
    link, ids = await round_begun(move)
    link.send(messages.Chunks(spoil(bodies(move, ids))))
    link.send(messages.EndRound())
    await refused(link, match=r"damaged|wrong size")


@pytest.mark.parametrize("ids", [bytes(31), bytes(64), b"x" * 33], ids=range(3))
async def test_a_list_of_chunks_that_makes_no_sense(move: Move, ids: bytes) -> None:
    link = await offered(move)
    link.send(round_of(move))
    link.send(messages.Have(ids))
    await refused(link, match="makes no sense")


@pytest.mark.parametrize(
    "changes",
    [{"number": 2}, {"manifest": b""}, {"manifest": b"x"}, {"signature": bytes(64)}, {"added": 5}],
    ids=str,
)
async def test_a_generation_that_was_tampered_with(move: Move, changes: dict[str, object]) -> None:
    link, ids = await round_begun(move, **changes)
    link.send(messages.Chunks(bodies(move, ids)))
    link.send(messages.EndRound())
    await refused(link, match=r"damaged|another number")


async def test_a_generation_whose_chunks_never_came(move: Move) -> None:
    link = await offered(move)
    link.send(round_of(move))
    link.send(messages.EndRound())
    await refused(link, match="damaged")


async def test_a_manifest_that_makes_no_sense(move: Move) -> None:
    link = await offered(move)
    link.send(messages.Round(1, b"\xdc\xff\xff", last=True))
    link.send(messages.EndRound())
    await refused(link, match="makes no sense")


async def test_a_phone_whose_key_did_not_come(move: Move, tmp_path: Path) -> None:
    with ProfileFile.create(tmp_path / "sealed.vphone", NewKeys(passphrase="secret")) as sealed:
        header = msgspec.msgpack.encode(sealed.raw_header())
        profile = sealed.id
    for key, sentence in (("", "key did not come"), ("pocketvisor-profile-key-1:" + "00" * 32, "another")):
        link = await move.connect()
        sealed_offer = offer(move, header=header, profile=profile, key=key)
        link.send(structs.replace(sealed_offer, move=os.urandom(16)))
        await refused(link, match=sentence)


async def test_a_commit_before_all_of_it_is_there_takes_nothing(move: Move) -> None:
    (await offered(move)).abort()
    link = await move.connect()
    link.send(messages.Commit(move.phone.file.id, MOVE, 0))
    assert (await link.receive(messages.Answer)).outcome == "not-taken"
    link.send(messages.Ask(move.phone.file.id, MOVE, 0))
    assert (await link.receive(messages.Answer)).outcome == "not-taken"
    link.send(offer(move))  # a refused move does not come back
    await refused(link, match="given up")


async def test_questions_about_phones_that_nobody_knows(move: Move) -> None:
    link = await move.connect()
    for _ in range(50):
        link.send(messages.Ask(os.urandom(16), os.urandom(16), 7, give_up=True))
        assert (await link.receive(messages.Answer)).outcome == "not-taken"
    assert move.there_store.records == {}  # it costs nothing there
    link.abort()


async def test_one_that_falls_silent_is_given_up(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once without a word, once after its offer; it is patched when the words before have been heard."""
    with monkeypatch.context() as impatient:
        impatient.setattr(receive, "IDLE_SECONDS", 0.2)
        link = await move.connect()
        with pytest.raises(LinkLost, match="closed the link"):
            await link.receive(messages.Prepared)
    with monkeypatch.context() as impatient:
        impatient.setattr(arriving, "ROUND_SECONDS", 0.2)
        link = await offered(move)
        with pytest.raises(LinkLost, match="closed the link"):
            await link.receive(messages.Prepared)
    link = await move.connect()
    link.send(offer(move))
    await link.receive(messages.Accepted)
    await link.cancel()


async def test_a_second_offer_ends_the_first_connection(move: Move) -> None:
    """The machine itself comes back before its first connection is known to be dead."""
    first = await offered(move)
    second = await offered(move)
    with pytest.raises(LinkLost):
        await first.receive(messages.Prepared)
    await second.cancel()


async def test_a_second_machine_does_not_disturb_the_first(move: Move, tmp_path: Path) -> None:
    first = await offered(move)
    other = Machine(tmp_path, "other")
    move.there.trust(other)
    own = move.here
    move.here = other
    second = await move.connect()
    second.send(offer(move))
    await refused(second, match="already, from here")
    move.here = own
    first.send(round_of(move))
    ids = sorted(move.phone.file.chunk_ids(1))
    first.send(messages.Have(b"".join(ids)))
    await first.receive(messages.Missing)
    await first.cancel()


class Answering:
    """A receiver that answers with what a test wants."""

    def __init__(self, answers: dict[type, object]) -> None:
        self._answers = answers

    async def session(self, link: Link) -> None:
        try:
            while True:
                message = await link._next(5.0)
                answer = self._answers.get(type(message))
                if answer == "silence":
                    continue
                if answer is not None:
                    link.send(answer)
        except MigrationError:
            pass
        finally:
            link.abort()


FINE = {
    messages.Offer: messages.Accepted([]),
    messages.Have: messages.Missing(b""),
    messages.EndRound: messages.RoundDone(1),
}


@pytest.mark.parametrize(
    "answers",
    [
        {messages.Offer: messages.Prepared(MOVE)},
        {messages.Offer: messages.Answer(MOVE, "taken")},
        {messages.Offer: "silence"},
        {**FINE, messages.Have: messages.Missing(b"\xff" * 512)},
        {**FINE, messages.Have: messages.Answer(MOVE, "taken")},
        {**FINE, messages.EndRound: messages.Prepared(MOVE)},
    ],
    ids=range(6),
)
async def test_a_receiver_without_sense_leaves_it_here(
    move: Move, answers: dict[type, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "LINGER_SECONDS", 0.05)
    real = Link.receive
    quick = lambda link, *kinds, seconds=0.3: real(link, *kinds, seconds=min(seconds, 0.3))  # noqa: E731
    monkeypatch.setattr(Link, "receive", quick)
    await move.there.silence()
    await move.there.listen(Answering(answers).session, port=int(move.address.rpartition(":")[2]))
    with pytest.raises(MigrationError):
        await move.departure().run()
    assert move.world.live == {"here"}
    assert move.state()[0] == "owner"
