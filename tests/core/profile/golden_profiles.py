"""The golden profiles: how they were made. A new format gets new ones; those that are there never change.

python golden_profiles.py FOLDER       makes format-N-open.vphone.zst and format-N-sealed.vphone.zst
"""

import sys
from pathlib import Path

from backports import zstd

from pocketvisor.profile.connection import FORMAT
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profile.manifest import Lease

GOLDEN = Path(__file__).with_name("golden")
PASSPHRASE = "golden"
THUMBNAIL = b"\x89PNG\r\n\x1a\n golden"
HOLDER = bytes(range(16))


def memory(number: int) -> bytes:
    """Of generation `number`: noise that is the same for ever, words, and zeros."""
    noise, state = bytearray(), number
    for _ in range(16384):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        noise.append(state >> 16 & 0xFF)
    return b"golden %d " % number * 2000 + bytes(100_000) + bytes(noise) + b"always the same" * 3000


def flash(number: int) -> bytes:
    return b"flash" * 20 if number < 3 else bytes(100)


def spaces(number: int) -> dict[str, tuple[bytes, int]]:
    return {"ram": (memory(number), 16384), "flash": (flash(number), 4096), "empty": (b"", 65536)}


def make(path: Path, keys: NewKeys | None) -> None:
    """Four generations, the second deleted, the fourth a branch of the first, the third chosen to go on."""
    with ProfileFile.create(path, keys) as file:
        for number, parent in ((1, 0), (2, 1), (3, 2), (4, 1)):
            with file.begin(parent) as saving:
                saved = []
                for name, (content, size) in spaces(number).items():
                    before = file.manifest(parent).space(name) if parent else None
                    pieces = [content[start : start + size] for start in range(0, len(content), size)]
                    saved.append(saving.space(name, len(content), size, before, None, pieces.__getitem__))
                saving.commit(
                    name=f"Golden {number}",
                    kind="suspend" if number == 4 else "snapshot",
                    guest=b"guest %d" % number,
                    policy=b"policy",
                    spaces=saved,
                    thumbnail=THUMBNAIL,
                    board=7,
                    lease=Lease(number, HOLDER),
                    created_ns=1_790_000_000_000_000_000 + number,
                )
        file.rename(1, "Die goldene Äpfel 🍎")
        file.set_head(3)
        file.delete(2)
        file.prune()


def main(folder: Path) -> None:
    for name, keys in (("open", None), ("sealed", NewKeys(passphrase=PASSPHRASE))):
        path = folder / f"format-{FORMAT}-{name}.vphone"
        make(path, keys)
        path.with_suffix(".vphone.zst").write_bytes(zstd.compress(path.read_bytes(), 19))
        path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
