"""What an IT department does with its recovery key, knowing no more than the written format."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from vault_kit import Phone, content

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock


@pytest.mark.skipif(not shutil.which("age"), reason="no age here")
def test_the_stock_age_tool_gives_the_key_of_a_file(tmp_path: Path) -> None:
    identity = tmp_path / "recovery.txt"
    made = subprocess.run(
        ["age-keygen", "-o", identity], capture_output=True, text=True, check=True, timeout=20
    )
    recipient = made.stderr.split()[-1]
    phone = Phone(tmp_path / "a.vphone", NewKeys(passphrase="forgotten", recipients=(recipient,)))
    phone.file.close()
    connection = sqlite3.connect(f"file:{tmp_path / 'a.vphone'}?mode=ro", uri=True)
    (slot,) = connection.execute("SELECT body FROM key_slots WHERE kind = 'age'").fetchone()
    connection.close()
    opened = subprocess.run(
        ["age", "--decrypt", "--identity", identity], input=slot, capture_output=True, check=True, timeout=20
    )
    for unlock in (Unlock(key=opened.stdout.decode()), Unlock(identity=identity)):
        with ProfileFile.open(tmp_path / "a.vphone", read_only=True) as file:
            assert file.locked
            file.unlock(unlock)
            assert content(file, 1) == phone.were[1]
