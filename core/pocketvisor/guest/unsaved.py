"""What of a guest a file does not have yet: pages and disk chunks that have changed since it was saved there.

The dirty log of the RAM, the mark of a written flash and the maps of changed disk clusters are taken from the
guest once, by whoever captures it; each file that the guest is saved in has one of these, and hears of it.
"""

from collections.abc import Iterable
from typing import Final

from pocketvisor.guest.boot import Boot
from pocketvisor.guest.capture import merged
from pocketvisor.guest.disk_files import CapturedDisk

_NOTHING: Final = b""


class Unsaved:
    """All of it, until something is saved."""

    def __init__(self) -> None:
        self._boot: Boot | None = None
        self._dirty = _NOTHING
        self._flash_known = False
        self._disks: dict[str, set[int]] = {}

    # What happens to the guest

    def written(self, boot: Boot, dirty: bytes, flash: bool) -> None:
        """What a process of the guest has written to that boot's RAM, a bit a page, and whether it has
        written its flash."""
        self._flash_known &= not flash
        if boot is self._boot:
            self._dirty = merged(self._dirty, dirty)

    def disks_changed(self, disks: Iterable[CapturedDisk]) -> None:
        """Somebody else has saved what had changed of them, who counts from there on."""
        for disk in disks:
            if disk.name in self._disks:
                self._disks[disk.name].update(disk.content().changed_chunks())

    def lost_track(self) -> None:
        """What was written may have been told to nobody."""
        self._boot, self._flash_known = None, False
        self._disks.clear()

    # What a save takes from here

    def is_all(self, boot: Boot) -> bool:
        """Whether the file has nothing of that boot's RAM."""
        return boot is not self._boot

    @property
    def flash(self) -> bool:
        """Whether the flash may have changed."""
        return not self._flash_known

    def pages(self, boot: Boot) -> bytes | None:
        """Those that have changed, a bit each; None for all."""
        return None if self.is_all(boot) else self._dirty

    def wants_all_of(self, disks: Iterable[str]) -> bool:
        """Whether more of these has to be captured than what has changed since the last capture."""
        return any(self._disks.get(name) != set() for name in disks)

    def chunks(self, disk: CapturedDisk) -> list[int] | None:
        """Those that have changed; None for all."""
        known = self._disks.get(disk.name)
        return None if known is None or disk.fresh else sorted(known.union(disk.content().changed_chunks()))

    # What is saved

    def nothing(self, boot: Boot | None, disks: Iterable[str]) -> None:
        """The file has all of these now."""
        self._boot, self._dirty, self._flash_known = boot, _NOTHING, boot is not None
        for name in disks:
            self._disks[name] = set()

    def begun(self, boot: Boot, disks: Iterable[str]) -> None:
        """A boot goes on from what the file has, on disks that came from there."""
        self._boot, self._dirty = boot, _NOTHING
        for name in disks:
            self._disks[name] = set()
