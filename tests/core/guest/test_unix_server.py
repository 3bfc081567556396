"""Sockets at paths of the user's: his alone, never in place of something else; how ports are asked for."""

import socket
import stat
from pathlib import Path

import pytest

from pocketvisor.errors import GuestError
from pocketvisor.guest.port_spec import PortSpec, parse_ports
from pocketvisor.guest.unix_server import listen, stop


def test_a_socket_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listener = listen(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    with pytest.raises(GuestError, match="somebody listens there already"):
        listen(path)
    stop(listener, path)
    assert not path.exists()


def test_one_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listen(path).close()
    assert path.exists()
    stop(listen(path), path)


@pytest.mark.parametrize("name", ["file", "missing/socket", "x" * 120])
def test_impossible_paths(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(GuestError) as caught:
        listen(tmp_path / name)
    assert name in str(caught.value)
    assert (tmp_path / "file").read_text() == "precious"


def test_ports_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a:b=c"
    assert parse_ports([f"com.example=unix:{path}"]) == (PortSpec("com.example", path),)


@pytest.mark.parametrize(
    "texts",
    [
        ["name"],
        ["name=unix:"],
        ["=unix:/x"],
        ["name=tcp:1"],
        ["na me=unix:/x"],
        ["name\n=unix:/x"],
        [f"{'x' * 65}=unix:/x"],
        ["name=unix:/x", "name=unix:/y"],
        [f"name{number}=unix:/x" for number in range(6)],
    ],
    ids=lambda texts: texts[0][:12].replace("\n", " "),
)
def test_ports_that_cannot_be(texts: list[str]) -> None:
    with pytest.raises(GuestError, match="--port"):
        parse_ports(texts)
