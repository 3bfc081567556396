"""Typing text: every key in its order, never more at once than a guest's programs have room for."""

import asyncio

from pocketvisor.guest.keyboard import Typist, keystrokes


async def test_long_text_comes_in_pieces_and_in_order() -> None:
    typed: list[tuple[int, bool]] = []
    all_there = asyncio.Event()
    text = "The quick brown fox"
    expected = [*keystrokes(text), *keystrokes("!\n")]

    def key(code: int, pressed: bool) -> None:
        typed.append((code, pressed))
        if len(typed) == len(expected):
            all_there.set()

    typist = Typist(key)
    typist.type(text)
    assert typed == expected[: Typist.KEYS_AT_ONCE]
    typist.type("!\n")  # behind what is being typed
    async with asyncio.timeout(30):
        await all_there.wait()
    assert typed == expected


async def test_a_short_word_is_typed_at_once() -> None:
    typed: list[tuple[int, bool]] = []
    Typist(lambda code, pressed: typed.append((code, pressed))).type("ls\n")
    assert typed == list(keystrokes("ls\n"))
