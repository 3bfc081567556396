"""What governs a phone goes with it, to where only generations travel."""

from pathlib import Path

import pytest
from policy_kit import IT
from profiles_made import add_generation, make_profile

from pocketvisor.policies.act import Act
from pocketvisor.policies.clock import SystemClock
from pocketvisor.policies.generations import governed_head
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.store import GovernanceStore
from pocketvisor.profile.exporting import export
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.vault import Vault
from pocketvisor.vaults import copy_missing

NO_SHOTS = "[screen]\nscreenshots = false"


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IT:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "data" / "pocketvisor"
    folder.mkdir(parents=True)
    return IT(folder, clock=SystemClock())


def test_a_policy_that_came_while_the_phone_was_off_is_in_its_newest_generation(
    it: IT, tmp_path: Path
) -> None:
    with make_profile(tmp_path / "work.vphone", "one", "two") as file:
        assert governed_head(file) == 2
        governed = it.governs(file, NO_SHOTS)
        before = file.manifest(2)
        assert governed_head(file) == 3 == file.head
        after = file.manifest(3)
        assert after.policy == governed.document
        assert (after.spaces, after.guest, after.name) == (before.spaces, before.guest, before.name)
        assert governed_head(file) == 3  # once is enough
        assert file.verify() == []


def test_a_copy_from_a_vault_is_governed_where_nobody_knows_it(it: IT, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    with make_profile(tmp_path / "work.vphone", "one") as file:
        it.governs(file, NO_SHOTS)
        governed_head(file)
        copy_missing(str(tmp_path / "vault"), file)
        own = file.id
    fetched = tmp_path / "fetched.vphone"
    Vault(str(tmp_path / "vault")).fetch(own, fetched)
    elsewhere = GovernanceStore(tmp_path / "elsewhere.sqlite")
    with ProfileFile.open(fetched) as file:
        governed = Governed.of_file(file, store=elsewhere)
        assert governed is not None and governed.allows(Act.SCREENSHOT)
        assert file.carried == governed.document


def test_a_copy_of_chosen_generations_is_governed(it: IT, tmp_path: Path) -> None:
    with make_profile(tmp_path / "work.vphone", "one") as file:
        it.governs(file, NO_SHOTS)
        add_generation(file, "two")
        export(file, tmp_path / "part.vphone", [1])
    with ProfileFile.open(tmp_path / "part.vphone") as file:
        assert Governed.of_file(file, store=GovernanceStore(tmp_path / "elsewhere.sqlite")) is not None


def test_a_release_travels_too(it: IT, tmp_path: Path) -> None:
    with make_profile(tmp_path / "work.vphone", "one") as file:
        governed = it.governs(file, NO_SHOTS)
        governed_head(file)
        it.deliver(it.policy(file.id, 2, header="release = true"), file)
        assert Governed.of_file(file) is None
        released = file.manifest(governed_head(file)).policy
        assert released != governed.document or governed.released
        elsewhere = GovernanceStore(tmp_path / "elsewhere.sqlite")
        assert Governed.of(file.id, carried=released, store=elsewhere) is None
