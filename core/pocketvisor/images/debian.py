"""The two guests that Debian's armhf packages give: which packages, which of their files, which first disk.

`debian` is Debian's kernel with a first disk of ours: static busybox, the kernel's modules for the board's
devices (loaded where the device is), and the scripts of resources/debian. `debian-installer` is Debian's own
netboot image.
"""

import gzip
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path, PurePosixPath

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images import cpio
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.images.kernel_modules import module_name, needed_by, plain_module, tables
from pocketvisor.images.package import read_package

RECIPE = 7
"""Counted up when what is made here changes: what an older recipe made is then made again."""

ARCHITECTURE = "armhf"
KERNEL = "linux-image-armmp"
BUSYBOX = "busybox-static"
MODULES = (
    *("virtio_mmio", "virtio_input", "evdev", "virtio_gpu", "virtio_net", "virtio_blk", "virtio_console"),
    *("virtio_rng", "virtio_balloon", "vmw_vsock_virtio_transport"),
    *("i2c_ocores", "i2c_smbus", "sbs_battery", "gpio_charger", "mma8452"),
    *("ext4", "crc32c_generic", "isofs", "vfat", "nls_ascii", "nls_cp437", "nls_utf8"),
)
"""Of the board's devices, and of the file systems that disks come with; all that they need comes too."""

BY_HAND = (
    "Give files of your own: `pocketvisor run --kernel vmlinuz --initrd initrd.gz`. For a shell, the kernel "
    f"is boot/vmlinuz-*-armmp of the armhf package that Debian's {KERNEL} depends on, and the initrd any "
    "that holds an armhf busybox; for the installer, both are in the package debian-installer-*-netboot-armhf"
)

_HOW = "fetch it with `pocketvisor guests fetch debian`, or give files of your own with --kernel and --initrd"

UNFETCHED = {
    image.id: image
    for image in (
        GuestImage(
            id="debian",
            name="Debian",
            kind="linux",
            append="console=tty0 console=ttyAMA0",
            ram_mib=256,
            least_ram_mib=192,
            accent="#d70a53",
            phone=True,
            parts=("balloon",),
            description="Debian's own armhf kernel, and a busybox shell on panel and console",
            available=False,
            missing=f"Debian is not on this machine yet: {_HOW}",
        ),
        GuestImage(
            id="debian-installer",
            name="Debian installer",
            kind="linux",
            append="console=ttyAMA0 console=tty0",
            ram_mib=256,
            least_ram_mib=192,
            accent="#a80030",
            description="Debian's installer for armhf, on the panel",
            available=False,
            missing=f"Debian's installer is not on this machine yet: {_HOW}",
        ),
    )
}
"""The catalogue's entries while nothing is fetched; what is fetched has a guest.toml that replaces them."""

Cancelled = Callable[[], bool]
Files = dict[str, tuple[str, bytes]]
"""A guest's files by field: name and content."""


def real_kernel(dependencies: list[str]) -> str:
    """The package that holds a kernel, among those that the package without one depends on."""
    for name in dependencies:
        if re.fullmatch(r"linux-image-\d\S*-armmp", name):
            return name
    raise MissingImage(
        f"The package {KERNEL} names no kernel's package: it depends on {', '.join(dependencies)}"
    )


def installer_package(names: list[str], release: str) -> str:
    """The installer's images of this Debian release, or of the latest that the sources have."""
    found = {
        match[1]: name
        for name in names
        if (match := re.fullmatch(rf"debian-installer-(\d+)-netboot-{ARCHITECTURE}", name))
    }
    if not found:
        raise MissingImage(
            f"The apt sources of this machine offer no debian-installer-*-netboot-{ARCHITECTURE}"
        )
    return found[release if release in found else max(found, key=int)]


def debian_files(kernel: Path, busybox: Path, cancelled: Cancelled) -> Files:
    """Debian's kernel and our first disk, from the kernel's package and busybox's."""
    from_kernel, release, modules = kernel_and_modules(kernel, cancelled)
    from_busybox = read_package(busybox, lambda name: name.endswith("bin/busybox"), cancelled=cancelled)
    if len(from_kernel) != 1 or len(from_busybox) != 1:
        raise ImageError(f"{kernel.name} and {busybox.name}: do not hold one kernel and one busybox")
    initrd = _first_disk(next(iter(from_busybox.values())), release, modules)
    [(name, content)] = from_kernel.items()
    return {
        "kernel": (PurePosixPath(name).name, content),
        "initrd": ("initrd.gz", gzip.compress(initrd, mtime=0)),
    }


