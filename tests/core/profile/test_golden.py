"""Profiles that released versions have made: every later version opens them, and goes on with them."""

from pathlib import Path

import pytest
from backports import zstd
from golden_profiles import GOLDEN, HOLDER, PASSPHRASE, THUMBNAIL, spaces
from profile_files import alone, content_of, save

from pocketvisor.profile.connection import FORMAT
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.profile.manifest import Lease

FILES = sorted(GOLDEN.glob("*.vphone.zst"))


def test_there_are_golden_profiles_of_every_format() -> None:
    names = {f"format-{number}-{kind}" for number in range(1, FORMAT + 1) for kind in ("open", "sealed")}
    assert {file.name.removesuffix(".vphone.zst") for file in FILES} >= names
    assert all(file.stat().st_size < 100 << 10 for file in FILES)


@pytest.mark.parametrize("golden", FILES, ids=lambda file: file.name.partition(".")[0])
def test_a_golden_profile_opens(golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "golden.vphone"
    path.write_bytes(zstd.decompress(golden.read_bytes()))
    for read_only in (True, False):
        with ProfileFile.open(path, read_only=read_only) as file:
            assert file.sealed == ("sealed" in golden.name)
            file.unlock(Unlock(passphrase=PASSPHRASE))
            assert file.verify() == []
            assert (file.head, file.last) == (3, 4)
            assert [
                (each.number, each.parent, each.name, each.kind, each.board) for each in file.generations()
            ] == [
                (1, 0, "Die goldene Äpfel 🍎", "snapshot", 7),
                (3, 1, "Golden 3", "snapshot", 7),
                (4, 1, "Golden 4", "suspend", 7),
            ]
            for number in (1, 3, 4):
                manifest = file.manifest(number)
                assert content_of(file, number) == {
                    name: content for name, (content, _) in spaces(number).items()
                }
                assert (manifest.guest, manifest.policy) == (b"guest %d" % number, b"policy")
                assert (manifest.thumbnail, manifest.lease) == (THUMBNAIL, Lease(number, HOLDER))
                assert manifest.created_ns == 1_790_000_000_000_000_000 + number
    with ProfileFile.open(path) as file:
        file.unlock(Unlock(passphrase=PASSPHRASE))
        assert save(file, {"ram": b"new"}, 3).number == 5
        assert file.verify() == []
    alone(path)
