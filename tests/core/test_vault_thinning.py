"""A vault that is copied to by itself does not grow for ever, and what its user asked for stays."""

from pathlib import Path

import pytest
from profiles_made import make_profile

from pocketvisor import vaults
from pocketvisor.profile.vault import Vault


def test_the_oldest_that_nobody_asked_for_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vaults, "UNASKED_KEPT", 4)
    with make_profile(tmp_path / "Phone.vphone", "first", "second") as file:
        for _ in range(18):
            number = file.head
            with file.begin(number) as saving:
                saving.commit(kind="autosave", guest=file.manifest(number).guest, spaces=())
            vaults.copy_missing(str(tmp_path / "vault"), file, newest=number > 2)
            if number > 3:
                file.delete(number)
        (listed,) = Vault(str(tmp_path / "vault")).list()
        found = sorted(each.number for each in listed.generations)
        assert {1, 2} <= set(found) and found[-1] == 20
        assert len(found) <= 2 + 1 + 4
