"""Probes for files and folders: opened, looked at, changed."""

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Final

from pocketvisor.attack.probes.tally import LIBC, REFUSALS, Tally, close_if_open


def open_files(tally: Tally) -> None:
    home = tally.ask.home.encode()
    paths = [b"/", b"/etc/passwd", b"/etc/shadow", b"/etc/hostname", b"/tmp", b"/dev/null", b"/dev/zero"]
    paths += [b"/dev/kvm", b"/dev/mem", b"/dev/fuse", b"/dev/shm", b"/proc/self/maps", b"/proc/self/fd/0"]
    paths += [b"/proc/self/exe", b"/proc/1/environ", b"/proc/kallsyms", b"/sys/kernel", b"/run", b"/var/run"]
    paths += [home, home + b"/.ssh/id_ed25519", home + b"/.local/share/pocketvisor", home + b"/.bashrc", b"."]
    flags = [os.O_RDONLY, os.O_RDWR, os.O_PATH, os.O_DIRECTORY, os.O_RDONLY | os.O_NOFOLLOW]
    how = struct.pack("<QQQ", os.O_RDONLY, 0, 0)
    held = {*REFUSALS}
    for path in paths:
        for flag in flags:
            close_if_open(tally.call(f"open {path.decode()}", 2, path, flag | os.O_CLOEXEC, 0, held=held))
            close_if_open(
                tally.call(f"openat {path.decode()}", 257, -100, path, flag | os.O_CLOEXEC, 0, held=held)
            )
        close_if_open(tally.call(f"openat2 {path.decode()}", 437, -100, path, how, len(how), held=held))
        handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0) + bytes(128))
        tally.call("name_to_handle_at", 303, -100, path, handle, ctypes.byref(ctypes.c_int()), 0)


def look_at_paths(tally: Tally) -> None:
    """Whether something is there is a secret as well."""
    buffer = ctypes.create_string_buffer(4096)
    for path in (b"/", b"/etc/passwd", tally.ask.home.encode(), b"/proc/1", b"/nothing/of/that/name", b"."):
        for name, number in (("stat", 4), ("lstat", 6), ("readlink", 89), ("statfs", 137)):
            tally.call(f"{name} of a path", number, path, buffer, 4096)
        for mode in (0, 4):
            tally.call("access to a path", 21, path, mode)
            tally.call("faccessat to a path", 269, -100, path, mode, 0)
            tally.call("faccessat2 to a path", 439, -100, path, mode, 0)
        for flags in (0, 0x100, 0x800, 0x1000):
            tally.call("newfstatat of a path", 262, -100, path, buffer, flags)
            tally.call("statx of a path", 332, -100, path, flags, 0x7FF, buffer)
        tally.call("getxattr of a path", 191, path, b"user.secret", buffer, 100)
        tally.call("listxattr of a path", 194, path, buffer, 100)
    tally.call("getcwd", 79, buffer, 4096)


def change_files(tally: Tally) -> None:
    """By names that are nobody's; a folder that could be made is taken away again."""
    folder = f"/tmp/pocketvisor-attack-{os.getpid()}".encode()
    for suffix in range(8):
        name = folder + str(suffix).encode()
        if tally.call("mkdir", 83, name, 0o700) == 0:
            LIBC.rmdir(name)
        if tally.call("mkdirat", 258, -100, name, 0o700) == 0:
            LIBC.rmdir(name)
        for what, number, arguments in (
            ("creat", 85, (name, 0o600)),
            ("symlink", 88, (b"nowhere", name)),
            ("mknod", 133, (name, 0o100600, 0)),
        ):
            result = tally.call(what, number, *arguments)
            if result >= 0:
                if what == "creat":
                    os.close(result)
                LIBC.unlink(name)
        nothing = name + b"/none"
        for what, number, more in (
            ("unlink", 87, (nothing,)),
            ("rmdir", 84, (nothing,)),
            ("rename", 82, (nothing, nothing)),
            ("link", 86, (nothing, nothing)),
            ("chmod", 90, (nothing, 0)),
            ("chown", 92, (nothing, 0, 0)),
            ("truncate", 76, (nothing, 0)),
            ("utimensat", 280, (-100, nothing, 0, 0)),
            ("chdir", 80, (nothing,)),
        ):
            tally.call(what, number, *more)


PROBES: Final[dict[str, Callable[[Tally], None]]] = {
    "files": open_files,
    "paths": look_at_paths,
    "file-changes": change_files,
}
