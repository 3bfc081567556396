"""The profile file by itself: 256 MiB of memory saved, what changed saved again, and one chunk read back.

The memory is a made one: 44 % of it are pieces of this machine's programs and libraries, scattered, and the
rest zeros, about as a Linux guest has it after its boot. The peer is zstd at the same level over the same
chunks in one thread, into a plain file that is synced: what a snapshot without a format would cost.
"""

import os
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

from backports import zstd

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profile.tree import Space

from .bench import Bench, CannotMeasure
from .figures import Figure

SIZE = 256 << 20
CHUNK = 16384
USED = 0.44
CHANGED = (10, 100, 1000)
GOAL_SAVE = 1.5
GOAL_CHUNK = 1.0
_PIECE = 65536


def measure(bench: Bench) -> list[Figure]:
    """Seconds of the save, KiB and ms of small generations, ms of a read."""
    bench.say("making the memory")
    memory = _memory()
    figures = {
        "open": _Figures("a profile without keys"),
        "sealed": _Figures("a sealed profile"),
    }
    plain: list[float] = []
    for turn in range(bench.rounds(5, 2)):
        for name, of in figures.items():
            bench.say(f"{of.name}, round {turn + 1}")
            path = bench.folder / f"{name}.vphone"
            path.unlink(missing_ok=True)
            keys = NewKeys(passphrase="benchmark") if name == "sealed" else None
            with ProfileFile.create(path, keys) as file:
                of.run(file, memory, Random(f"{name} {turn}"))
        plain.append(_plain(memory, bench.folder / "plain"))
    return [figure for of in figures.values() for figure in of.all(plain)]


class _Figures:
    def __init__(self, name: str) -> None:
        self.name = name
        self.save: list[float] = []
        self.small: dict[int, list[tuple[float, float]]] = {pages: [] for pages in CHANGED}
        self.chunk: list[float] = []
        self.while_saving: list[float] = []

    def run(self, file: ProfileFile, memory: bytearray, chance: Random) -> None:
        began = time.perf_counter()
        space = _save(file, memory, None, None)
        self.save.append(time.perf_counter() - began)
        for pages in CHANGED:
            touched = {chance.randrange(SIZE // 4096) for _ in range(pages)}
            for page in touched:
                memory[page * 4096 : page * 4096 + 64] = chance.randbytes(64)
            began = time.perf_counter()
            space = _save(file, memory, space, {page * 4096 // CHUNK for page in touched})
            took = (time.perf_counter() - began) * 1e3
            self.small[pages].append((took, file.generations()[-1].added / 1024))
        reader = file.reader(space)
        present = list(reader.present())
        chance.shuffle(present)
        self.chunk += _reads(reader.chunk, present[:1000])
        saving = threading.Thread(target=_save, args=(file, memory, space, range(0, SIZE // CHUNK, 2)))
        saving.start()
        self.while_saving += _reads(reader.chunk, _until_over(saving, present))
        saving.join()

    def all(self, plain: list[float]) -> Iterator[Figure]:
        yield Figure(
            name=f"{self.name}: 256 MiB saved",
            unit="s",
            ours=self.save,
            peer=plain,
            peer_name="zstd alone",
            judge="ratio",
            goal=GOAL_SAVE,
        )
        for pages, samples in self.small.items():
            yield Figure(
                name=f"{self.name}: {pages} pages changed, saved", unit="ms", ours=[ms for ms, _ in samples]
            )
            yield Figure(
                name=f"{self.name}: {pages} pages changed, size",
                unit="KiB",
                ours=[kib for _, kib in samples],
            )
        yield Figure(
            name=f"{self.name}: a chunk read", unit="ms", ours=self.chunk, judge="p95", goal=GOAL_CHUNK
        )
        yield Figure(name=f"{self.name}: a chunk read meanwhile", unit="ms", ours=self.while_saving)


def _save(
    file: ProfileFile, memory: bytearray, previous: Space | None, changed: Iterable[int] | None
) -> Space:
    with memoryview(memory) as view, file.begin(file.head) as saving:
        space = saving.space(
            "ram", SIZE, CHUNK, previous, changed, lambda index: view[index * CHUNK : (index + 1) * CHUNK]
        )
        saving.commit(kind="autosave", spaces=[space])
        return space


def _until_over(saving: threading.Thread, indices: list[int]) -> Iterator[int]:
    while saving.is_alive():
        for index in indices:
            if not saving.is_alive():
                return
            yield index


def _reads(read: Callable[[int], bytes], indices: Iterable[int]) -> list[float]:
    """Milliseconds each."""
    took = []
    for index in indices:
        began = time.perf_counter()
        read(index)
        took.append((time.perf_counter() - began) * 1e3)
    return took


def _plain(memory: bytearray, path: Path) -> float:
    compressor = zstd.ZstdCompressor(level=1)
    zeros = bytes(CHUNK)
    began = time.perf_counter()
    with path.open("wb") as file:
        for place in range(0, SIZE, CHUNK):
            chunk = bytes(memory[place : place + CHUNK])
            if chunk != zeros:
                file.write(compressor.compress(chunk, mode=compressor.FLUSH_FRAME))
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - began


def _memory() -> bytearray:
    memory = bytearray(SIZE)
    places = list(range(SIZE // _PIECE))
    Random(1).shuffle(places)
    places = places[: int(len(places) * USED)]
    for file in _files():
        content = file.read_bytes()
        for start in range(0, len(content) - _PIECE, _PIECE):
            if not places:
                return memory
            place = places.pop() * _PIECE
            memory[place : place + _PIECE] = content[start : start + _PIECE]
    raise CannotMeasure("there are too few programs on this machine to make a memory of")


def _files() -> Iterator[Path]:
    for folder, names in (("/usr/bin", "*"), ("/usr/lib", "*/*.so*"), (sysconfig.get_path("stdlib"), "**/*")):
        for file in sorted(Path(folder).glob(names)):
            if file.is_file() and not file.is_symlink() and os.access(file, os.R_OK):
                yield file
