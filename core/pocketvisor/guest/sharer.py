"""In a guest's process: blocks of its RAM become those of layers that it shares, and its own again."""

from collections.abc import Sequence

from pocketvisor._native import Machine
from pocketvisor.control.messages import RamShared, ShareRam, Trimmed, UnshareRam
from pocketvisor.guest.vcpu_thread import VcpuThread


class Sharer:
    """Descriptors that it is given are the caller's to close."""

    def __init__(self, machine: Machine, vcpu: VcpuThread) -> None:
        self._machine = machine
        self._vcpu = vcpu

    def share(self, wanted: ShareRam, layers: Sequence[int]) -> RamShared:
        """Raises ValueError, RuntimeError."""
        self._vcpu.hold()
        try:
            for fd in layers:
                self._machine.add_layer(fd)
            shared = self._machine.share_blocks(wanted.blocks, wanted.numbers)
            return RamShared(shared, self._machine.drop_zeros(wanted.zeros))
        finally:
            self._vcpu.release()

    def unshare(self, wanted: UnshareRam) -> RamShared:
        """Raises ValueError, RuntimeError."""
        self._vcpu.hold()
        try:
            self._machine.unshare_blocks(wanted.blocks)
            return RamShared()
        finally:
            self._vcpu.release()

    def trim(self) -> Trimmed:
        self._vcpu.hold()
        try:
            return Trimmed(self._machine.trim())
        finally:
            self._vcpu.release()
