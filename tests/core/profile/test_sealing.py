"""What a sealer promises: the same bytes back under the same context, and nothing at all for anything
else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile.keys import NewKeys, ProfileKey, Unlock, new_slots
from pocketvisor.profile.sealing import OVERHEAD, KeyedSealer, PlainSealer, padded, sealer_of, unlocked

KEY = ProfileKey(bytes(range(32)))


@given(st.binary(max_size=5000), st.binary(max_size=64))
def test_what_is_sealed_opens_under_its_context_alone(packed: bytes, context: bytes) -> None:
    sealer = KeyedSealer(KEY)
    sealed = sealer.seal(packed, context)
    assert sealer.open(sealed, context) == packed
    with pytest.raises(DamagedProfile):
        sealer.open(sealed, context + b"\0")
    with pytest.raises(DamagedProfile):
        KeyedSealer(ProfileKey.new()).open(sealed, context)


@settings(max_examples=300)
@given(st.data())
def test_every_change_is_noticed(data: st.DataObject) -> None:
    sealed = KeyedSealer(KEY).seal(b"the content of a phone" * 20, b"chunk")
    position = data.draw(st.integers(0, len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[position] ^= data.draw(st.integers(1, 255))
    for changed in (bytes(flipped), sealed[:position], sealed + b"\0"):
        with pytest.raises(DamagedProfile):
            KeyedSealer(KEY).open(changed, b"chunk")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(sealed: bytes) -> None:
    with pytest.raises(DamagedProfile):
        KeyedSealer(KEY).open(sealed, b"")


def test_sealing_twice_shows_no_equality() -> None:
    sealer = KeyedSealer(KEY)
    first, second = sealer.seal(b"same" * 100, b""), sealer.seal(b"same" * 100, b"")
    common = sum(a == b for a, b in zip(first, second, strict=True))
    assert common < len(first) // 16


def test_ids_of_a_sealed_profile_are_of_its_key() -> None:
    here, elsewhere, plain = KeyedSealer(KEY), KeyedSealer(ProfileKey.new()), PlainSealer(KEY)
    assert here.chunk_id(b"x") == KeyedSealer(KEY).chunk_id(memoryview(b"x"))
    assert len({here.chunk_id(b"x"), elsewhere.chunk_id(b"x"), plain.chunk_id(b"x")}) == 3


@given(st.integers(0, 2 << 20))
def test_lengths_are_hidden_in_few_classes(length: int) -> None:
    size = padded(length)
    assert length <= size <= max(256, length + length // 16 + 1)
    assert padded(size) == size
    if size > 256:
        assert len(f"{size:b}".rstrip("0")) <= 6


def test_the_lengths_of_chunks_are_not_told() -> None:
    """Whatever 64 KiB compress to: sixteen lengths for each doubling, an octave and a half of them usual."""
    sizes = {len(KeyedSealer(KEY).seal(bytes(length), b"")) for length in range(0, 65537, 97)}
    assert len(sizes) < 130
    assert min(sizes) == 256 + OVERHEAD


def test_a_profile_without_keys_is_written_as_it_is_and_still_signed() -> None:
    sealer = sealer_of(KEY, sealed=False)
    assert sealer.open(sealer.seal(b"bytes", b"a"), b"b") == b"bytes"
    sealer.check(b"manifest", sealer.sign(b"manifest"))
    with pytest.raises(DamagedProfile):
        sealer.check(b"another", sealer.sign(b"manifest"))
    with pytest.raises(DamagedProfile):
        sealer.check(b"manifest", sealer.sign(b"manifest")[:-1])


def test_a_header_cannot_turn_sealing_off() -> None:
    """It is not signed: who may write the file could have the next save written in the clear."""
    unlock = Unlock(passphrase="one")
    slots = new_slots(KEY, NewKeys(passphrase="one"))
    assert isinstance(unlocked(slots, unlock, KEY.public, sealed=True), KeyedSealer)
    with pytest.raises(DamagedProfile, match="contradict"):
        unlocked(slots, unlock, KEY.public, sealed=False)
    plain = new_slots(KEY, None)
    assert isinstance(unlocked(plain, Unlock(), KEY.public, sealed=False), PlainSealer)
    with pytest.raises(DamagedProfile, match="contradict"):
        unlocked(plain, Unlock(), KEY.public, sealed=True)
