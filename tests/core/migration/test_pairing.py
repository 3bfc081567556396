"""Two machines come to trust each other by a code, and by nothing else."""

import asyncio
from pathlib import Path

import pytest
from machines import Impostor, Machine, ManInTheMiddle

from pocketvisor.errors import MigrationError
from pocketvisor.migration.greeting import NotPaired, call
from pocketvisor.migration.pairing import Exchange, PairingCode, typed_code

A, B = b"a" * 32, b"b" * 32


def exchanged(
    code_a: str, code_b: str, seen_by_a: tuple[bytes, bytes], seen_by_b: tuple[bytes, bytes]
) -> bool:
    caller = Exchange(code_a, *seen_by_a, calling=True)
    answerer = Exchange(code_b, *seen_by_b, calling=False)
    caller.received(answerer.message)
    answerer.received(caller.message)
    agreed = answerer.check(caller.proof)
    assert caller.check(answerer.proof) == agreed
    return agreed


def test_the_code_and_both_certificates_have_to_be_the_same() -> None:
    assert exchanged("123456", "123456", (A, B), (A, B))
    assert not exchanged("123456", "123457", (A, B), (A, B))
    assert not exchanged("123456", "123456", (A, b"m" * 32), (A, B))
    assert not exchanged("123456", "123456", (A, B), (b"m" * 32, B))
    assert not exchanged("123456", "123456", (B, A), (A, B))


def test_a_proof_that_is_sent_back_is_none() -> None:
    caller, answerer = Exchange("1" * 6, A, B, calling=True), Exchange("1" * 6, A, B, calling=False)
    caller.received(answerer.message)
    assert not caller.check(caller.proof)


@pytest.mark.parametrize(
    "message", [b"", b"A", b"B" + bytes(32), b"A" + bytes(32), b"A" + b"\xff" * 32, bytes(99)]
)
def test_a_message_that_is_none_is_refused(message: bytes) -> None:
    with pytest.raises(MigrationError, match="makes no sense"):
        Exchange("123456", A, B, calling=False).received(message)


def test_its_own_message_is_refused() -> None:
    exchange = Exchange("123456", A, B, calling=True)
    with pytest.raises(MigrationError, match="makes no sense"):
        exchange.received(b"B" + exchange.message[1:])


def test_codes_as_people_type_them() -> None:
    assert typed_code("123 456") == typed_code("123-456") == "123456"
    for text in ("", "12345", "1234567", "12345a", "١٢٣٤٥٦"):
        with pytest.raises(MigrationError, match="6 digits"):
            typed_code(text)
    assert len({PairingCode().code for _ in range(20)}) > 10
    assert PairingCode("012345").shown == "012 345"


async def test_machines_that_paired_trust_each_other(here: Machine, there: Machine) -> None:
    code = PairingCode()
    address = await there.listen(code=code)
    with pytest.raises(NotPaired, match="not trusted yet"):
        await call(address, here.identity, here.peers)
    link = await call(address, here.identity, here.peers, code=code.shown)
    assert link.peer.name == "there"
    link.abort()
    link = await call(address, here.identity, here.peers)
    link.abort()
    known = there.peers.find(here.identity.fingerprint)
    assert known is not None
    assert known.name == "here"
    assert not code.open  # it was for one
    with pytest.raises(MigrationError, match="used up"):
        await call(address, here.identity, here.peers, code=code.shown)


async def test_a_code_takes_three_tries(here: Machine, there: Machine) -> None:
    code = PairingCode("111111")
    address = await there.listen(code=code)
    for left in ("2 more tries", "one more try", "used up"):
        with pytest.raises(MigrationError, match=left):
            await call(address, here.identity, here.peers, code="222222")
    with pytest.raises(MigrationError, match="used up"):
        await call(address, here.identity, here.peers, code="111111")
    assert here.peers.all() == there.peers.all() == []


async def test_many_tries_at_once_are_no_more_than_three(here: Machine, there: Machine) -> None:
    code = PairingCode("111111")
    address = await there.listen(code=code)
    calls = (call(address, here.identity, here.peers, code=f"{at:06}") for at in range(8))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, MigrationError) for result in results)
    assert sum("not the one" in str(result) for result in results) <= 3
    assert not code.open


async def test_a_man_in_the_middle_fails_although_the_code_is_right(
    here: Machine, there: Machine, tmp_path: Path
) -> None:
    """He has TLS with both, and passes their messages on: the certificates that they see are his."""
    code = PairingCode()
    address = await there.listen(code=code)
    proxy = ManInTheMiddle(address, Machine(tmp_path, "between").identity)
    try:
        with pytest.raises(MigrationError):
            await call(await proxy.open(), here.identity, here.peers, code=code.code)
    finally:
        await proxy.close()
    assert proxy.passed > 500
    assert here.peers.all() == there.peers.all() == []
    link = await call(address, here.identity, here.peers, code=code.code)  # no try was wasted by it
    link.abort()


async def test_an_impostor_with_certificates_of_its_own_gets_no_further_than_the_proof(
    here: Machine, there: Machine, tmp_path: Path
) -> None:
    code = PairingCode()
    impostor = Impostor(await there.listen(code=code), Machine(tmp_path, "between").identity)
    try:
        with pytest.raises(MigrationError, match="not the one"):
            await call(await impostor.open(), here.identity, here.peers, code=code.code)
    finally:
        await impostor.close()
    assert impostor.proofs == 1  # both ends knew the code, and saw other certificates
    assert code.tries_left == 2
    assert here.peers.all() == there.peers.all() == []


async def test_a_man_in_the_middle_with_a_relayed_introduction_fails_later_too(
    here: Machine, there: Machine, tmp_path: Path
) -> None:
    """Even one whom the caller trusts cannot pass for the caller elsewhere."""
    here.trust(there)
    between = Machine(tmp_path, "between")
    here.trust(between)
    proxy = ManInTheMiddle(await there.listen(), between.identity)
    try:
        with pytest.raises(MigrationError):
            await call(await proxy.open(), here.identity, here.peers)
    finally:
        await proxy.close()
    assert proxy.passed > 300


async def test_another_machine_at_a_known_address_is_noticed(
    here: Machine, there: Machine, tmp_path: Path
) -> None:
    address = await there.listen()
    here.trust(there)
    (await call(address, here.identity, here.peers)).abort()
    proxy = ManInTheMiddle(address, Machine(tmp_path, "between").identity)
    between = await proxy.open()
    here.peers.found(there.identity.fingerprint, between)
    try:
        with pytest.raises(NotPaired, match="it was there"):
            await call(between, here.identity, here.peers)
    finally:
        await proxy.close()


async def test_trust_is_gone_when_either_side_removes_it(here: Machine, there: Machine) -> None:
    address = await there.listen()
    here.trust(there)
    there.peers.remove("here")
    with pytest.raises(NotPaired, match="does not trust"):
        await call(address, here.identity, here.peers)
    here.trust(there)
    here.peers.remove("there")
    with pytest.raises(NotPaired, match="not trusted"):
        await call(address, here.identity, here.peers)
