"""A guest's disks in a profile: captured, saved, restored lazily and cloned, with a real profile file."""

import asyncio
import gc
import os
import random
import select
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from pocketvisor.board import disks as board_disks
from pocketvisor.board.config import DevicesConfig
from pocketvisor.errors import ProfileError, StorageError
from pocketvisor.guest.disk_files import CapturedDisk, GuestDisk, disk_from_space, disks_of_files
from pocketvisor.guest.disks import Disks
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.tree import Space
from pocketvisor.storage.capture import CHUNK
from pocketvisor.storage.disk import DiskSpec, OpenDisk, open_disks
from pocketvisor.storage.files import NotLoaded
from pocketvisor.storage.keep import nothing_kept

SECTOR = 512
SIZE = 6 * CHUNK + 5 * SECTOR
IMAGE = random.Random(5).randbytes(2 * CHUNK).ljust(4 * CHUNK, b"\0") + random.Random(6).randbytes(
    2 * CHUNK + 5 * SECTOR
)
SECONDS = 60


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "card.img"
    with path.open("wb") as file:
        file.truncate(SIZE)
        file.write(IMAGE[: 2 * CHUNK])
        file.seek(4 * CHUNK)
        file.write(IMAGE[4 * CHUNK :])
    return path


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[ProfileFile]:
    with ProfileFile.create(tmp_path / "guest.vphone") as file:
        yield file


def descriptors() -> int:
    """Those that are open, without what another test has left to be collected."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def opened(image: Path, folder: Path | None = None, **fields: Any) -> GuestDisk:
    [disk] = disks_of_files(open_disks([DiskSpec(path=image, **fields)], folder))
    return disk


class Process:
    """What the guest's process does with a disk."""

    def __init__(self, disk: GuestDisk) -> None:
        store = board_disks._store(disk.config)
        assert store is not None
        self.store: Any = store

    def _patiently(self, work: Callable[[], None]) -> None:
        while True:
            try:
                return work()
            except NotLoaded as missing:
                while not missing.look():
                    assert select.select([missing.fd], [], [], SECONDS)[0]
                    os.eventfd_read(missing.fd)

    def read(self) -> bytes:
        content = memoryview(bytearray(self.store.size))
        for at in range(0, self.store.size, CHUNK):
            self._patiently(lambda at=at: self.store.read(at, content[at : at + CHUNK]))  # type: ignore[misc]
        return bytes(content)

    def write(self, offset: int, data: bytes) -> None:
        self._patiently(lambda: self.store.write(offset, (data,), len(data)))


def captured(disk: GuestDisk, process: Process | None, *, everything: bool = False) -> CapturedDisk:
    capture = CapturedDisk(disk, everything=everything)
    if process is not None:
        process.store.begin_capture(capture.shadow)
    else:
        capture.begin_here()
    return capture


def save(profile: ProfileFile, capture: CapturedDisk, previous: Space | None = None) -> Space:
    with profile.begin(profile.head) as saving:
        space = saving.space(capture.name, capture.size, CHUNK, previous, capture.changed, capture.chunk)
        saving.commit(kind="autosave", spaces=[space])
    capture.committed()
    capture.close()
    return space


def content(profile: ProfileFile, space: Space) -> bytes:
    return profile.reader(space).read(0, space.size)


def test_it_is_saved_as_it_was_and_then_what_has_changed(image: Path, profile: ProfileFile) -> None:
    disk = opened(image)
    process = Process(disk)
    process.write(CHUNK, b"first" * SECTOR)
    then = process.read()
    capture = captured(disk, process)
    assert capture.changed is None
    process.write(CHUNK, b"later" * SECTOR)
    first = save(profile, capture)
    assert content(profile, first) == then
    process.store.end_capture()
    then = process.read()
    capture = captured(disk, process)
    assert capture.changed == [1]
    process.write(0, b"x" * SIZE)
    assert content(profile, save(profile, capture, first)) == then
    disk.close()


def test_what_was_not_saved_counts_as_changed_again(image: Path, profile: ProfileFile) -> None:
    disk = opened(image)
    process = Process(disk)
    first = save(profile, captured(disk, process))
    process.write(CHUNK, b"a" * SECTOR)
    captured(disk, process).close()
    process.write(4 * CHUNK, b"b" * SECTOR)
    CapturedDisk(disk, everything=False).close()  # one that never began
    capture = captured(disk, None)  # the guest is off
    assert capture.changed == [1, 4]
    assert content(profile, save(profile, capture, first)) == process.read()
    disk.close()


def test_it_comes_from_a_profile_while_it_is_used(image: Path, profile: ProfileFile) -> None:
    disk = opened(image, serial="card")
    process = Process(disk)
    process.write(3 * CHUNK, b"saved" * SECTOR)
    space = save(profile, captured(disk, process))
    then = process.read()
    disk.close()

    restored = disk_from_space("disk0", profile.reader(space), "card", writable=True)
    assert restored.lazy is not None
    assert restored.lazy.used == bytes((1, 1, 0, 1, 1, 1, 1))
    assert restored.config.serial == "card"
    process = Process(restored)
    restored.begin(lambda sentence: pytest.fail(sentence))
    process.write(CHUNK + SECTOR, b"new" * SECTOR)
    expected = bytearray(then)
    expected[CHUNK + SECTOR : CHUNK + 4 * SECTOR] = b"new" * SECTOR
    capture = captured(restored, process)
    assert capture.changed == [1]
    again = save(profile, capture, space)
    assert content(profile, again) == process.read() == expected
    assert restored.lazy.loader.wait(SECONDS)
    assert os.pread(restored.opened.base, SIZE, 0) == then
    restored.close()


