"""What a board is built from, and how a guest is entered: plain structs that go to the guest's process."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from pocketvisor.board.map import DISK_SLOTS, RAM_MAX, RAM_MIN, USER_DEVICES_MAX
from pocketvisor.devices.modem.state import Charge, Network
from pocketvisor.devices.phone_state import PhoneState
from pocketvisor.devices.user_device import UserDevice

Address = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Descriptor = Annotated[int, Meta(ge=-1, le=1 << 20)]

RAM_BLOCK: Final = 64 << 10
RAM_MAP_HEADER: Final = 4096
RAM_LAYERS_MAX: Final = 253
"""Of the RAM's map: see _native.RAM_BLOCK."""

Content = bytes | bytearray | memoryview

PORT_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
PORT_NAME_MAX: Final = 64
PORTS_MAX: Final = 5
"""Channels, besides the console and the modem."""

_SUPERVISOR: Final = 0x13
_MASKED: Final = 0x1C0  # A, I and F
_THUMB: Final = 0x20


class Entry(Struct, frozen=True, kw_only=True):
    """Where and how the CPU starts: MMU and caches off, interrupts masked."""

    pc: Address = 0
    r0: Address = 0
    r1: Address = 0
    r2: Address = 0
    r3: Address = 0
    thumb: bool = False
    mode: Annotated[int, Meta(ge=0x10, le=0x1F)] = _SUPERVISOR

    @property
    def cpsr(self) -> int:
        return self.mode | _MASKED | (_THUMB if self.thumb else 0)

    def registers(self) -> dict[str, int]:
        """As Machine.set_cpu() takes them."""
        return {
            "r0": self.r0,
            "r1": self.r1,
            "r2": self.r2,
            "r3": self.r3,
            "cpsr": self.cpsr,
            "pc": self.pc,
        }


class PanelConfig(Struct, frozen=True):
    """The panel in pixels, and how many are an inch; a pixel is 32 bits, x8r8g8b8."""

    width: Annotated[int, Meta(ge=64, le=2048)]
    height: Annotated[int, Meta(ge=64, le=2048)]
    ppi: Annotated[float, Meta(ge=20, le=2000)] = 250.0

    @property
    def stride(self) -> int:
        return self.width * 4

    @property
    def size(self) -> int:
        """Bytes, in whole pages: the size of the framebuffer's memfd."""
        return (self.stride * self.height + 4095) & ~4095


class Descriptors(Struct, frozen=True, kw_only=True):
    """Numbers of the file descriptors that a guest's process inherited; -1 where it has none."""

    ram: Descriptor = -1
    ram_layers: Annotated[tuple[Descriptor, ...], Meta(max_length=RAM_LAYERS_MAX)] = ()
    """Memfds of the RAM's size under its own one, that several guests may share and nobody writes."""
    ram_map: Descriptor = -1
    """What block of RAM_BLOCK bytes is in which of them: see _native.RAM_BLOCK."""
    ram_wanted: Descriptor = -1
    """An eventfd to the loader of absent blocks, and one back: something was loaded."""
    ram_loaded: Descriptor = -1
    framebuffer: Descriptor = -1
    frame_event: Descriptor = -1
    scanout: Descriptor = -1
    status: Descriptor = -1
    flash: tuple[Descriptor, Descriptor] = (-1, -1)


class LazyConfig(Struct, frozen=True):
    """What a loader of absent blocks has in common with the guest's process (storage/lazy.py): the map, and
    eventfds to the loader and back."""

    map: Descriptor
    wanted: Descriptor
    loaded: Descriptor


class DiskConfig(Struct, frozen=True, kw_only=True):
    """A disk of `size` bytes: its image, and the overlay that takes what the guest writes. Without an overlay
    the guest cannot write, or, where the disk is `direct`, writes to the image. Size 0: an empty drive."""

    base: Descriptor = -1
    base_size: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
    overlay: Descriptor = -1
    direct: bool = False
    temporary: bool = False
    """The overlay is gone with the guest: nothing of it needs to be durable."""
    map: Descriptor = -1
    changed: Descriptor = -1
    """The overlay's map and what has changed, where they outlive one process (storage/shared_map.py)."""
    lazy: LazyConfig | None = None
    """The base is still being filled."""
    size: Annotated[int, Meta(ge=0, le=1 << 40, multiple_of=512)] = 0
    serial: Annotated[str, Meta(max_length=20, pattern="^[ -~]*$")] = ""


class NetworkConfig(Struct, frozen=True, kw_only=True):
    """A network card: its wire, a SOCK_SEQPACKET socket, and what the driver is told. MTU 0: nothing is said
    of it. `link`: whether its cable is in when the guest starts."""

    wire: Descriptor = -1
    mac: Annotated[bytes, Meta(min_length=6, max_length=6)] = b"\x52\x54\x00\x12\x34\x56"
    mtu: Annotated[int, Meta(ge=0, le=65535)] = 0
    link: bool = True


