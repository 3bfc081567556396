"""A disk of the board, from the descriptors that the guest's process inherited."""

from pocketvisor.board.config import DiskConfig
from pocketvisor.devices.virtio_blk import VirtioBlock
from pocketvisor.storage.files import FileStore, MissingStore, Store
from pocketvisor.storage.lazy_store import LazyStore
from pocketvisor.storage.overlay import OverlayStore
from pocketvisor.storage.shared_map import SharedMap


def disk(config: DiskConfig, *, removable: bool = False) -> VirtioBlock:
    """Raises StorageError where its overlay is damaged, OSError where it cannot be read."""
    return VirtioBlock(_store(config), config.serial, removable=removable)


def _store(config: DiskConfig) -> Store | None:
    if not config.size:
        return None
    if config.base < 0 and config.overlay < 0:
        return MissingStore(config.size, read_only=not config.direct)
    base: Store | None = None
    if config.base >= 0:
        writable = config.direct and config.overlay < 0
        file = FileStore(config.base, config.base_size, read_only=not writable)
        lazy = config.lazy
        base = file if lazy is None else LazyStore(file, lazy.map, lazy.wanted, lazy.loaded)
    if config.overlay < 0:
        return base
    shared = SharedMap(config.map, config.changed, config.size) if config.map >= 0 else None
    return OverlayStore(config.overlay, base, config.size, durable=not config.temporary, shared=shared)
