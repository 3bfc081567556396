"""Copied text between guests and their handset: what the sample phones do with it, what policies make of it,
that it goes on over moves and snapshots, and what a guest that misbehaves on its channel costs others."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "policies"))

from policy_kit import IT

from pocketvisor.api import Guest, GuestError, Handset, Refused, RunOptions, catalogue, load_models
from pocketvisor.guest import clipboard
from pocketvisor.guest.clipboard_wire import PORT, TEXT_MAX, encoded
from pocketvisor.guest.keyboard import keystrokes
from pocketvisor.guest.port_spec import PortSpec
from pocketvisor.moving import move
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.file import ProfileFile

SECONDS = 60
STILL_SECONDS = 0.1
Start = Callable[..., Any]


class Notes:
    """A sample phone with a note open."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    @classmethod
    async def start(cls, handset: Handset, image: str, **options: Any) -> "Notes":
        guest = await handset.start(catalogue()[image], options=RunOptions(**options))
        await guest.console.expect(r"ready after [\d.]+ ms\n> ", SECONDS)
        notes = cls(guest)
        await notes.open()
        return notes

    async def run(self, command: str) -> str:
        self.guest.console.write(f"{command}\r".encode())
        return (await self.guest.console.expect(rf"(?s){re.escape(command)}\n(.*?)> ", SECONDS))[1]

    async def where(self) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        for line in (await self.run("where")).splitlines()[1:]:
            x, y, width, height, name = line.split(" ", 4)
            places.setdefault(name, (int(x) + int(width) // 2, int(y) + int(height) // 2))
        return places

    async def uptime(self) -> float:
        """Seconds of its own."""
        found = re.search(r"up (\d+\.\d+) s", await self.run("uptime"))
        assert found is not None
        return float(found[1])

    async def tap(self, name: str) -> None:
        """Where it has come to rest."""
        async with asyncio.timeout(SECONDS):
            places = await self.where()
            while True:
                began = await self.uptime()
                while await self.uptime() - began < STILL_SECONDS:
                    pass
                before, places = places, await self.where()
                if before == places and name in places:
                    break
        for phase in ("down", "up"):
            self.guest.touch(*places[name], phase)

    async def open(self) -> None:
        """A new note."""
        await self.to_list()
        await self.tap("add")
        await self.on("note")

    async def to_list(self) -> None:
        await self.run("app notes")
        async with asyncio.timeout(SECONDS):
            while not (await self.run("where")).startswith("screen notes\n"):
                await self.run("back")

    async def on(self, screen: str) -> None:
        async with asyncio.timeout(SECONDS):
            while not (await self.run("where")).startswith(f"screen {screen}\n"):
                pass

    def write(self, text: str) -> None:
        """A few letters at once."""
        for code, pressed in keystrokes(text):
            self.guest.key(code, pressed)

    async def paste(self) -> None:
        """Until it has what the phone gives it. What is said to its console may come before what is touched,
        and a note that was left meanwhile has nothing pasted into it."""
        channel = self.guest.clipboard
        answer, answered = channel._pasted, asyncio.Event()

        def told(number: int) -> None:
            answer(number)
            answered.set()

        channel._pasted = told  # type: ignore[method-assign]
        try:
            await self.tap("Paste")
            async with asyncio.timeout(SECONDS):
                await answered.wait()
        finally:
            channel._pasted = answer  # type: ignore[method-assign]
        # It hears one line after another: who answers this one has heard that.
        number = next(channel._numbers)
        heard = channel._waiting[number] = asyncio.get_running_loop().create_future()
        channel._send(encoded("get", number))
        async with asyncio.timeout(SECONDS):
            await heard
        del channel._waiting[number]

    async def titles(self) -> list[str]:
        """The notes, newest first; the note that was open is open again afterwards."""
        await self.to_list()
        names = [name for name in await self.where() if name not in ("back", "add")]
        if names:
            await self.tap(names[0])
            await self.on("note")
        return names


class Governor:
    def __init__(self, folder: Path) -> None:
        self.it = IT(folder)
        self.file: ProfileFile = self.it.profile()
        self.number = 0

    def says(self, direction: str) -> Governed:
        self.number += 1
        return self.it.governs(self.file, f'[clipboard]\ndirection = "{direction}"', self.number)


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


@pytest.fixture
def governor(tmp_path: Path) -> Governor:
    return Governor(tmp_path)


async def until(promise: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not promise():
            await asyncio.sleep(0.01)


async def pasted(notes: Notes, wanted: str) -> None:
    async with asyncio.timeout(SECONDS):
        while (await notes.titles())[0] != wanted:
            pass


async def test_between_two_guests_and_the_computer(phone: Handset) -> None:
    one, two = await Notes.start(phone, "personal"), await Notes.start(phone, "work")
    one.write("abc")
    await one.tap("Copy")
    await until(lambda: phone.clipboard.text == "Abc" or phone.clipboard.text == "abc")
    copied = phone.clipboard.text
    assert phone.clipboard.origin == "Personal" and not phone.clipboard.why_not(two.guest)
    await two.paste()
    await pasted(two, copied)

    # The computer's own clipboard, both ways.
    assert await one.guest.clipboard.copy() == copied
    await two.guest.clipboard.paste("from outside")
    await two.paste()
    await pasted(two, f"{copied}from outside")
    assert phone.clipboard.text == copied, "what a guest is given is its own"
    phone.clipboard.put("on the phone")
    await one.open()
    await one.paste()
    await pasted(one, "on the phone")
    with pytest.raises(GuestError):
        await one.guest.clipboard.paste("x" * (TEXT_MAX + 1))
    with pytest.raises(GuestError, match="does not fit into a note"):
        await one.guest.clipboard.paste("x" * TEXT_MAX)


async def test_what_may_not_leave_stays(phone: Handset, governor: Governor) -> None:
    work, personal = await Notes.start(phone, "work"), await Notes.start(phone, "personal")
    governed = governor.says("in")
    work.guest.govern(governed)
    said: list[str] = []
    work.guest.on("event", said.append)
    phone.clipboard.put("before")
    work.write("secret")
    await work.tap("Copy")
    await until(lambda: bool(said))
    assert phone.clipboard.text == "before" and "lets nothing be copied out of this phone" in said[0]
    with pytest.raises(Refused):
        await work.guest.clipboard.copy()
    await personal.paste()
    await pasted(personal, "before")
    assert [line.what for line in governed.log() if "refused" in line.what] == ["refused: copy out"] * 2

    # Within the phone it is there all the same, and what comes from outside may come in.
    own = (await work.titles())[0]
    await work.open()
    await work.paste()
    await pasted(work, own)
    phone.clipboard.put("news")
    await work.open()
    await work.paste()
    await pasted(work, "news")


async def test_what_may_not_come_in_does_not(phone: Handset, governor: Governor) -> None:
    work = await Notes.start(phone, "work")
    work.guest.govern(governor.says("out"))
    phone.clipboard.put("from outside")
    said: list[str] = []
    work.guest.on("event", said.append)
    assert "lets nothing be pasted" in phone.clipboard.why_not(work.guest)
    await work.tap("Paste")
    await until(lambda: bool(said))
    assert "lets nothing be pasted into this phone" in said[0]
    with pytest.raises(Refused):
        await work.guest.clipboard.paste("from outside")
    work.write("a")
    await work.tap("Copy")
    await until(lambda: phone.clipboard.origin == "Work")


async def test_a_policy_that_comes_later_holds_what_was_copied_before(
    phone: Handset, governor: Governor
) -> None:
    work, personal = await Notes.start(phone, "work"), await Notes.start(phone, "personal")
    work.guest.govern(governor.says("both"))
    work.write("x")
    await work.tap("Copy")
    await until(lambda: phone.clipboard.origin == "Work")
    governor.says("none")
    said: list[str] = []
    personal.guest.on("event", said.append)
    assert "copied out" in phone.clipboard.why_not(personal.guest)
    assert phone.clipboard.text == "" and phone.clipboard.withheld
    await personal.tap("Paste")
    await until(lambda: bool(said))
    await phone.remove(work.guest)
    assert phone.clipboard.origin == "" and not phone.clipboard.withheld, (
        "what is governed goes with its guest"
    )
    phone.clipboard.put("other")
    assert phone.clipboard.text == "other"


async def test_it_goes_on_over_a_move_and_a_snapshot(phone: Handset, tmp_path: Path) -> None:
    work = await Notes.start(phone, "work")
    work.write("moved")
    await work.tap("Copy")
    await until(lambda: bool(phone.clipboard.text))
    copied = phone.clipboard.text
    await work.guest.keep(tmp_path / "work.vphone")
    generation = await work.guest.snapshot("before")
    other = Handset(load_models()["nexus-one"])
    try:
        await move(work.guest, other)
        assert await work.guest.clipboard.copy() == copied
        await work.guest.clipboard.paste("on another phone")
        assert await work.guest.clipboard.copy() == "on another phone"
        await work.tap("Copy")
        await until(lambda: other.clipboard.text == copied)
        await work.guest.restore(generation.number)
        assert await work.guest.clipboard.copy() == copied
        await other.remove(work.guest)
        again = await other.open_profile(tmp_path / "work.vphone")
        assert again.has_clipboard and await again.clipboard.copy() == copied
    finally:
        await other.close()


# Guests without a program that speaks, and guests that say anything


async def test_who_has_none_says_so(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "HELLO_SECONDS", 0.05)
    bare: Guest = await start("Bare")
    assert not bare.has_clipboard
    with pytest.raises(GuestError, match="Bare has no clipboard"):
        _ = bare.clipboard
    silent: Guest = await start("Silent", parts=("clipboard",))
    for question in (silent.clipboard.copy(), silent.clipboard.paste("text")):
        with pytest.raises(GuestError, match="No program in Silent speaks for its clipboard"):
            await question
    await silent.pause()
    with pytest.raises(GuestError, match="is paused"):
        await silent.clipboard.copy()
    with pytest.raises(GuestError, match="no socket leads to it"):
        await start("Spy", ports=(PortSpec(PORT, tmp_path / "socket"),))


class Driver:
    """The guest's end of its channel, in the place of a driver that the monitor has not."""

    def __init__(self, guest: Guest) -> None:
        assert guest.clipboard._theirs is not None
        self._end = guest.clipboard._theirs
        self._end.setblocking(False)

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._end, data)

    async def hear(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._end, 1 << 20), SECONDS)


async def test_a_guest_that_says_anything_is_heard_where_it_makes_sense(start: Start) -> None:
    guest: Guest = await start("Work", parts=("clipboard",))
    driver = Driver(guest)
    assert (await driver.hear()).endswith(encoded("hello", 1))
    for rubbish in (
        b"\0" * 5000,
        b"copied 0 99999999\n",
        b"\xff\n",
        encoded("get", 1),
        encoded("text", 5, "x"),
    ):
        await driver.say(rubbish)
    await driver.say(b"\n" + encoded("hello", 1))
    asked = asyncio.create_task(guest.clipboard.copy())
    number = int((await driver.hear()).split()[1])
    for wrong in (number + 1, 0, (1 << 31) - 1):
        await driver.say(encoded("text", wrong, "not this"))
    await driver.say(encoded("text", number, "this"))
    assert await asked == "this"
    asked = asyncio.create_task(guest.clipboard.copy())
    await driver.hear()
    await guest.power_off()
    with pytest.raises(GuestError, match="has ended"):
        await asked


async def test_a_flood_costs_the_handset_little(start: Start) -> None:
    """So much is read and no more, and of what is copied a few each second."""
    guest: Guest = await start("Work", parts=("clipboard",))
    driver = Driver(guest)
    changes: list[float] = []
    guest.handset.clipboard.on("changed", lambda: changes.append(guest.handset.clipboard.changed_at))
    sent = 0
    flood = encoded("hello", 1) + encoded("copied", 0, "x" * 30000) + encoded("paste", 1)
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            while True:
                await driver.say(flood)
                sent += len(flood)
    passed = asyncio.get_running_loop().time() - began
    assert sent < (2 + passed) * (1 << 20), "the guest waits"
    assert 1 <= len(changes) <= 11 + 2 * passed, "ten at once, and two a second"
    assert guest.clipboard._reader.nonsense == 0


async def test_a_guest_that_reads_nothing_is_told_so(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "ANSWER_SECONDS", 0.05)
    guest: Guest = await start("Work", parts=("clipboard",))
    await Driver(guest).say(encoded("hello", 1))
    sentences = set()
    for _ in range(30):
        with pytest.raises(GuestError) as caught:
            await guest.clipboard.paste("x" * TEXT_MAX)
        sentences.add(str(caught.value))
    assert sentences == {
        "Work does not answer about its clipboard",
        "Work does not read what it is told of its clipboard",
    }
    assert len(guest.clipboard._unsent) < 1 << 20
