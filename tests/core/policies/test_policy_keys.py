"""Keys for policies: in a real keyring, GNOME's Secret Service on a bus of the test's own; and in files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey, read_key_file, write_key_file

HAS_SERVICE = all(shutil.which(name) for name in ("dbus-run-session", "gnome-keyring-daemon"))
needs_service = pytest.mark.skipif(not HAS_SERVICE, reason="needs dbus-run-session and gnome-keyring-daemon")


def session(folder: Path, start: str, script: str) -> subprocess.CompletedProcess[str]:
    """Python in a desktop session that is a bus and a keyring."""
    for name in ("run", "data", "home"):
        (folder / name).mkdir(exist_ok=True, mode=0o700)
    (folder / "script.py").write_text(script)
    shell = f"{start} --components=secrets >/dev/null 2>&1; exec {sys.executable} {folder / 'script.py'}"
    return subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", shell],
        env=os.environ
        | {
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "HOME": str(folder / "home"),
            "DISPLAY": "",
            "WAYLAND_DISPLAY": "",
        },
        capture_output=True,
        text=True,
        timeout=90,
    )


@needs_service
def test_keys_are_kept_in_the_desktops_keyring(tmp_path: Path) -> None:
    script = """
from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.keyring_store import Keyring

def refused(call, *given):
    try:
        call(*given)
    except PolicyError as error:
        print(error)

ring, one, two = Keyring(), AuthorityKey.new(), AuthorityKey.new()
assert ring.keys() == []
refused(ring.key)
ring.add("Acme", one)
assert ring.key().public == one.public
ring.add("Other", two)
assert [each.name for each in Keyring().keys()] == ["Acme", "Other"]
assert Keyring().key("Acme").sign(b"x") == one.sign(b"x")
refused(ring.key)
refused(ring.add, "Acme", two)
refused(ring.add, " ", two)
ring.remove("Acme")
refused(ring.key, "Acme")
assert ring.key().public == two.public
"""
    ran = session(tmp_path, "echo -n password | gnome-keyring-daemon --unlock", script)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "The keyring has not exactly one key: say which; it has none",
        "The keyring has not exactly one key: say which; it has Acme, Other",
        "The keyring has a key 'Acme' already",
        "A key's name has 1 to 64 letters",
        "The keyring has no key 'Acme'; it has Other",
    ]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"pocketvisor-authority-key" not in kept  # it is the keyring's to protect


@needs_service
def test_a_locked_keyring_is_one_sentence(tmp_path: Path) -> None:
    script = """
from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.keyring_store import Keyring
try:
    Keyring().add("Acme", AuthorityKey.new())
except PolicyError as error:
    print(error)
"""
    ran = session(tmp_path, "gnome-keyring-daemon --start", script)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("The keyring is locked") and "--key-file" in ran.stdout


def test_a_desktop_without_a_keyring_is_one_sentence(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("DBUS")}
    ran = subprocess.run(
        [sys.executable, "-m", "pocketvisor.cli", "policy", "keys", "new", "acme"],
        env=bare | {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert ran.stderr == "pocketvisor: This desktop has no keyring: give a key's file instead (--key-file)\n"


def test_a_keyring_that_breaks_down_is_one_sentence() -> None:
    from pocketvisor.policies.keyring_store import Keyring

    class Broken:
        def get_password(self, service: str, name: str) -> str:
            raise OSError("the bus is gone")

    with pytest.raises(PolicyError, match=r"cannot be used \(the bus is gone\)"):
        Keyring(Broken()).keys()


def test_a_keys_file_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    key, path = AuthorityKey.new(), tmp_path / "it.key"
    write_key_file(path, key, "secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.text().encode() not in path.read_bytes()
    assert read_key_file(path, "secret").public == key.public
    with pytest.raises(PolicyError, match="does not open"):
        read_key_file(path, "Secret")
    with pytest.raises(PolicyError, match="there already"):
        write_key_file(path, key, "secret")
    with pytest.raises(PolicyError, match="protects nothing"):
        write_key_file(tmp_path / "other", key, "")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_key_file(tmp_path / "other", "secret")
    for content in (b"", b"x" * 20_000, key.text().encode()):
        path.write_bytes(content)
        with pytest.raises(PolicyError, match="no key's file"):
            read_key_file(path, "secret")


def test_a_key_is_never_shown_by_accident() -> None:
    key = AuthorityKey.new()
    assert key.text()[-64:] not in repr(key) + str(key)
    assert AuthorityKey.from_text(key.text()).public == key.public
    for text in ("", "pocketvisor-profile-key-1:" + "0" * 64, key.text() + "00", key.text()[:-1]):
        with pytest.raises(PolicyError, match=r"wrong length|no key for policies"):
            AuthorityKey.from_text(text)
