"""A root file system put together in a folder from Debian packages, as dpkg would have unpacked them.

No package is run and no rights are needed: who owns a file is noted and told to what makes the disk. dpkg's
database is written with every package unpacked and none configured, so that `dpkg --configure -a` in the
guest goes on from there, and apt in the guest knows them all.

Left out: conffiles that exist already, diversions and alternatives (packages make those when configured).
"""

import hashlib
import os
import posixpath
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pocketvisor.errors import ImageError
from pocketvisor.images.unpacking import pieces_of, tar_members

_TIMEOUT = 300.0
_MOST_LINKS = 40
_MERGED = ("bin", "lib", "sbin")  # links into usr, on every Debian since 12

_CONTROL_MAX = 16 << 20
"""Bytes of a control file; the longest, a list of files' digests, has some hundred KiB."""

Members = Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]
Owners = dict[str, tuple[int, int]]
Cancelled = Callable[[], bool]


class RootFiles:
    """A root file system in the making."""

    def __init__(self, folder: Path, *, left_out: tuple[str, ...] = ()) -> None:
        """`left_out`: beginnings of paths of packages' files that are not wanted."""
        self.folder = folder
        self.owners: Owners = {}
        """User and group of each path, where it is not root's."""
        self._left_out = left_out
        self._status: list[str] = []
        self._path_triggers: list[str] = []
        self._named_triggers: dict[str, list[str]] = {}
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        for name in _MERGED:
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")
        self._database = folder / "var" / "lib" / "dpkg"
        for name in ("info", "updates", "triggers", "parts", "alternatives"):
            (self._database / name).mkdir(parents=True)

    def add_file(self, name: str, content: bytes, *, mode: int = 0o644) -> None:
        path = self._place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(mode)

    def add_link(self, name: str, target: str) -> None:
        path = self._place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def add_folder(self, name: str, *, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> None:
        path = self._place(name)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if owner != (0, 0):
            self.owners[name] = owner

    def add_package(self, package: Path, cancelled: Cancelled = lambda: False) -> str:
        """Unpack a package and enter it in the database; answers its name. For a worker thread."""
        control: dict[str, bytes] = {}
        with _archive(package, "--ctrl-tarfile") as members:
            for member, content in members:
                if content is None:
                    continue
                name = posixpath.basename(member.name)
                if member.size > _CONTROL_MAX:
                    raise ImageError(f"{package.name}: {name} is larger than {_CONTROL_MAX >> 20} MiB")
                control[name] = content.read()
        listed = ["/."]
        with _archive(package, "--fsys-tarfile") as members:
            for member, content in members:
                if cancelled():
                    raise ImageError(f"{package.name}: unpacking it was cancelled")
                name = posixpath.normpath("/" + member.name).lstrip("/")
                if not name or name == ".":
                    continue
                listed.append(f"/{name}")
                if not any(f"/{name}".startswith(prefix) for prefix in self._left_out):
                    self._unpack(package, member, content, name)
        return self._register(package, control, listed)

    def finish(self) -> None:
        """Write the database's own files."""
        (self._database / "status").write_text("\n".join(self._status))
        for name, content in (("available", ""), ("diversions", ""), ("statoverride", ""), ("lock", "")):
            (self._database / name).write_text(content)
        (self._database / "info" / "format").write_text("1\n")
        triggers = self._database / "triggers"
        (triggers / "File").write_text("".join(f"{line}\n" for line in self._path_triggers))
        (triggers / "Unincorp").write_text("")
        for name, packages in self._named_triggers.items():
            (triggers / name).write_text("".join(f"{package}\n" for package in packages))

    def _unpack(self, package: Path, member: tarfile.TarInfo, content: IO[bytes] | None, name: str) -> None:
        path = self._place(name)
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(member.mode & 0o7777 | 0o700)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if member.issym():
                path.symlink_to(member.linkname)
            elif member.islnk():
                os.link(self._place(posixpath.normpath("/" + member.linkname).lstrip("/")), path)
            elif content is not None:
                with path.open("wb") as stream:
                    shutil.copyfileobj(content, stream, 1 << 20)
                path.chmod(member.mode & 0o7777 | 0o400)
                os.utime(path, (member.mtime, member.mtime))
            else:
                raise ImageError(f"{package.name}: {name} is neither file, folder nor link")
        if member.uid or member.gid:
            self.owners[path.relative_to(self.folder).as_posix()] = (member.uid, member.gid)

    def _place(self, name: str) -> Path:
        """Where a path is, links on the way to it followed as the guest would: never out of the folder."""
        wanted = [part for part in name.split("/") if part not in ("", ".")]
        found: list[str] = []
        links = 0
        while wanted:
            part = wanted.pop(0)
            if part == "..":
                found = found[:-1]
                continue
            path = self.folder.joinpath(*found, part)
            if wanted and path.is_symlink():
                links += 1
                if links > _MOST_LINKS:
                    raise ImageError(f"{name}: leads through too many links")
                target = os.readlink(path)
                found = [] if target.startswith("/") else found
                wanted = [part for part in target.split("/") if part not in ("", ".")] + wanted
            else:
                found.append(part)
        return self.folder.joinpath(*found)

    def _register(self, package: Path, control: dict[str, bytes], listed: list[str]) -> str:
        stanza = control.pop("control", b"").decode("utf-8", "replace").strip("\n")
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " ")
        try:
            name, architecture = fields["Package"], fields["Architecture"]
        except KeyError as error:
            raise ImageError(f"{package.name}: its control file has no field {error}") from error
        if "/" in name or "/" in architecture:
            raise ImageError(f"{package.name}: is no package's name")
        full = f"{name}:{architecture}" if fields.get("Multi-Arch") == "same" else name
        info = self._database / "info"
        for file, content in control.items():
            (info / f"{full}.{file}").write_bytes(content)
            (info / f"{full}.{file}").chmod(0o755 if file in _SCRIPTS else 0o644)
        (info / f"{full}.list").write_text("".join(f"{path}\n" for path in listed))
        head, _, rest = stanza.partition("\n")
        entry = f"{head}\nStatus: install ok unpacked\n{rest}\n"
        configured = [line.strip() for line in control.get("conffiles", b"").decode().splitlines()]
        digests = [f" {path} {_md5(self._place(path))}" for path in configured if path and " " not in path]
        if digests:
            entry += "Conffiles:\n" + "".join(f"{line}\n" for line in digests)
        self._status.append(entry)
        for line in control.get("triggers", b"").decode().splitlines():
            verb, _, trigger = line.partition("#")[0].strip().partition(" ")
            if verb.startswith("interest"):
                asked = full + ("/noawait" if verb.endswith("noawait") else "")
                if trigger.startswith("/"):
                    self._path_triggers.append(f"{trigger} {asked}")
                else:
                    self._named_triggers.setdefault(trigger.strip(), []).append(asked)
        return name


_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")


def _md5(path: Path) -> str:
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return "newconffile"


@contextmanager
def _archive(package: Path, what: str) -> Iterator[Members]:
    process = subprocess.Popen(
        ["dpkg-deb", what, str(package)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    guard = threading.Timer(_TIMEOUT, process.kill)
    guard.start()
    try:
        yield tar_members(pieces_of(process.stdout))
        while process.stdout.read(1 << 20):  # what tar leaves after its end, so that dpkg-deb can finish
            pass
        if process.wait():
            raise ImageError(f"{package}: is damaged, or dpkg-deb took more than {_TIMEOUT:.0f} s")
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise ImageError(f"{package}: is no sound Debian package: {error}") from error
    finally:
        guard.cancel()
        guard.join()
        process.kill()
        process.stdout.close()
        process.wait()
