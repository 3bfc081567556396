"""Kernel modules: which others a module needs, and the tables that modprobe finds and loads them by.

A package of Debian's holds no modules.dep and modules.alias (they are made where a kernel is installed), so
what a module needs and which devices it drives is read from the module itself. Left out: soft dependencies;
those of file systems are loaded when the kernel asks for them by an alias.
"""

from io import BytesIO
from pathlib import PurePosixPath

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
    for value in _information(path, module, "depends"):
        return [name.replace("-", "_") for name in value.split(",") if name]
    return []


def aliases(path: str, module: bytes) -> list[str]:
    """What else this module is asked for by: patterns of devices, names of file systems."""
    return _information(path, module, "alias")


def _information(path: str, module: bytes, field: str) -> list[str]:
    from elftools.common.exceptions import ELFError  # slow to load, and needed for a new image alone
    from elftools.elf.elffile import ELFFile

    try:
        section = ELFFile(BytesIO(module)).get_section_by_name(".modinfo")
        information: bytes = section.data() if section is not None else b""
    except ELFError as error:
        raise ImageError(f"{path}: is no kernel module: {error}") from error
    start = field.encode() + b"="
    lines = [line for line in information.split(b"\0") if line.startswith(start)]
    return [line.removeprefix(start).decode("ascii", "replace") for line in lines]


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


def tables(modules: dict[str, bytes]) -> dict[str, bytes]:
    """modules.dep and modules.alias of a folder that holds these modules as NAME.ko."""
    needs = {name: [need for need in needed_by(name, modules[name]) if need in modules] for name in modules}
    depend, known_as = [], []
    for name in sorted(modules):
        before = load_order((name,), needs)[-2::-1]  # modprobe goes through a line from its end
        depend.append(" ".join([f"{name}.ko:", *(f"{need}.ko" for need in before)]))
        known_as += [f"alias {alias} {name}" for alias in aliases(name, modules[name])]
    return {
        "modules.dep": "".join(f"{line}\n" for line in depend).encode(),
        "modules.alias": "".join(f"{line}\n" for line in known_as).encode(),
    }