def installer_files(package: Path, cancelled: Cancelled) -> Files:
    """The installer's own kernel and first disk."""
    found = read_package(
        package,
        lambda name: PurePosixPath(name).name in ("vmlinuz", "initrd.gz") and "/text/" in name,
        cancelled=cancelled,
    )
    by_name = {PurePosixPath(name).name: content for name, content in found.items()}
    if set(by_name) != {"vmlinuz", "initrd.gz"}:
        raise ImageError(f"{package.name}: holds no vmlinuz and initrd.gz of a text installer")
    return {"kernel": ("vmlinuz", by_name["vmlinuz"]), "initrd": ("initrd.gz", by_name["initrd.gz"])}


def kernel_and_modules(
    package: Path, cancelled: Cancelled, wanted_modules: tuple[str, ...] = MODULES
) -> tuple[dict[str, bytes], str, dict[str, bytes]]:
    """The kernel's file by its path, its release, and the wanted modules by name with all they need.

    A module that is built into the kernel is in no file and left out. The package holds 3000 others, so that
    it is read once more if a module turns out to need one, rather than kept in memory.
    """
    kernels: dict[str, bytes] = {}
    modules: dict[str, bytes] = {}
    needs: dict[str, list[str]] = {}
    wanted = set(wanted_modules)

    def is_wanted(path: str) -> bool:
        return module_name(path) in wanted or (path.startswith("boot/vmlinuz-") and not kernels)

    while wanted:
        for path, content in read_package(package, is_wanted, cancelled=cancelled).items():
            name = module_name(path)
            if name is None:
                kernels[path] = content
            else:
                modules[name] = plain_module(path, content)
                needs[name] = needed_by(path, modules[name])
        known = wanted | set(needs)
        wanted = {needed for names in needs.values() for needed in names} - known
        needs.update({name: [] for name in known - set(needs)})
    release = next((PurePosixPath(path).name.removeprefix("vmlinuz-") for path in kernels), "")
    return kernels, release, modules


def module_entries(release: str, modules: dict[str, bytes]) -> list[cpio.Entry]:
    """The modules of a kernel in a first disk, where modprobe looks for them."""
    folder = f"lib/modules/{release}"
    contents = {**{f"{name}.ko": content for name, content in sorted(modules.items())}, **tables(modules)}
    return [
        *(cpio.folder(name) for name in ("lib", "lib/modules", folder)),
        *(cpio.file(f"{folder}/{name}", content) for name, content in contents.items()),
    ]


def _first_disk(busybox: bytes, release: str, modules: dict[str, bytes]) -> bytes:
    scripts = files("pocketvisor.resources").joinpath("debian")

    def script(name: str) -> bytes:
        return scripts.joinpath(name).read_bytes()

    folders = ("bin", "dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp")
    return cpio.pack(
        [
            *(cpio.folder(name) for name in folders),
            cpio.file("bin/busybox", busybox, executable=True),
            cpio.link("bin/sh", "busybox"),
            cpio.link("sbin", "bin"),
            cpio.link("init", "bin/busybox"),
            cpio.file("bin/bench", script("bench"), executable=True),
            cpio.file("bin/clipboard", script("clipboard"), executable=True),
            cpio.file("etc/boot", script("boot"), executable=True),
            cpio.file("etc/dhcp", script("dhcp"), executable=True),
            cpio.file("etc/inittab", script("inittab")),
            cpio.file("etc/profile", script("profile")),
            cpio.file("etc/filesystems", b"ext4\nvfat\niso9660\n"),
            cpio.file("etc/hostname", b"debian\n"),
            cpio.file("etc/hosts", b"127.0.0.1 localhost debian\n::1 localhost\n"),
            cpio.file("etc/passwd", b"root::0:0:root:/root:/bin/sh\n"),
            cpio.file("etc/group", b"root:x:0:\n"),
            *module_entries(release, modules),
        ]
    )