class PortConfig(Struct, frozen=True, kw_only=True):
    """A channel of the virtio console: a stream socket, and whether somebody is at its other end."""

    name: Annotated[str, Meta(max_length=PORT_NAME_MAX, pattern=PORT_PATTERN)]
    wire: Descriptor = -1
    connected: bool = False


class ModemConfig(Struct, frozen=True, kw_only=True):
    """What the modem knows at power on."""

    network: Network = Network(signal=20)
    charge: Charge = Charge(percent=80)


class ConsoleConfig(Struct, frozen=True, kw_only=True):
    """virtio-console: hvc0 on a stream socket, the modem as hvc1, and channels."""

    wire: Descriptor = -1
    modem: ModemConfig | None = None
    ports: Annotated[tuple[PortConfig, ...], Meta(max_length=PORTS_MAX)] = ()


class VsockConfig(Struct, frozen=True, kw_only=True):
    """Its wire is a SOCK_SEQPACKET socket."""

    cid: Annotated[int, Meta(ge=3, le=0xFFFFFFFE)] = 3
    wire: Descriptor = -1


DISPLAYS: Final = ("framebuffer", "gpu", "ramfb")


class DevicesConfig(Struct, frozen=True, kw_only=True):
    """What a board has besides what every board has. Nothing is a guest's by default."""

    display: Literal["framebuffer", "gpu", "ramfb"] = "framebuffer"
    disks: Annotated[tuple[DiskConfig, ...], Meta(max_length=len(DISK_SLOTS))] = ()
    media: DiskConfig | None = None
    network: NetworkConfig | None = None
    console: ConsoleConfig | None = None
    rng: bool = False
    balloon: Annotated[int, Meta(ge=0, le=RAM_MAX >> 12)] | None = None
    """Pages that it should hold from the start."""
    vsock: VsockConfig | None = None
    phone: PhoneState | None = None
    """A phone's own parts, and what they show at power on."""
    user: Annotated[tuple[UserDevice, ...], Meta(max_length=USER_DEVICES_MAX)] = ()
    """The user's own, in the order of their places."""
    flash: Descriptor = -1
    """What firmware writes to: the content of the second bank."""
    legacy: bool = False
    """All virtio slots as version 1, for drivers from before VIRTIO 1.0."""


class FwCfgConfig(Struct, frozen=True, kw_only=True):
    """The kernel that firmware is handed to boot: `content` holds it, and its initrd right behind it."""

    content: Descriptor = -1
    kernel_size: Annotated[int, Meta(ge=0, le=RAM_MAX)] = 0
    initrd_size: Annotated[int, Meta(ge=0, le=RAM_MAX)] = 0
    append: Annotated[str, Meta(max_length=4096)] = ""


class BoardConfig(Struct, frozen=True, kw_only=True):
    """One guest's board. The loaders need all but `entry`, which they answer, and the descriptors."""

    ram_size: Annotated[int, Meta(ge=RAM_MIN, le=RAM_MAX, multiple_of=4096)]
    panel: PanelConfig
    tick_ps: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    keys: Annotated[tuple[str, ...], Meta(max_length=8)] = ("power",)
    rtc_epoch: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    deterministic: bool = False
    skip_idle: bool = False
    devices: DevicesConfig = DevicesConfig()
    fw_cfg: FwCfgConfig = FwCfgConfig()
    semihosting: Annotated[str, Meta(max_length=8192)] | None = None
    """The program's command line, where semihosting calls are answered."""
    entry: Entry = Entry()
    descriptors: Descriptors = Descriptors()


def tick_ps(mips: int) -> int:
    """Picoseconds of a tick at a rate in million instructions a second."""
    return max(1, round(1_000_000 / mips))


KINDS: Final = ("linux", "elf", "raw", "uimage", "android", "firmware")


class ImageFiles(Struct, frozen=True, kw_only=True):
    """The files that a guest is started from. kind is one of KINDS; `kernel` is for firmware to boot."""

    kind: str
    main: Path
    kernel: Path | None = None
    initrd: Path | None = None
    dtb: Path | None = None
    append: str = ""


class BootPlan(Struct, frozen=True, kw_only=True):
    """What to write into RAM (guest physical address, bytes) and flash (by bank), and how to enter it.

    Everything is within the RAM and the banks, nothing overlaps; memory that is not named is zero."""

    writes: Sequence[tuple[int, Content]]
    entry: Entry
    flash: Mapping[int, Content]
    kernel: Content = b""
    """For firmware to boot, and its initrd: in neither RAM nor flash, but handed in through fw_cfg."""
    initrd: Content = b""
    summary: str = ""
    """One line for the log: what was recognised and where it went."""
