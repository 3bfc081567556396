"""Where a vault is: a folder, or an object store by its fsspec URL. Whole files alone are written and read.

A file is there under its name when all of it is: in a folder by a rename behind an fsync, in an object store
because a put is whole, elsewhere by a rename. What is read is hostile: a size is asked first, and no link is
followed.

Left out: how each service is signed in to. fsspec's own configuration and environment say that.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import fsspec

from pocketvisor.errors import DamagedProfile, PocketvisorError, ProfileError

PART: Final = ".part"
NAMES_MAX: Final = 1_000_000
_RENAMING: Final = {"sftp", "ssh", "ftp", "smb", "webhdfs", "hdfs", "arrow_hdfs"}
"""Services that show a file while it is being written."""
_AHEAD: Final = {"sftp", "ssh"}
"""Services whose driver waits for each piece, unless it fetches a file."""


class MissingInVault(ProfileError):
    """A file that should be in the vault is not."""


class Store:
    """Names are relative, with slashes, of this package's making. For any thread."""

    def __init__(self, url: str) -> None:
        """Raises ProfileError where there is no such service."""
        self.shown = without_secrets(url)
        self._fs: Any = None
        self._root = ""
        self._folder: Path | None = None
        self._renames = self._ahead = False
        if "://" not in url:
            self._folder = Path(url).expanduser().absolute()
            return
        try:
            self._fs, root = fsspec.url_to_fs(url)
        except Exception as error:
            raise ProfileError(f"The vault {self.shown} cannot be used: {_first_line(error)}") from error
        self._root = str(root).rstrip("/")
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._renames = bool(protocols & _RENAMING)
        self._ahead = bool(protocols & _AHEAD)
        if protocols & {"file", "local"}:
            self._folder = Path(root)

    def read(self, name: str, most: int, start: int = 0, size: int | None = None) -> bytes:
        """A file, or `size` bytes of it from `start`. Raises MissingInVault, and DamagedProfile above
        `most`."""
        with self._told("read"):
            if self._folder is not None:
                return self._read_file(self._folder / name, name, most, start, size)
            path = f"{self._root}/{name}"
            self._fs.invalidate_cache()  # of listings: others write to it as well
            whole = self._fs.size(path)
            if whole is None or (size is None and whole - start > most):
                raise DamagedProfile(f"{name} in the vault is larger than it may be")
            if start + (size or 0) > whole:
                raise DamagedProfile(f"{name} in the vault is shorter than it should be")
            end = whole if size is None else start + size
            if self._ahead and size is None:
                content = self._get(path)[start:]
            else:
                content = bytes(self._fs.cat_file(path, start=start, end=end))
        if len(content) != end - start:
            raise DamagedProfile(f"{name} in the vault is shorter than it should be")
        return content

    def _get(self, path: str) -> bytes:
        """As a file, for the reason that _put() has. Paramiko asks for no more than the size it was told."""
        with open(os.memfd_create("pack", os.MFD_CLOEXEC), "rb") as file:
            self._fs.get_file(path, f"/proc/self/fd/{file.fileno()}")
            return file.read()

    def _read_file(self, path: Path, name: str, most: int, start: int, size: int | None) -> bytes:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise DamagedProfile(f"{name} in the vault is no regular file")
            file.seek(start)
            content = file.read(most + 1 if size is None else size)
        if size is None and len(content) > most:
            raise DamagedProfile(f"{name} in the vault is larger than it may be")
        if size is not None and len(content) != size:
            raise DamagedProfile(f"{name} in the vault is shorter than it should be")
        return content

    def write(self, name: str, content: bytes) -> None:
        """All of it or nothing, in place of what was there; in a folder it is on the disk when this
        returns."""
        part = f"{name}.{secrets.token_hex(8)}{PART}"
        with self._told("written"):
            if self._folder is not None:
                self._write_file(self._folder / part, self._folder / name, content)
            elif self._renames:
                self._fs.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)
                self._put(content, f"{self._root}/{part}")
                self._fs.mv(f"{self._root}/{part}", f"{self._root}/{name}")
            else:
                self._fs.pipe_file(f"{self._root}/{name}", content)

    def _put(self, content: bytes, path: str) -> None:
        """As a file: drivers send one without a round trip for each piece, ten times as fast over SFTP."""
        with open(os.memfd_create("pack", os.MFD_CLOEXEC), "wb") as file:
            file.write(content)
            file.flush()
            self._fs.put_file(f"/proc/self/fd/{file.fileno()}", path)

    def _write_file(self, part: Path, path: Path, content: bytes) -> None:
        assert self._folder is not None
        self._make_folders(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with open(os.open(part, flags, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        _sync(path.parent)

    def _make_folders(self, folder: Path) -> None:
        """Not those above the vault: where its disk is not mounted, another one would begin there."""
        assert self._folder is not None
        if folder != self._folder:
            self._make_folders(folder.parent)
        if not folder.is_dir():
            folder.mkdir(exist_ok=True, mode=0o700)
            _sync(folder.parent)

    def names(self, folder: str) -> dict[str, int]:
        """Name and size of the files, and of folders with size 0, in a folder; nothing where there is
        none."""
        with self._told("listed"):
            if self._folder is not None:
                return self._folder_names(self._folder / folder)
            path = f"{self._root}/{folder}".rstrip("/")
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(path, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
            if len(found) > NAMES_MAX:
                raise DamagedProfile(f"{folder} in the vault has more files than it may")
            return {
                str(one["name"]).rstrip("/").rpartition("/")[2]: int(one.get("size") or 0) for one in found
            }

    def _folder_names(self, path: Path) -> dict[str, int]:
        names: dict[str, int] = {}
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if len(names) >= NAMES_MAX:
                        raise DamagedProfile(f"{path.name} in the vault has more files than it may")
                    is_file = entry.is_file(follow_symlinks=False)
                    with contextlib.suppress(FileNotFoundError):  # it has its name, or is gone, since
                        names[entry.name] = entry.stat(follow_symlinks=False).st_size if is_file else 0
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return names

    def delete(self, name: str) -> None:
        """Nothing happens where it is not there."""
        with self._told("deleted"), contextlib.suppress(FileNotFoundError):
            if self._folder is not None:
                (self._folder / name).unlink()
            else:
                self._fs.rm_file(f"{self._root}/{name}")

    def delete_folder(self, name: str) -> None:
        """An empty one; an object store has none."""
        with contextlib.suppress(Exception):
            if self._folder is not None:
                (self._folder / name).rmdir()
            else:
                self._fs.rmdir(f"{self._root}/{name}")

    @contextlib.contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Makes a sentence of whatever a service's driver raises."""
        try:
            yield
        except PocketvisorError:
            raise
        except Exception as error:
            if isinstance(error, FileNotFoundError) and doing == "read":
                raise MissingInVault(f"The vault {self.shown} lacks a file that should be there") from error
            raise ProfileError(f"The vault {self.shown} cannot be {doing}: {_first_line(error)}") from error


def without_secrets(url: str) -> str:
    """A URL as it may be shown: a password in it is left out, and so are parameters."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path, "", ""))


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error) or type(error).__name__).splitlines()[0][:200].rstrip(".")
