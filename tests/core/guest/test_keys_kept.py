"""The keys service in a profile, and under a policy: it is there again wherever its profile is opened, with
its key; a computer that has never seen it does not let others call it unasked; a policy shuts it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exchange_party import KEYS, Party
from keys_caller import KeysCaller

from pocketvisor.api import Guest, Handset, RunOptions, catalogue, load_models
from pocketvisor.guest.exchange import services_of
from pocketvisor.policies.act import Act
from pocketvisor.policies.applying import deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.signing import DocumentKind, sign


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["nexus-one"])
    yield phone
    await phone.close()


@pytest.fixture
async def keys(phone: Handset, tmp_path: Path) -> Guest:
    keys = await phone.start(catalogue()["keys"], options=RunOptions(rate="max"))
    await keys.console.expect("serves port 7000", 60)
    await keys.keep(tmp_path / "keys.vphone")
    return keys


@pytest.fixture
async def party(phone: Handset) -> AsyncIterator[Party]:
    party = Party(phone, "Caller", profile=b"caller's profile")
    yield party
    await party.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_it_is_there_again(phone: Handset, keys: Guest, party: Party, tmp_path: Path) -> None:
    caller = await KeysCaller.connect(party)
    protected = await caller.protect(b"kept")
    licence = await caller.license(protected, b"caller's profile", plays=2)
    await keys.snapshot()
    assert (await caller.play(licence, protected))[0] == 1, "a call goes on while it is saved"
    await keys.suspend()
    with pytest.raises(EOFError):
        await caller.receive()
    assert services_of(phone)[0].problem == "Keys is off"
    await phone.remove(keys)
    assert services_of(phone) == []
    await phone.open_profile(tmp_path / "keys.vphone")
    again = await KeysCaller.connect(party, 201)
    assert await again.play(licence, protected) == (0, 0, b"kept")


async def test_a_computer_that_has_never_seen_it(
    phone: Handset, keys: Guest, party: Party, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await phone.remove(keys)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another computer"))
    notes: list[str] = []
    strange = await phone.open_profile(
        tmp_path / "keys.vphone", on_guest=lambda guest: guest.on("event", notes.append)
    )
    assert any("pocketvisor services 'Keys' --offer keys=7000" in note for note in notes)
    assert "has not seen Keys's profile before" in services_of(phone)[0].problem
    with pytest.raises(AssertionError, match="no other guest"):
        await KeysCaller.connect(party)
    assert strange.calls is not None
    strange.calls.set_offers(strange.offers)
    await KeysCaller.connect(party, 201)


class It:
    """Who governs it."""

    def __init__(self, guest: Guest) -> None:
        assert guest.profile is not None
        self.file = guest.profile.file
        self._key, self._number = AuthorityKey.new(), 0

    async def apply(self, sections: str) -> None:
        self._number += 1
        text = (
            f'[policy]\nprofile = "{self.file.id.hex()}"\nnumber = {self._number}\norganisation = "Acme"\n'
            f"issued = {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n{sections}"
        )
        document = sign(text, DocumentKind.POLICY, self._key)
        await asyncio.to_thread(deliver, document, self.file.id, file=self.file)


async def test_its_policy_shuts_it_and_opens_it(keys: Guest, party: Party) -> None:
    caller = await KeysCaller.connect(party)
    it = It(keys)
    await it.apply("[services]\nallowed = false\n")
    await until(lambda: bool(keys.allows(Act.CALL_SERVICE, service=KEYS.name)))
    with pytest.raises(EOFError):
        await caller.about()
    with pytest.raises(AssertionError, match="Acme"):
        await KeysCaller.connect(party, 201)
    assert "Acme" in services_of(keys.handset)[0].problem
    await it.apply('[services]\nallowed = ["keys"]\n')
    await until(lambda: not keys.allows(Act.CALL_SERVICE, service=KEYS.name))
    assert (await (await KeysCaller.connect(party, 401)).about())[0] == 1


async def test_what_a_policy_refuses_is_in_its_log_once(keys: Guest, party: Party) -> None:
    it = It(keys)
    await it.apply('[services]\nallowed = ["bills"]\n')
    await until(lambda: bool(keys.allows(Act.CALL_SERVICE, service=KEYS.name)))
    assert keys.governed is not None
    with pytest.raises(AssertionError):
        await KeysCaller.connect(party)
    lines = [line for line in keys.governed.audit.lines() if "call a service" in str(line)]
    assert len(lines) == 1, "ten calls were refused"
