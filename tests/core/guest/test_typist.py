"""Typing text: every key in its order, never more at once than a guest's programs have room for."""

import asyncio
from dataclasses import dataclass, field

import pytest

from pocketvisor.guest.keyboard import Reading, Typist, keystrokes

TEXT = "The quick brown fox"


@dataclass
class Typing:
    """What was typed, on a guest whose status page says `reading`."""

    reading: Reading | None = field(default_factory=lambda: looks(waits=True))
    typed: list[tuple[int, bool]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.typist = Typist(lambda code, pressed: self.typed.append((code, pressed)), self.read)

    def read(self) -> Reading | None:
        self.asked.set()
        return self.reading

    async def asked_again(self, times: int = 3) -> None:
        async with asyncio.timeout(60):
            for _ in range(times):
                self.asked.clear()
                await self.asked.wait()


def looks(ticks: int = 0, clock_ns: int = 0, events: int = 0, waits: bool = False) -> Reading:
    return Reading(ticks, clock_ns, events, waits)


async def test_long_text_comes_in_pieces_and_in_order() -> None:
    typing = Typing()
    expected = [*keystrokes(TEXT), *keystrokes("!\n")]
    typing.typist.type(TEXT)
    assert typing.typed == expected[: Typist.KEYS_AT_ONCE]
    typing.typist.type("!\n")  # behind what is being typed
    for ticks in range(1, 100):
        typing.reading = looks(ticks=ticks, events=ticks, waits=True)
        await typing.asked_again(1)
        if len(typing.typed) == len(expected):
            break
    assert typing.typed == expected


async def test_a_short_word_is_typed_at_once() -> None:
    typing = Typing()
    typing.typist.type("ls\n")
    assert typing.typed == list(keystrokes("ls\n"))


@pytest.mark.parametrize(
    ("not_yet", "then"),
    [
        (looks(ticks=9, events=0, waits=True), looks(ticks=9, events=1, waits=True)),  # on their way
        (looks(ticks=9, events=1), looks(ticks=9, events=1, waits=True)),  # it works at them
        (looks(ticks=0, events=1, waits=True), looks(ticks=1, events=1, waits=True)),  # it had no processor
        (looks(ticks=Typist.BUSY_TICKS - 1), looks(ticks=Typist.BUSY_TICKS)),  # it never rests
        (looks(ticks=1, clock_ns=Typist.LATE_NS - 1, waits=True), looks(ticks=1, clock_ns=Typist.LATE_NS)),
    ],
)
async def test_the_next_keys_wait_until_the_guest_has_done_with_those_before(
    not_yet: Reading, then: Reading
) -> None:
    typing = Typing(looks(waits=True))
    typing.typist.type(TEXT)
    typing.reading = not_yet
    await typing.asked_again()
    assert len(typing.typed) == Typist.KEYS_AT_ONCE
    typing.reading = then
    await typing.asked_again(2)
    assert len(typing.typed) == 2 * Typist.KEYS_AT_ONCE


async def test_a_guest_that_was_reset_gets_the_rest() -> None:
    typing = Typing(looks(ticks=50))
    typing.typist.type("quickly")
    typing.reading = looks(ticks=5)
    await typing.asked_again(2)
    assert typing.typed == list(keystrokes("quickly"))


async def test_a_guest_that_ended_loses_the_rest() -> None:
    typing = Typing(looks(ticks=50))
    typing.typist.type("quickly")
    typing.reading = None
    await typing.asked_again(1)
    typing.reading = looks(ticks=60)
    typing.typed.clear()
    typing.typist.type("x")
    assert typing.typed == list(keystrokes("x"))


async def test_what_is_typed_to_a_guest_that_does_not_run_is_lost() -> None:
    typing = Typing(None)
    typing.typist.type(TEXT)
    assert not typing.typed
    typing.reading = looks()
    typing.typist.type("x")
    assert typing.typed == list(keystrokes("x"))
