"""The sample phone asks the keys service in another guest for a photograph that it cannot open by itself."""

import asyncio
import re
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from PIL import Image

from pocketvisor.api import Guest, Handset, RunOptions, catalogue, load_models, move


@pytest.fixture
async def phones() -> AsyncIterator[list[Handset]]:
    models = load_models()
    phones = [Handset(models[name]) for name in ("nexus-one", "galaxy-s2")]
    yield phones
    for phone in phones:
        await phone.close()


async def start(phone: Handset, image: str) -> Guest:
    guest = await phone.start(catalogue()[image], options=RunOptions(rate="max"))
    await guest.console.expect("serves port 7000|ready after", 60)
    return guest


async def run(guest: Guest, command: str) -> str:
    guest.console.write(f"{command}\r".encode())
    found = await guest.console.expect(rf"(?s){re.escape(command)}\n(.*?)> ", 60)
    return found[1]


async def settled(guest: Guest) -> str:
    """What has come of asking."""
    async with asyncio.timeout(60):
        while (said := await run(guest, "protected")).startswith("protected asks"):
            pass
    return said


async def show(guest: Guest) -> str:
    await run(guest, "protected show")
    return await settled(guest)


async def picture(guest: Guest) -> bytes:
    """What its panel shows below its clock, once nothing moves."""
    before = b""
    async with asyncio.timeout(60):
        while True:
            await run(guest, "where")  # what is to be drawn is drawn
            shown = Image.open(BytesIO(await guest.screenshot()))
            now = shown.crop((0, shown.height // 8, shown.width, shown.height)).tobytes()
            if now == before:
                return now
            before = now


async def test_three_looks(phones: list[Handset]) -> None:
    phone = phones[0]
    await start(phone, "keys")
    personal = await start(phone, "personal")
    await run(personal, "home")
    await run(personal, "app photos")
    places = {
        line.rsplit(" ", 1)[1]: line.split() for line in (await run(personal, "where")).splitlines()[1:]
    }
    x, y = (int(number) + 8 for number in places["action"][:2])
    for phase in ("down", "up"):
        personal.touch(x, y, phase)
    async with asyncio.timeout(60):
        while not (await run(personal, "where")).startswith("screen protected"):
            pass
    pictures = {await picture(personal)}
    for left in (2, 1, 0):
        assert await show(personal) == f"protected shown, {left} left, owes {(3 - left) * 5}\n"
        pictures.add(await picture(personal))
        assert (
            await run(personal, "protected hide") == f"protected hidden, {left} left, owes {(3 - left) * 5}\n"
        )
        pictures.add(await picture(personal))
    assert len(pictures) == 7, "three looks, and what it says of them before and after"
    assert "used up" in await show(personal)


async def test_without_a_service_it_says_so(phones: list[Handset]) -> None:
    personal = await start(phones[0], "personal")
    notes: list[str] = []
    personal.on("event", notes.append)
    assert "No key service answers on this phone" in await show(personal)
    assert "no other guest on Nexus One offers a service there" in notes[0]
    await start(phones[0], "keys")
    assert (await show(personal)).startswith("protected shown, 2 left")


async def test_it_moves_and_finds_the_service_again(phones: list[Handset]) -> None:
    here, there = phones
    keys, personal = await start(here, "keys"), await start(here, "personal")
    assert (await show(personal)).startswith("protected shown, 2 left")
    await run(personal, "protected hide")
    await move(personal, there)
    assert "No key service answers" in await show(personal)
    await move(keys, there)
    assert (await show(personal)).startswith("protected shown, 1 left, owes 10")


async def test_after_the_service_was_reset_it_says_why_not(phones: list[Handset]) -> None:
    phone = phones[0]
    keys, personal = await start(phone, "keys"), await start(phone, "personal")
    await show(personal)
    await run(personal, "protected hide")
    await keys.reset()
    await keys.console.expect("serves port 7000", 60)
    assert "another key" in await show(personal)
    assert (await show(personal)).startswith("protected shown, 2 left"), "it has it protected anew"
