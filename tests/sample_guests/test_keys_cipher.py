"""The cipher of the keys service, built for this computer: what its standards give, and another one."""

import ctypes
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SOURCES = Path(__file__).parents[2] / "sample_guests"
TAG = 16


class Cipher:
    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.cipher_works.restype = self._library.unseal.restype = ctypes.c_bool

    def works(self) -> bool:
        return bool(self._library.cipher_works())

    def seal(self, key: bytes, nonce: bytes, beside: bytes, text: bytes) -> bytes:
        buffer, tag = ctypes.create_string_buffer(text, max(len(text), 1)), ctypes.create_string_buffer(TAG)
        size = ctypes.c_size_t
        self._library.seal(key, nonce, beside, size(len(beside)), buffer, size(len(text)), tag)
        return buffer.raw[: len(text)] + tag.raw

    def unseal(self, key: bytes, nonce: bytes, beside: bytes, sealed: bytes) -> bytes | None:
        text, tag = sealed[:-TAG], sealed[-TAG:]
        buffer = ctypes.create_string_buffer(text, max(len(text), 1))
        size = ctypes.c_size_t
        right = self._library.unseal(key, nonce, beside, size(len(beside)), buffer, size(len(text)), tag)
        if not right:
            assert buffer.raw[: len(text)] == text, "what is not right stays as it was"
        return buffer.raw[: len(text)] if right else None


@pytest.fixture(scope="module")
def cipher(tmp_path_factory: pytest.TempPathFactory) -> Cipher:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("cipher") / "cipher.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{SOURCES / 'lib'}"]
    source = SOURCES / "keys" / "chacha20_poly1305.c"
    subprocess.run([*command, "-o", library, source], check=True, timeout=300)
    return Cipher(library)


def test_the_standards_examples(cipher: Cipher) -> None:
    assert cipher.works()


def test_it_gives_what_another_implementation_gives(cipher: Cipher) -> None:
    dice = random.Random(8439)
    for _ in range(500):
        key, nonce = dice.randbytes(32), dice.randbytes(12)
        beside, text = dice.randbytes(dice.randrange(70)), dice.randbytes(dice.randrange(400))
        sealed = cipher.seal(key, nonce, beside, text)
        assert sealed == ChaCha20Poly1305(key).encrypt(nonce, text, beside)
        assert cipher.unseal(key, nonce, beside, sealed) == text


@pytest.mark.parametrize("key", [bytes(32), b"\xff" * 32], ids=["zeros", "ones"])
@pytest.mark.parametrize(
    "text", [b"\xff" * 8192, bytes(8192), b"\xff" * 17, b""], ids=["ones", "zeros", "short", "none"]
)
def test_where_sums_carry_over(cipher: Cipher, key: bytes, text: bytes) -> None:
    nonce = b"\xff" * 12
    assert cipher.seal(key, nonce, b"\xff" * 33, text) == ChaCha20Poly1305(key).encrypt(
        nonce, text, b"\xff" * 33
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda key, nonce, beside, sealed: (key, nonce, beside, flipped(sealed, 0)),
        lambda key, nonce, beside, sealed: (key, nonce, beside, flipped(sealed, len(sealed) - 1)),
        lambda key, nonce, beside, sealed: (key, nonce, beside, sealed[1:]),
        lambda key, nonce, beside, sealed: (key, nonce, flipped(beside, 3), sealed),
        lambda key, nonce, beside, sealed: (key, nonce, beside + b"\0", sealed),
        lambda key, nonce, beside, sealed: (key, flipped(nonce, 11), beside, sealed),
        lambda key, nonce, beside, sealed: (flipped(key, 31), nonce, beside, sealed),
    ],
    ids=["text", "tag", "shorter", "beside", "more beside", "nonce", "key"],
)
def test_what_was_changed_does_not_open(
    cipher: Cipher, change: Callable[[bytes, bytes, bytes, bytes], tuple[bytes, bytes, bytes, bytes]]
) -> None:
    dice = random.Random(1)
    key, nonce, beside, text = (dice.randbytes(size) for size in (32, 12, 40, 100))
    sealed = cipher.seal(key, nonce, beside, text)
    assert cipher.unseal(key, nonce, beside, sealed) == text
    assert cipher.unseal(*change(key, nonce, beside, sealed)) is None


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
