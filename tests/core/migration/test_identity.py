"""An installation's certificate and the list of machines that it trusts."""

import json
import stat
from pathlib import Path

import pytest

from pocketvisor.errors import MigrationError
from pocketvisor.migration.identity import check_signature, load_identity
from pocketvisor.migration.peers import PEERS_MAX, TrustedPeers, plain_name

PRINT = bytes(range(32))


def test_an_identity_is_made_once_and_for_the_user_alone(tmp_path: Path) -> None:
    first, second = load_identity(tmp_path / "identity"), load_identity(tmp_path / "identity")
    assert first.fingerprint == second.fingerprint
    assert first.certificate == second.certificate
    file = tmp_path / "identity" / "identity.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["identity.pem"]


def test_another_installation_is_somebody_else(tmp_path: Path) -> None:
    assert load_identity(tmp_path / "a").fingerprint != load_identity(tmp_path / "b").fingerprint


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    load_identity(tmp_path)
    (tmp_path / "identity.pem").chmod(0o644)
    with pytest.raises(MigrationError, match="others could read"):
        load_identity(tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_identity_is_said_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    load_identity(tmp_path)
    (tmp_path / "identity.pem").write_bytes(content)
    with pytest.raises(MigrationError, match="no usable key"):
        load_identity(tmp_path)
    assert (tmp_path / "identity.pem").read_bytes() == content


def test_a_certificate_of_a_kind_that_nobody_knows_proves_nothing(tmp_path: Path) -> None:
    """Whoever can reach the port may send one."""
    identity = load_identity(tmp_path)
    signature = identity.sign(b"facts")
    kind = b"\x06\x03\x2b\x65\x70"
    assert identity.certificate.count(kind) == 3  # of the signature, of the key, and of the signature again
    first, key, rest = identity.certificate.split(kind, 2)
    unknown = first + kind + key + kind[:-1] + b"\x7f" + rest
    later = identity.certificate.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09")
    assert later != identity.certificate
    for certificate in (unknown, later):
        with pytest.raises(MigrationError, match="could not prove"):
            check_signature(certificate, b"facts", signature)


def test_a_signature_proves_the_certificate_and_the_facts(tmp_path: Path) -> None:
    identity, other = load_identity(tmp_path / "a"), load_identity(tmp_path / "b")
    signature = identity.sign(b"facts")
    check_signature(identity.certificate, b"facts", signature)
    for certificate, facts, signed in (
        (identity.certificate, b"other facts", signature),
        (other.certificate, b"facts", signature),
        (identity.certificate, b"facts", b""),
        (identity.certificate, b"facts", bytes(64)),
        (b"no certificate", b"facts", signature),
        (identity.certificate[:-1], b"facts", signature),
        (bytes(5000), b"facts", signature),
    ):
        with pytest.raises(MigrationError, match="could not prove"):
            check_signature(certificate, facts, signed)


def test_machines_are_trusted_found_again_and_removed(tmp_path: Path) -> None:
    peers = TrustedPeers(tmp_path)
    assert peers.all() == []
    peers.trust(PRINT, "desk", "10.0.0.1:7010")
    peers.trust(bytes(32), "desk")
    assert peers.find(PRINT) == peers.at("10.0.0.1:7010")
    peers.found(bytes(32), "10.0.0.1:7010")  # it has that address now
    assert [peer.address for peer in peers.all()] == ["", "10.0.0.1:7010"]
    with pytest.raises(MigrationError, match="Several machines"):
        peers.remove("desk")
    with pytest.raises(MigrationError, match="No machine"):
        peers.remove("chair")
    peers.remove("0001:0203")
    assert peers.find(PRINT) is None
    assert len(peers.all()) == 1
    assert stat.S_IMODE((tmp_path / "peers.json").stat().st_mode) == 0o600


def test_pairing_again_leaves_one_entry(tmp_path: Path) -> None:
    peers = TrustedPeers(tmp_path)
    for name in ("old", "new"):
        peers.trust(PRINT, name)
    assert [peer.name for peer in peers.all()] == ["new"]


def test_trusted_machines_are_bounded(tmp_path: Path) -> None:
    entry = {"name": "x", "added": 0.0}
    entries = [entry | {"fingerprint": f"{at:064x}"} for at in range(PEERS_MAX)]
    (tmp_path / "peers.json").write_text(json.dumps(entries))
    with pytest.raises(MigrationError, match="trusted already"):
        TrustedPeers(tmp_path).trust(b"\xff" * 32, "one more")


@pytest.mark.parametrize(
    "content", ["", "{}", '[{"fingerprint": "x", "name": "a", "added": 0}]', "[" * 100_000]
)
def test_a_damaged_list_trusts_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "peers.json").write_text(content)
    with pytest.raises(MigrationError, match="no list of machines"):
        TrustedPeers(tmp_path).find(PRINT)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("desk", "desk"),
        ("a\x1b[31mb\r\nc", "a[31mbc"),
        ("", "unnamed"),
        ("  x   y ", "x y"),
        ("z" * 99, "z" * 64),
    ],
)
def test_a_name_from_elsewhere_is_plain(name: str, shown: str) -> None:
    assert plain_name(name) == shown
