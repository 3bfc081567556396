"""Damaged and hostile symbol files: each is an answer or a sentence, within bounds, and nobody waits."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.debug.symbols import messages, values
from pocketvisor.debug.symbols.file import SymbolFile
from pocketvisor.debug.symbols.messages import Field, Type
from pocketvisor.debug.symbols.reader import Reader
from pocketvisor.errors import DebugError

DAMAGE = Path(__file__).with_name("damage.py")
SEEDS = 80
Build = Callable[..., Path]


def test_damage_is_answered_with_a_sentence(built_program: Build) -> None:
    program = built_program("arm", "-g", "-marm")
    done = subprocess.run(
        [sys.executable, str(DAMAGE), str(program), "0", str(SEEDS)],
        capture_output=True,
        text=True,
        timeout=150,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == SEEDS, done.stderr[-2000:]
    assert max(float(line[3]) for line in lines) < 20
    assert max(int(line[2]) for line in lines) < messages.ANSWER_MAX
    assert any(int(line[1]) for line in lines) and any(not int(line[1]) for line in lines)


async def test_what_takes_too_long_is_ended_and_asked_again(built_program: Build) -> None:
    reader = Reader(built_program("arm", "-g", "-marm"), "program")
    try:
        with pytest.raises(DebugError, match=r"^program: takes too long to read$"):
            await reader.ask(messages.AskFacts(), messages.Facts, seconds=0.001)
        facts = await reader.ask(messages.AskFacts(), messages.Facts)
        assert facts.has_lines
        task = asyncio.create_task(reader.ask(messages.AskStatics(), messages.Statics))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await reader.ask(messages.AskStatics(), messages.Statics)).statics
    finally:
        await reader.close()


async def test_a_reader_that_dies_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    reader = Reader(None, "thing")
    with pytest.raises(DebugError, match=r"^thing: cannot be read within bounds"):
        await reader.ask(messages.AskFacts(), messages.Facts)
    await reader.close()


@pytest.mark.parametrize(
    "symbols",
    (
        messages.Symbols(b"\0" * 8, b"\0" * 4, b"ff", "a\nb\n"),
        messages.Symbols(b"\0" * 8, b"\0" * 8, b"ff", "a\n"),
        messages.Symbols(b"\1\0\0\0" + bytes(4), b"\0" * 8, b"ff", "a\nb\n"),
    ),
)
def test_an_answer_that_contradicts_itself_is_refused(symbols: messages.Symbols) -> None:
    with pytest.raises(DebugError, match="contradict"):
        SymbolFile("made", symbols, 0, 1 << 32)


def test_names_are_fit_for_a_terminal() -> None:
    symbols = messages.Symbols(b"\0" * 4, b"\4\0\0\0", b"f", "red\x1b[31m\u202e\n")
    file = SymbolFile("made", symbols, 0, 1 << 32)
    assert [symbol.name for symbol in file.names.all()] == ["red?[31m?"]


_numbers = st.integers(-2, 6)
_sizes = st.integers(-(1 << 40), 1 << 40)
_fields = st.builds(
    Field, st.text(max_size=3), _sizes | st.integers(0, 64), _numbers, st.integers(-5, 80), st.integers(-2, 9)
)
_types = st.builds(
    Type,
    st.sampled_from(("int", "uint", "bool", "char", "float", "pointer", "array", "struct", "enum", "?")),
    st.text(max_size=3),
    _sizes | st.integers(0, 64),
    _numbers,
    _sizes | st.integers(0, 64),
    st.lists(_fields, max_size=5),
    st.dictionaries(st.text(max_size=2), _numbers, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_types, min_size=1, max_size=6), st.binary(max_size=200))
def test_any_type_can_be_shown(types: list[Type], data: bytes) -> None:
    """A type may hold itself, be larger than the world or of negative size."""
    assert len(values.shown(types, 0, data)) <= 2000
    assert isinstance(values.type_name(types, 0), str)
