"""What Debian's phone is made of: its packages, the files of ours among theirs, and its first disk.

The packages are Debian's own, the few that a graphical system with touch needs; nothing is replaced. Ours are
the scripts that start it, the shell that is shown (resources/debian-phone), pictures and a font. It is
started by busybox, without udev or a session bus, since the board's devices are known.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit, urlunsplit

from pocketvisor.images import cpio
from pocketvisor.images.debian import MODULES, module_entries
from pocketvisor.images.kernel_modules import load_order, needed_by, tables
from pocketvisor.images.phone_art import pictures
from pocketvisor.images.root_files import RootFiles

PACKAGES = (
    *(
        "base-files",
        "base-passwd",
        "bash",
        "coreutils",
        "dash",
        "debianutils",
        "diffutils",
        "dpkg",
        "findutils",
    ),
    *("grep", "gzip", "hostname", "init-system-helpers", "libc-bin", "login", "mawk", "ncurses-base"),
    *("ncurses-bin", "perl-base", "sed", "sysvinit-utils", "tar", "usr-is-merged", "util-linux"),
    *("apt", "ca-certificates", "busybox-static"),
    *("xserver-xorg-core", "xserver-xorg-input-evdev", "xserver-xorg-video-fbdev", "x11-xserver-utils"),
    *("matchbox-window-manager", "tk", "wmctrl", "xautomation", "stterm", "dillo"),
)

LEFT_OUT = tuple(f"/usr/share/{name}/" for name in ("doc", "info", "lintian", "locale", "man"))
"""Of the packages' files; dpkg in the guest is told the same."""

FIRST_MODULES = ("virtio_mmio", "virtio_blk", "crc32c_generic", "ext4")
"""What the disk is mounted with: the other modules are on it."""

EARLY_APPLETS = ("chroot", "cttyhack", "mount", "modprobe", "poweroff", "setsid", "sh", "switch_root", "sync")
_HOME = "usr/lib/phone"
_HOME_FILES = {
    "start.html": "start.html",
    "bash_aliases": "home/.bash_aliases",
    "dillorc": "home/.dillo/dillorc",
}
_KEYBOARDS = "usr/share/X11/xkb"
_SCRIPTS = ("boot", "configure", "desktop", "later", "network", "session", "shutdown", "turned")


def _resources() -> Traversable:
    return files("pocketvisor.resources")


def add_phone_files(root: RootFiles, release: str, modules: dict[str, bytes], sources: list[str]) -> None:
    """All that is not in a package. `sources`: lines for apt in the guest."""
    ours = _resources().joinpath("debian-phone")
    for name in _SCRIPTS:
        root.add_file(f"{_HOME}/{name}", ours.joinpath(name).read_bytes(), mode=0o755)
    for name in ("clipboard", "dhcp"):
        root.add_file(f"{_HOME}/{name}", _resources().joinpath("debian", name).read_bytes(), mode=0o755)
    root.add_link("usr/local/bin/clipboard", f"/{_HOME}/clipboard")
    root.add_file(f"{_HOME}/xorg.conf", ours.joinpath("xorg.conf").read_bytes())
    for entry in ours.joinpath("shell").iterdir():
        root.add_file(f"{_HOME}/shell/{entry.name}", entry.read_bytes())
    # X's own keyboard, with which the one on the glass types, has by its rules other numbers for Insert and
    # the arrows than the kernel's keyboards. Who has just heard of the one misses the other's first key: so X
    # finds the kernel's rules under both names.
    for name in ("compat", "geometry", "keycodes", "symbols", "types"):
        root.add_link(f"{_HOME}/xkb/{name}", f"/{_KEYBOARDS}/{name}")
    for name in ("base", "evdev"):
        root.add_link(f"{_HOME}/xkb/rules/{name}", f"/{_KEYBOARDS}/rules/evdev")
    for name, place in _HOME_FILES.items():
        root.add_file(f"{_HOME}/{place}", ours.joinpath("home", name).read_bytes())
    for name, picture in pictures().items():
        root.add_file(f"{_HOME}/pictures/{name}", picture)
    for entry in _resources().joinpath("fonts").iterdir():
        if entry.name.endswith((".otf", ".ttf")):
            root.add_file(f"usr/share/fonts/pocketvisor/{entry.name}", entry.read_bytes())
    folder_of_modules = f"usr/lib/modules/{release}"
    contents = {**{f"{name}.ko": content for name, content in modules.items()}, **tables(modules)}
    for name, content in contents.items():
        root.add_file(f"{folder_of_modules}/{name}", content)
    left_out = "".join(f"path-exclude={prefix}*\n" for prefix in LEFT_OUT)
    for name, content in {
        "etc/inittab": ours.joinpath("inittab").read_bytes(),
        "etc/hostname": b"phone\n",
        "root/.inputrc": ours.joinpath("home", "inputrc").read_bytes(),
        "etc/hosts": b"127.0.0.1 localhost phone\n::1 localhost\n",
        "etc/fstab": b"/dev/vda / ext4 noatime 0 1\n",
        "etc/filesystems": b"ext4\nvfat\niso9660\n",
        "etc/apt/sources.list": "".join(f"{line}\n" for line in sources).encode(),
        "etc/dpkg/dpkg.cfg.d/phone": left_out.encode(),
    }.items():
        root.add_file(name, content)
    root.add_link("usr/sbin/init", "../bin/busybox")
    root.add_link("usr/sbin/modprobe", "../bin/busybox")
    for name in ("dev", "proc", "run", "sys", "mnt", "media"):
        root.add_folder(name)
    root.add_folder("tmp", mode=0o1777)
    root.add_folder("root", mode=0o700)


def source_lines(targets: str) -> list[str]:
    """Lines for sources.list of `apt-get indextargets` with SITE, RELEASE and COMPONENT; no passwords."""
    lines: dict[str, None] = {}
    for target in targets.splitlines():
        site, _, rest = target.partition(" ")
        release, _, component = rest.partition(" ")
        parts = urlsplit(site)
        if parts.scheme in ("http", "https") and parts.hostname and release and component:
            plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
            lines[f"deb {plain} {release} {component}"] = None
    return list(lines)


def first_disk(busybox: bytes, release: str, modules: dict[str, bytes]) -> bytes:
    """The archive that the kernel starts from: it mounts the disk."""
    needs = {name: needed_by(name, module) for name, module in modules.items()}
    early = [name for name in load_order(FIRST_MODULES, needs) if name in modules]
    script = _resources().joinpath("debian-phone", "init").read_bytes()
    return cpio.pack(
        [
            *(cpio.folder(name) for name in ("bin", "dev", "disk", "proc", "sys")),
            cpio.link("sbin", "bin"),
            cpio.file("bin/busybox", busybox, executable=True),
            *(cpio.link(f"bin/{name}", "busybox") for name in (*EARLY_APPLETS, "umount")),
            cpio.file("init", script, executable=True),
            *module_entries(release, {name: modules[name] for name in early}),
        ]
    )


__all__ = ["LEFT_OUT", "MODULES", "PACKAGES", "add_phone_files", "first_disk", "source_lines"]