def test_a_part_that_is_damaged_is_an_error_to_the_guest_and_a_sentence(
    image: Path, profile: ProfileFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = opened(image)
    space = save(profile, captured(disk, None))
    reader = profile.reader(space)
    sound = reader.read

    def damaged(offset: int, size: int) -> bytes:
        if offset == CHUNK:
            raise ProfileError("chunk 1 is not what was saved")
        return sound(offset, size)

    monkeypatch.setattr(reader, "read", damaged)
    restored = disk_from_space("disk0", reader, "", writable=True)
    sentences: SimpleQueue[str] = SimpleQueue()
    process = Process(restored)
    restored.begin(sentences.put)
    with pytest.raises(OSError, match="could not be loaded from the profile"):
        process.read()
    assert sentences.get(timeout=SECONDS) == (
        "A part of disk0 cannot be had from its profile, and reading it fails: chunk 1 is not what was saved"
    )
    process.write(CHUNK, b"x" * CHUNK)
    capture = captured(restored, process, everything=True)
    assert capture.chunk(1) == b"x" * CHUNK
    capture.close()
    process.write(0, b"x" * CHUNK)
    restored.close()
    disk.close()


def test_a_clone_shares_the_image_and_has_what_was_written_by_then(image: Path) -> None:
    disk = opened(image)
    process = Process(disk)
    process.write(CHUNK + SECTOR, b"before" * SECTOR)
    then = process.read()
    capture = captured(disk, process, everything=True)
    process.write(0, b"after" * SECTOR)
    clone = GuestDisk("disk0", capture.copy())
    capture.close()
    cloned = Process(clone)
    assert cloned.read() == then
    cloned.write(5 * CHUNK, b"own" * SECTOR)
    process.write(5 * CHUNK, b"origin's" * SECTOR)
    assert cloned.read()[5 * CHUNK :].startswith(b"own" * SECTOR)
    assert not clone.in_profile
    assert os.fstat(clone.opened.base).st_ino == image.stat().st_ino
    disk.close()
    clone.close()


def test_a_clone_of_what_is_still_loading(image: Path, profile: ProfileFile) -> None:
    disk = opened(image)
    space = save(profile, captured(disk, None))
    restored = disk_from_space("disk0", profile.reader(space), "", writable=True)
    restored.begin(lambda _: None)
    capture = captured(restored, None, everything=True)
    clone = GuestDisk("disk0", capture.copy())
    capture.close()
    restored.close()
    assert Process(clone).read() == IMAGE
    clone.close()
    disk.close()


def test_a_disk_that_is_written_directly_is_in_no_profile(image: Path) -> None:
    disk = opened(image, mode="direct")
    with pytest.raises(ProfileError, match="disk0 is written to directly"):
        CapturedDisk(disk, everything=True)
    disk.close()


def test_a_disk_that_is_only_read(image: Path, profile: ProfileFile) -> None:
    disk = opened(image, mode="read-only")
    first = save(profile, captured(disk, None))
    assert content(profile, first) == IMAGE
    capture = captured(disk, None)
    assert capture.changed == []
    capture.close()
    restored = disk_from_space("disk0", profile.reader(first), "", writable=False)
    restored.begin(lambda _: None)
    assert Process(restored).read() == IMAGE
    assert restored.opened.overlay == -1
    restored.close()
    disk.close()


def test_what_stays_is_flushed_when_its_process_is_gone(image: Path, tmp_path: Path) -> None:
    """Without a flush of the guest's: its process may have been killed."""
    disk = opened(image, tmp_path, keep=True)
    Process(disk).write(CHUNK, b"kept" * SECTOR)
    disk.flush()
    disk.close()
    disk = opened(image, tmp_path, keep=True)
    assert Process(disk).read()[CHUNK:].startswith(b"kept" * SECTOR)
    disk.close()


def test_there_is_no_leak_of_descriptors(image: Path, profile: ProfileFile) -> None:
    disk = opened(image)
    space = save(profile, captured(disk, None))
    disk.close()
    before = descriptors()
    disk = opened(image)
    restored = disk_from_space("disk0", profile.reader(space), "", writable=True)
    restored.begin(lambda _: None)
    capture = captured(restored, None)
    clone = GuestDisk("disk0", capture.copy())
    for thing in (capture, clone, restored, disk):
        thing.close()
    assert descriptors() == before


def test_a_restored_disk_that_was_never_begun_is_closed(image: Path, profile: ProfileFile) -> None:
    disk = opened(image)
    space = save(profile, captured(disk, None))
    disk.close()
    disk_from_space("disk0", profile.reader(space), "", writable=True).close()


def origin(profile: ProfileFile, spaces: Sequence[Space], records: Sequence[Any], media: bool = False) -> Any:
    by_name = {space.name: profile.reader(space) for space in spaces}
    record = SimpleNamespace(disks=tuple(records), image=SimpleNamespace(media=media))
    return SimpleNamespace(record=record, reader=by_name.get)


async def test_all_of_a_guests_disks_and_its_medium(
    image: Path, profile: ProfileFile, tmp_path: Path
) -> None:
    disks = Disks(disks_of_files(open_disks([DiskSpec(path=image, serial="A")], None)), nothing_kept(), True)
    disks._medium = GuestDisk("media", OpenDisk(base=os.open(image, os.O_RDONLY), base_size=SIZE, size=SIZE))
    captures = disks.begin_capture()
    assert [capture.name for capture in captures] == ["disk0", "media"]
    spaces = []
    for capture in captures:
        capture.begin_here()
        spaces.append(save(profile, capture))
    [record] = disks.records
    assert (record.size, record.serial, record.writable) == (SIZE, "A", True)
    await disks.close()

    notes: list[str] = []
    guest: Any = SimpleNamespace(run_note=notes.append, on=lambda *_: None)
    restored = Disks.from_profile(origin(profile, spaces, [record]))
    assert restored is not None
    assert restored.loading == 0
    restored.attach(guest)
    config = restored.configure(DevicesConfig())
    assert config.media is not None
    assert (config.disks[0].serial, config.media.serial, config.media.overlay) == ("A", "media", -1)
    for disk in restored._all:
        assert await asyncio.to_thread(Process(disk).read) == IMAGE
    for disk in restored._all:
        assert disk.lazy is not None
        assert await asyncio.to_thread(disk.lazy.loader.wait, SECONDS)
    assert restored.loading is None
    again = restored.begin_capture()
    for capture in again:
        capture.begin_here()
    assert [capture.changed for capture in again] == [[], []]
    cloned = await asyncio.to_thread(Disks.cloned, again, True)
    assert cloned is not None
    assert [Process(disk).read() for disk in cloned._all] == [IMAGE, IMAGE]
    for capture in again:
        capture.close()
    await cloned.close()
    await restored.close()
    assert not notes


async def test_a_profile_whose_disks_do_not_fit_its_guest(image: Path, profile: ProfileFile) -> None:
    disks = Disks(disks_of_files(open_disks([DiskSpec(path=image)], None)), nothing_kept(), False)
    [capture] = disks.begin_capture()
    capture.begin_here()
    space = save(profile, capture)
    [record] = disks.records
    await disks.close()
    with pytest.raises(ProfileError, match="disk1"):
        Disks.from_profile(origin(profile, [space], [record, record]))
    assert Disks.from_profile(origin(profile, [space], [])) is None


async def test_one_disk_that_cannot_be_captured_leaves_nothing(image: Path, tmp_path: Path) -> None:
    other = tmp_path / "direct.img"
    other.write_bytes(bytes(CHUNK))
    specs = [DiskSpec(path=image), DiskSpec(path=other, mode="direct")]
    disks = Disks(disks_of_files(open_disks(specs, None)), nothing_kept(), False)
    before = descriptors()
    with pytest.raises(ProfileError, match="disk1 is written to directly"):
        disks.begin_capture()
    assert descriptors() == before
    await disks.close()


def test_a_disk_is_captured_once_at_a_time_and_may_be_closed_meanwhile(image: Path) -> None:
    disk = opened(image)
    process = Process(disk)
    process.write(CHUNK, b"then" * SECTOR)
    then = process.read()
    capture = captured(disk, process)
    with pytest.raises(StorageError, match="disk0 is being captured already"):
        CapturedDisk(disk, everything=True)
    process.write(CHUNK, b"now" * SECTOR)
    disk.close()
    assert b"".join(bytes(capture.chunk(chunk) or bytes(CHUNK)) for chunk in range(7))[:SIZE] == then
    capture.close()
    capture.close()


def test_a_disk_that_is_larger_than_this_computer_is_refused(
    profile: ProfileFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its profile has a few chunks, which it names again and again."""
    size = 1 << 37
    with profile.begin(profile.head) as saving:
        part = saving.space("disk0", 1024 * CHUNK, CHUNK, None, None, lambda _: b"x" * CHUNK)
        space = structs.replace(part, size=size, nodes=part.nodes * (size // part.size))
        saving.commit(kind="off", spaces=[space])
    before = descriptors()
    monkeypatch.setattr(
        os, "fstatvfs", lambda fd: SimpleNamespace(f_bavail=100, f_frsize=4096, f_blocks=1000)
    )
    with pytest.raises(StorageError, match="no room for disk0: it holds 131072 MiB, and"):
        disk_from_space("disk0", profile.reader(space), "", writable=True)
    assert descriptors() == before


def test_no_room_for_a_shadow_is_told(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = opened(image)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pocketvisor.guest.disk_files.capture.create", full)
    with pytest.raises(StorageError, match="disk0 cannot be captured: No space left"):
        CapturedDisk(disk, everything=True)
    disk.close()
