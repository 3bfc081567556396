"""Kernel modules: which others a module needs, and in which order to load them.

A package of Debian's holds no modules.dep (it is made where a kernel is installed), so what a module needs
is read from the module itself. Left out: soft dependencies and aliases.
"""

from io import BytesIO
from pathlib import PurePosixPath

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from pocketvisor.board.loaders.unpack import UnpackError, unpack
from pocketvisor.errors import ImageError

LARGEST_MODULE = 32 << 20
_KINDS = {".ko": None, ".ko.xz": "xz", ".ko.zst": "zstd", ".ko.gz": "gzip"}


def module_name(path: str) -> str | None:
    """The module's name of a file's path ("-" and "_" are one), or None for any other file."""
    name = PurePosixPath(path).name
    for suffix in _KINDS:
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("-", "_")
    return None


def plain_module(path: str, content: bytes) -> bytes:
    """The module's ELF file, unpacked if a newer Debian has compressed it."""
    kind = next(kind for suffix, kind in _KINDS.items() if path.endswith(suffix))
    if kind is None:
        return content
    try:
        return unpack(kind, content, LARGEST_MODULE)
    except UnpackError as error:
        raise ImageError(f"{path}: its content {error}") from error


def needed_by(path: str, module: bytes) -> list[str]:
    """The names of the modules that this one needs."""
    try:
        section = ELFFile(BytesIO(module)).get_section_by_name(".modinfo")
        information: bytes = section.data() if section is not None else b""
    except ELFError as error:
        raise ImageError(f"{path}: is no kernel module: {error}") from error
    for line in information.split(b"\0"):
        if line.startswith(b"depends="):
            names = line.removeprefix(b"depends=").decode("ascii", "replace").split(",")
            return [name.replace("-", "_") for name in names if name]
    return []


def load_order(wanted: tuple[str, ...], needs: dict[str, list[str]]) -> list[str]:
    """The wanted modules and all that they need, each after those that it needs."""
    order: list[str] = []
    open_: set[str] = set()

    def visit(name: str) -> None:
        if name in order or name in open_:
            return
        open_.add(name)
        for needed in needs.get(name, []):
            visit(needed)
        order.append(name)

    for name in wanted:
        visit(name)
    return order
