"""A signature is of one profile's key, over exactly these bytes, for one purpose."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile.signing import ID_SIZE, Signer, check, profile_id, public_half

SIGNER = Signer(bytes(32))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_is_of_one_message(message: bytes, other: bytes) -> None:
    signature = SIGNER.sign(message)
    check(SIGNER.public, message, signature)
    if other != message:
        with pytest.raises(DamagedProfile):
            check(SIGNER.public, other, signature)


def test_a_signature_of_another_program_is_none_here() -> None:
    """Whatever else the key would sign: there is a prefix."""
    bare = Ed25519PrivateKey.from_private_bytes(bytes(32)).sign(b"message")
    with pytest.raises(DamagedProfile):
        check(SIGNER.public, b"message", bare)


@given(st.binary(max_size=80), st.binary(max_size=100))
def test_hostile_keys_and_signatures_are_refused(public: bytes, signature: bytes) -> None:
    with pytest.raises(DamagedProfile):
        check(public, b"message", signature)
    with pytest.raises(DamagedProfile):
        check(SIGNER.public, b"message", signature)


def test_the_id_comes_from_the_public_half_alone() -> None:
    assert public_half(bytes(32)) == SIGNER.public
    assert profile_id(SIGNER.public) == profile_id(public_half(bytes(32)))
    assert len(profile_id(SIGNER.public)) == ID_SIZE
    assert profile_id(public_half(b"\1" * 32)) != profile_id(SIGNER.public)
