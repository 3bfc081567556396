"""An ext4 file system in a sparse file, made of a folder by e2fsprogs, without rights or mounting.

Left out: device nodes (devtmpfs makes them), extended attributes.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images.root_files import Owners

_TIMEOUT = 600.0

# Of the newer features, checksums of metadata and 64-bit block numbers cost a guest time for nothing: the
# host's disk has checks of its own. All tables are written now, so that no guest does it while it starts.
_OPTIONS = (
    *("-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1"),
    *("-O", "^metadata_csum,^64bit,^orphan_file", "-J", "size=16"),
    *("-E", "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0"),
)


def tool(name: str) -> str | None:
    """The program's path; administrators' folders are not in everyone's search path."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def missing_tools() -> list[str]:
    return [name for name in ("mke2fs", "debugfs", "e2fsck") if tool(name) is None]


def make_file_system(folder: Path, image: Path, size: int, owners: Owners, label: str) -> None:
    """Make `image`, of `size` bytes, hold the folder's files; all are root's but those in `owners`.

    ImageError if they do not fit. It is for a worker thread.
    """
    with image.open("wb") as stream:
        stream.truncate(size)
    _run("mke2fs", *_OPTIONS, "-L", label, "-d", str(folder), str(image))
    commands = list(_owner_commands(folder, owners))
    if commands:
        script = image.with_name(f"{image.name}.debugfs")
        script.write_text("".join(f"{command}\n" for command in commands))
        try:
            complaints = _run("debugfs", "-w", "-f", str(script), str(image))
        finally:
            script.unlink()
        bad = [line for line in complaints.splitlines() if line.strip() and not line.startswith("debugfs ")]
        if bad:
            raise ImageError(f"{image.name}: debugfs could not set an owner: {bad[0]}")


def check_file_system(image: Path) -> None:
    """ImageError unless the file system is whole. It is for a worker thread."""
    _run("e2fsck", "-f", "-p", str(image), good=(0, 1))


def _owner_commands(folder: Path, owners: Owners) -> list[str]:
    """What tells debugfs who owns what: those who build without being root would own it all."""
    own = (os.geteuid(), os.getegid())
    wanted: dict[str, tuple[int, int]] = dict(owners)
    if own != (0, 0):
        for parent, folders, names in os.walk(folder):
            for name in (*folders, *names):
                path = os.path.relpath(os.path.join(parent, name), folder)
                wanted.setdefault(path, (0, 0))
    commands = []
    for path, (user, group) in wanted.items():
        if '"' in path or "\n" in path:
            raise ImageError(f"{path!r}: cannot be the name of a file on the disk")
        commands += [f'set_inode_field "/{path}" uid {user}', f'set_inode_field "/{path}" gid {group}']
    return commands


def _run(name: str, *arguments: str, good: Sequence[int] = (0,)) -> str:
    """Standard error of the program; ImageError with its complaint if it fails."""
    program = tool(name)
    if program is None:
        raise MissingImage(f"{name} is not installed: it is in Debian's package e2fsprogs")
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            env={**os.environ, "LC_ALL": "C", "MKE2FS_CONFIG": os.devnull},
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"{name} took more than {_TIMEOUT:.0f} s") from error
    complaint = done.stderr.decode("utf-8", "replace")
    if done.returncode not in good:
        last = complaint.strip().splitlines() or done.stdout.decode("utf-8", "replace").strip().splitlines()
        raise ImageError(f"{name} failed: {last[-1] if last else f'it ended with {done.returncode}'}")
    return complaint
