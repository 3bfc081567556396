"""An image's content in a guest's RAM, in layers that it shares with others from the first instruction on."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pocketvisor.board.map import RAM_BASE
from pocketvisor.storage.lazy import BLOCK

if TYPE_CHECKING:
    from pocketvisor.guest.ram import Ram
    from pocketvisor.handset_memory.pool import Pool

Write = tuple[int, bytes | bytearray | memoryview]
"""Address and content; a later one replaces what an earlier one has put there."""


def place(ram: "Ram", writes: Sequence[Write], pool: "Pool | None") -> None:
    """Before the guest's process has the RAM. Raises OSError."""
    shared = _of_the_image(writes, ram.size) if pool is not None else {}
    own = pool.place(ram, shared) if pool is not None else set()
    for address, content in writes:
        view = memoryview(content).cast("B")
        start = at = address - RAM_BASE
        while at < start + len(view):
            block = at // BLOCK
            end = min((block + 1) * BLOCK, start + len(view))
            if block not in shared or block in own:
                _write(ram.own, at, view[at - start : end - start])
            at = end


def _of_the_image(writes: Sequence[Write], size: int) -> dict[int, bytes]:
    """What is written in pieces of more than a block is the image's; a smaller one, a device tree for
    instance, is this guest's, and so is the block around it."""
    contents: dict[int, bytearray] = {}
    little: set[int] = set()
    for address, content in writes:
        view = memoryview(content).cast("B")
        start = at = address - RAM_BASE
        end = start + len(view)
        if len(view) < BLOCK:
            little.update(range(start // BLOCK, -(-end // BLOCK)))
            continue
        while at < end:
            block = at // BLOCK
            stop = min((block + 1) * BLOCK, end)
            whole = contents.setdefault(block, bytearray(min(BLOCK, size - block * BLOCK)))
            whole[at - block * BLOCK : stop - block * BLOCK] = view[at - start : stop - start]
            at = stop
    return {block: bytes(whole) for block, whole in contents.items() if block not in little and any(whole)}


def _write(fd: int, at: int, content: memoryview) -> None:
    done = 0
    while done < len(content):
        done += os.pwrite(fd, content[done:], at + done)
