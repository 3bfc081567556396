"""What is refused at a guest's clipboard while its program is silent, or asks without end."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from pocketvisor.errors import Refused
from pocketvisor.guest.clipboard import GuestClipboard
from pocketvisor.guest.clipboard_wire import Line, Reader, encoded
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.phone_clipboard import PhoneClipboard
from pocketvisor.policies.act import Act

WHY = "Acme's policy does not want that"


class Owner:
    """As much of a guest as its clipboard knows."""

    def __init__(self) -> None:
        self.name, self.state, self.refuses = "Work", GuestState.RUNNING, False
        self.handset = SimpleNamespace(clipboard=PhoneClipboard())
        self.options = SimpleNamespace(origin=None)
        self.audited: list[Act] = []
        self.notes: list[str] = []
        self.asked = asyncio.Event()

    def allows(self, act: Act) -> str:
        return WHY if self.refuses else ""

    def check(self, act: Act) -> None:
        self.asked.set()
        if self.refuses:
            self.audited.append(act)
            raise Refused(WHY)

    def run_note(self, sentence: str) -> None:
        self.notes.append(sentence)


class Program:
    """In the guest: the other end of the channel."""

    def __init__(self, clipboard: GuestClipboard) -> None:
        clipboard.begin()
        self._wire = socket.socket(fileno=socket.dup(clipboard.descriptor))
        self._wire.setblocking(False)
        self._reader = Reader()

    async def says(self, verb: str, number: int, text: str = "") -> None:
        await asyncio.get_running_loop().sock_sendall(self._wire, encoded(verb, number, text))

    async def hears(self) -> list[Line]:
        async with asyncio.timeout(10):
            return list(self._reader.feed(await asyncio.get_running_loop().sock_recv(self._wire, 65536)))

    def close(self) -> None:
        self._wire.close()


@pytest.fixture
async def owner() -> Owner:
    return Owner()


@pytest.fixture
async def clipboard(owner: Owner) -> GuestClipboard:
    return GuestClipboard(owner)  # type: ignore[arg-type]


@pytest.fixture
async def program(clipboard: GuestClipboard) -> AsyncIterator[Program]:
    program = Program(clipboard)
    assert [line.verb for line in await program.hears()] == ["hello"]
    yield program
    clipboard.end()
    program.close()


async def test_what_came_while_the_loop_was_held_up_counts(
    owner: Owner, clipboard: GuestClipboard, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears then, all at once, that its patience is at an end and that it was answered."""
    loop, passed = asyncio.get_running_loop(), 0.0
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + passed)
    asking = asyncio.create_task(clipboard.copy())
    await owner.asked.wait()
    await program.says("hello", 1)
    passed += 60
    (asked,) = await program.hears()
    assert asked.verb == "get"
    await program.says("text", asked.number, "copied")
    passed += 60
    assert await asking == "copied"


async def test_a_policy_that_comes_while_nobody_is_there_holds(
    owner: Owner, clipboard: GuestClipboard, program: Program
) -> None:
    pasting = asyncio.create_task(clipboard.paste("from outside"))
    await owner.asked.wait()
    owner.refuses = True
    await program.says("hello", 1)
    with pytest.raises(Refused):
        await pasting
    await program.says("paste", 7)
    assert [(line.verb, line.number) for line in await program.hears()] == [("no", 7)]


@pytest.mark.parametrize("verb", ["copied", "paste"])
async def test_one_that_goes_on_asking_is_refused_each_time_and_audited_some_times(
    owner: Owner, clipboard: GuestClipboard, program: Program, verb: str
) -> None:
    owner.refuses = True
    began = time.monotonic()
    for number in range(40):
        clipboard._asks = 10.0  # as after a while
        await program.says(verb, number, "text" if verb == "copied" else "")
        answers = await program.hears()
        assert [(line.verb, line.text) for line in answers] == [("no", WHY)]
    a_minute_each = 8 * (time.monotonic() - began) / 60
    assert 8 <= len(owner.audited) == len(owner.notes) <= 8 + a_minute_each + 1
    owner.refuses = False
    await program.says("copied", 0, "allowed again")
    await program.says("paste", 50)
    assert (await program.hears())[0].text == "allowed again"
