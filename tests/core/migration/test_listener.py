"""The port at which phones are received, and callers who mean no good: each costs little, and the next honest
one is let in."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator

import pytest
from machines import Machine

from pocketvisor.control.channel import frame
from pocketvisor.errors import MigrationError
from pocketvisor.migration import greeting, listener, messages
from pocketvisor.migration.greeting import call, parse_address
from pocketvisor.migration.identity import client_context
from pocketvisor.migration.link import LinkLost


@pytest.fixture
async def address(here: Machine, there: Machine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(listener, "GREETING_SECONDS", 0.3)
    here.trust(there)
    address = await there.listen()
    yield address
    monkeypatch.undo()
    (await call(address, here.identity, here.peers)).abort()  # whatever was done to it
    assert not there.told


async def plain(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*parse_address(address))


async def secured(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*parse_address(address), ssl=client_context(), server_hostname="x")


async def ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """It is cut off, whatever it still gets."""
    try:
        async with asyncio.timeout(60):
            while await reader.read(65536):
                pass
    except OSError:
        pass
    writer.transport.abort()


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\x16\x03\x01\xff\xff" + bytes(70000)]
)
async def test_what_is_no_tls_is_cut_off(address: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_SECONDS", 0.3)
    reader, writer = await plain(address)
    writer.write(data)
    await ended(reader, writer)


async def test_an_older_tls_is_refused(address: str) -> None:
    context = client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        await asyncio.open_connection(*parse_address(address), ssl=context, server_hostname="x")


@pytest.mark.parametrize(
    "data",
    [
        b"",  # and nothing more
        b"\x01",
        struct.pack("<I", 0xFFFFFFFF) + bytes(100_000),
        struct.pack("<I", messages.HANDSHAKE_MAX + 1) + bytes(100_000),
        struct.pack("<I", 4) + b"\xde\xad\xbe\xef",
        struct.pack("<I", 5) + b"\xdd\xff\xff\xff\xff",  # an array that says it is endless
        struct.pack("<I", 16000) + b"\x91" * 16000,  # nested
        frame(messages.Introduction(1, b"", b"", "x")),
        frame(messages.Introduction(99, b"", b"", "x")),
        frame(messages.Introduction(1, bytes(4096), bytes(256), "x", pair=True)),
        frame(messages.PairMessage(bytes(33))),
        frame(messages.Commit(bytes(16), bytes(16), 0)),
        frame(messages.Hello(1, bytes(32), "x")),  # an answerer's
        frame(messages.Busy()) * 3,
    ],
    ids=range(14),
)
async def test_what_is_no_introduction_is_cut_off(address: str, there: Machine, data: bytes) -> None:
    reader, writer = await secured(address)
    writer.write(data)
    await ended(reader, writer)
    there.told.clear()


async def test_a_caller_that_is_busy_for_ever_has_no_more_time_than_others(address: str) -> None:
    reader, writer = await secured(address)

    async def busy() -> None:
        while True:
            writer.write(frame(messages.Busy()))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(busy())
    await ended(reader, writer)
    task.cancel()


async def test_a_crowd_of_strangers_keeps_nobody_out(
    here: Machine, there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody of the crowd ever says a word, and none has run out of time when the honest one comes."""
    here.trust(there)
    address = await there.listen()
    crowd = [await plain(address) for _ in range(listener.STRANGERS_MAX * 3)]
    (await call(address, here.identity, here.peers)).abort()
    for _, writer in crowd:
        writer.transport.abort()


async def test_sessions_are_bounded(here: Machine, there: Machine) -> None:
    here.trust(there)
    address = await there.listen(session=lambda link: asyncio.sleep(60))
    links = [await call(address, here.identity, here.peers) for _ in range(listener.SESSIONS_MAX)]
    one_more = await call(address, here.identity, here.peers)
    with pytest.raises(MigrationError, match="Too many"):
        await one_more.receive(messages.Accepted)
    for link in links:
        link.abort()


async def test_an_answerer_that_says_nothing_is_given_up(
    here: Machine, there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(greeting, "GREETING_SECONDS", 0.2)
    for context in (None, there.identity.server_context()):
        writers = []
        quiet = await asyncio.start_server(
            lambda _, writer, kept=writers: kept.append(writer), "127.0.0.1", 0, ssl=context
        )
        host, port = quiet.sockets[0].getsockname()
        with pytest.raises(LinkLost, match="does not answer"):
            await call(f"{host}:{port}", here.identity, here.peers)
        quiet.close()
        for writer in writers:
            writer.transport.abort()


async def test_nobody_there_is_one_sentence(here: Machine, there: Machine) -> None:
    address = await there.listen()
    await there.silence()
    with pytest.raises(LinkLost, match="cannot be reached"):
        await call(address, here.identity, here.peers)


@pytest.mark.parametrize(
    "text", ["", "host", "host:", ":7010", "host:x", "host:70000", "::1:5", "h" * 400 + ":1"]
)
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(MigrationError, match="no address"):
        parse_address(text)


def test_addresses() -> None:
    assert parse_address("localhost:7010") == ("localhost", 7010)
    assert parse_address("[::1]:7010") == ("::1", 7010)
