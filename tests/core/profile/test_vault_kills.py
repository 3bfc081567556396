"""A copy into a vault that is killed leaves what was there whole, and the next one completes it."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from vault_kit import Phone, content

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.vault import Vault

COPIER = """
import sys
from pathlib import Path
from pocketvisor.profile.vault import packs as vault_packs
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.vault import Vault
vault_packs.TARGET = 20_000
vault = Vault(sys.argv[2])
write = vault._store.write
def told(name, content):
    write(name, content)
    print(name, flush=True)
vault._store.write = told
with ProfileFile.open(Path(sys.argv[1]), read_only=True) as file:
    for number in map(int, sys.argv[3:]):
        vault.copy(file, number)
        print("copied", number, flush=True)
"""


@pytest.mark.parametrize("writes", random.Random(4).sample(range(1, 40), 8))
def test_a_killed_copy_takes_nothing_with_it(tmp_path: Path, writes: int) -> None:
    phone = Phone(tmp_path / "a.vphone")
    phone.save(range(20))
    phone.save(range(10, 40))
    phone.file.close()
    folder = tmp_path / "vault"
    process = subprocess.Popen(
        [sys.executable, "-c", COPIER, str(tmp_path / "a.vphone"), str(folder), "1", "2", "3"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(writes)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    process.wait(timeout=20)
    acknowledged = {int(line.split()[1]) for line in lines if line.startswith("copied")}
    vault = Vault(str(folder))
    there = {each.number for listed in vault.list() for each in listed.generations}
    assert acknowledged <= there
    with ProfileFile.open(tmp_path / "a.vphone", read_only=True) as file:
        if there:
            assert vault.check(file.id) == []
        for number in (1, 2, 3):
            vault.copy(file, number)
        vault.fetch(file.id, tmp_path / "b.vphone", history=True)
    with ProfileFile.open(tmp_path / "b.vphone", read_only=True) as back:
        assert back.verify() == []
        assert {number: content(back, number) for number in (1, 2, 3)} == phone.were
