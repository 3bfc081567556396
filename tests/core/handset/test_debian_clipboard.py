"""Debian's own driver and the script that speaks for its clipboard: copied there and pasted elsewhere, and
over a restore. That a recording of it comes again is in test_debian_services.py."""

import asyncio
from collections.abc import Callable

import pytest
from kept_debian import PROMPT, Booted

from pocketvisor.api import Guest, Handset
from pocketvisor.guest.clipboard_wire import TEXT_MAX

pytestmark = pytest.mark.debian


class Debian:
    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._count = 0

    async def ask(self, command: str) -> str:
        mark = self._count = self._count + 1
        self.guest.console.write(f"echo begin-$(({mark})); {command}; echo end-$(({mark}))\r".encode())
        found = await self.guest.console.expect(rf"(?s)^begin-{mark}\n(.*?)^end-{mark}\n", 120)
        await self.guest.console.expect(PROMPT, 60)
        return found[1]


async def until(promise: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not promise():
            await asyncio.sleep(0.02)


async def test_copied_and_pasted(phone: Handset, booted: Booted) -> None:
    debian = Debian(await booted.start(phone))
    guest, clipboard = debian.guest, debian.guest.clipboard
    await until(lambda: clipboard.available)
    await debian.ask("printf 'hello\\nfrom D\\303\\266bian' | clipboard copy")
    await until(lambda: phone.clipboard.text == "hello\nfrom Döbian")
    assert phone.clipboard.origin == guest.name and await clipboard.copy() == phone.clipboard.text
    phone.clipboard.put("put on the phone")
    assert await debian.ask("clipboard paste; echo") == "put on the phone\n"
    await clipboard.paste("given from outside\n")
    assert await debian.ask("clipboard paste") == "given from outside\n"
    large = "0123456789abcdef" * (TEXT_MAX // 16)
    await clipboard.paste(large)
    assert await debian.ask("clipboard paste | wc -c") == f"{TEXT_MAX}\n"
    assert await clipboard.copy() == large
    said = await debian.ask(f"head -c {TEXT_MAX + 1} /dev/zero | tr '\\0' x | clipboard copy 2>&1")
    assert said == "clipboard: more than 65536 bytes cannot be copied\n"

    # In another process, with a fresh channel, the script goes on.
    await guest.pause()
    await guest.put_back(await guest.save())
    await guest.resume()
    await clipboard.paste("after a restore")
    assert await debian.ask("clipboard paste; echo") == "after a restore\n"
