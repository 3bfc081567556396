"""What a profile says of its guest may come from anybody: it is decoded, or refused with a sentence."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketvisor.board.config import BoardConfig, PanelConfig
from pocketvisor.errors import ProfileError
from pocketvisor.guest.record import GuestRecord, ImageRecord, decode, encode

RECORD = GuestRecord(
    name="abcdef",
    image=ImageRecord(id="image", name="Image", kind="linux"),
    board=BoardConfig(ram_size=64 << 20, panel=PanelConfig(width=480, height=800), tick_ps=1000),
)


def test_what_was_encoded_is_decoded() -> None:
    assert decode(encode(RECORD)) == RECORD


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ProfileError):
        decode(data)


@given(st.data())
def test_flips_are_refused_or_another_record(data: st.DataObject) -> None:
    changed = bytearray(encode(RECORD))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ProfileError):
        decode(bytes(changed))


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(ProfileError, match="makes no sense"):
        decode(encode(RECORD).replace(b"abcdef", b"\xff\xfe\xc0\x80\xff\xff"))
