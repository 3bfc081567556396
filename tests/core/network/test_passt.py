"""passt beside a guest: it leads to the network, or there is one sentence that says why not."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from held_port import held_port
from passt_here import skip_where_unfit

from pocketvisor.errors import NetworkError
from pocketvisor.network.passt import Passt, arguments, explained
from pocketvisor.network.spec import Forward

SECONDS = 30


def not_expected(passt: Passt, sentence: str) -> None:
    raise AssertionError(sentence)


async def begin(*forwards: Forward) -> tuple[Passt, socket.socket]:
    try:
        return await Passt.start(forwards, reach_host=False, on_end=not_expected)
    except NetworkError as error:
        skip_where_unfit(str(error))
        raise


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "passt"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_it_offers_an_address_and_is_gone_when_it_is_stopped() -> None:
    passt, end = await begin()
    with end:
        assert passt.address.address.count(".") == 3 and passt.address.gateway.count(".") == 3
        pid = passt.pid
        await passt.stop()
        assert not Path(f"/proc/{pid}").exists()


async def test_it_ends_by_itself_when_its_guest_has_gone() -> None:
    ended = asyncio.get_running_loop().create_future()
    passt, end = await begin()
    passt._on_end = lambda _, sentence: ended.set_result(sentence)
    end.close()
    async with asyncio.timeout(SECONDS):
        assert (await ended).startswith("passt ended")
    await passt.stop()


async def test_killed_it_is_told_once() -> None:
    ended = asyncio.get_running_loop().create_future()
    passt, end = await begin()
    passt._on_end = lambda _, sentence: ended.set_result(sentence)
    with end:
        os.kill(passt.pid, signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            assert await ended == "passt was ended by signal 9"
        await passt.stop()


async def test_a_port_that_is_taken_is_a_sentence() -> None:
    with (
        held_port() as port,
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(NetworkError, match=f"Port {port} of 127.0.0.1 cannot be forwarded"),
    ):
        await begin(Forward("tcp", port, 80))


async def test_without_passt_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NetworkError, match="apt install passt"):
        await Passt.start((), reach_host=False, on_end=not_expected)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 3", "passt ended with exit code 3"),
        (
            "echo Failed to send 3 bytes to syslog >&2; echo It is broken >&2; exit 1",
            "passt ended: It is broken",
        ),
        ("kill -9 $$", "passt was ended by signal 9"),
        ("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", "passt ended: xxx"),
    ],
)
async def test_whatever_ends_it_at_once_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    fake(tmp_path, script, monkeypatch)
    with pytest.raises(NetworkError) as caught:
        await Passt.start((), reach_host=False, on_end=not_expected)
    assert str(caught.value).startswith(sentence) and len(str(caught.value)) < 400


def test_its_words_are_explained() -> None:
    assert "Port 22 of 0.0.0.0 cannot" in explained(
        ["Failed to bind any port for '-t 0.0.0.0/22:2222', exiting"]
    )
    assert "no network" in explained(
        ["No external routable interface for IPv4", "External interface not usable"]
    )
    assert "containers" in explained(["Failed to sandbox process, exiting"])


def test_this_machine_is_reached_only_where_that_is_wanted() -> None:
    given = arguments(7, [Forward("tcp", 8080, 80), Forward("udp", 53, 53, "::1")], reach_host=False)
    assert "--no-map-gw" in given and given[given.index("--fd") + 1] == "7"
    assert given[-4:] == ["--tcp-ports", "127.0.0.1/8080:80", "--udp-ports", "::1/53:53"]
    assert "--no-map-gw" not in arguments(7, [], reach_host=True)
