"""The process that reads a symbol file ends with whoever asked it, however impatient."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.debug.symbols import messages
from pocketvisor.debug.symbols.file import SymbolFile
from pocketvisor.debug.symbols.reader import Reader
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.errors import DebugError
from pocketvisor.images.catalogue import catalogue

PROGRAM = catalogue()["personal"].elf


def children() -> set[str]:
    """Processes that this one has begun, on whichever thread, and that have not been waited for."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found


@pytest.mark.parametrize("again", [1, 5])
async def test_whoever_gives_a_question_up_twice_leaves_no_process(again: int) -> None:
    """At any moment of its start, its answer and its end."""
    assert PROGRAM is not None
    before = children()
    for turns in range(0, 40, 3):
        reader = Reader(PROGRAM, "program")
        asking = asyncio.ensure_future(reader.ask(messages.AskFacts(), messages.Facts))
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(2):
            asking.cancel()
            for _ in range(again):
                await asyncio.sleep(0)
        await asyncio.wait([asking])
        if not asking.cancelled():  # it was answered before, where this process stood in line
            await reader.close()
        assert reader._process is None
        assert children() <= before


@pytest.mark.parametrize("why", ["its memory cannot be read", "the table is closed", "given up"])
async def test_a_file_that_is_not_taken_is_not_kept_open(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PROGRAM is not None
    before = children()
    table = SymbolTable()
    checking = asyncio.Event()

    async def check(self: SymbolFile, memory: Any) -> None:
        checking.set()
        if why == "its memory cannot be read":
            raise DebugError(why)
        if why == "the table is closed":
            await table.close()
        if why == "given up":
            await asyncio.Event().wait()

    monkeypatch.setattr(SymbolFile, "check", check)
    opening = asyncio.ensure_future(table.open(PROGRAM, object()))  # type: ignore[arg-type]
    await checking.wait()
    if why == "given up":
        opening.cancel()
    await asyncio.wait([opening])
    assert opening.cancelled() or isinstance(opening.exception(), DebugError)
    assert table.layers == [] and children() <= before
