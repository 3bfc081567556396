"""What a real compiler's ELF file says of a program, and what is said of files that are of no use."""

import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pocketvisor.debug.symbols.source_lines import Line
from pocketvisor.debug.symbols.table import SymbolTable, open_symbols
from pocketvisor.errors import DebugError

START = 0x40200000
Build = Callable[..., Path]


class FileMemory:
    """What is in memory once the program was loaded."""

    def __init__(self, path: Path) -> None:
        from elftools.elf.elffile import ELFFile

        self._parts = []
        with path.open("rb") as file:
            for part in ELFFile(file).iter_segments("PT_LOAD"):
                self._parts.append((part["p_vaddr"], part.data().ljust(part["p_memsz"], b"\0")))

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        del physical
        for start, data in self._parts:
            if start <= address < start + len(data):
                return bytes(data[address - start : address - start + size])
        return b""


@pytest.fixture
async def table(built_program: Build) -> AsyncIterator[SymbolTable]:
    table = await open_symbols([built_program("arm", "-g", "-marm")])
    yield table
    await table.close()


@pytest.fixture
def memory(built_program: Build) -> FileMemory:
    return FileMemory(built_program("arm", "-g", "-marm"))


def test_an_address_has_a_name_and_a_name_an_address(table: SymbolTable) -> None:
    middle = table.symbol("middle")
    assert middle is not None and middle.kind == "function" and middle.size
    assert table.address("middle") == middle.address
    assert table.label(middle.address) == "middle"
    assert table.label(middle.address + 8) == "middle+0x8"
    assert table.label(middle.address + middle.size) != "middle"
    assert table.label(0x1000) == "" and table.address("nothing") is None
    assert table.address("arm:middle") == middle.address
    assert [symbol.name for symbol in table.search("mid")] == ["middle"]
    assert "innermost" in [symbol.name for symbol in table.search("most")]
    assert {"outer", "middle", "innermost", "run"} <= {symbol.name for symbol in table.functions()}


def test_code_has_source_lines_and_their_text(table: SymbolTable) -> None:
    outer = table.address("outer")
    assert outer is not None
    line = table.line(outer)
    assert line is not None and line.file.endswith("tests/core/debug/calls.c")
    text = table.source_text(line)
    assert text is not None and "int outer(int value)" in text
    assert table.line_address("calls.c", line.line) == outer
    assert table.line(0x1000) is None
    assert table.source_text(Line(line.file, 100_000)) is None
    assert table.mode(outer) == "arm"


def test_sources_are_plain_files_alone(table: SymbolTable, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.c")
    assert table.sources.text(str(tmp_path / "pipe.c")) is None
    assert table.sources.text("/dev/zero") is None
    assert table.sources.text("a\0b") is None


VALUES = {
    "title": ("const char [10]", r'"a \"title\""'),
    "counter": ("int", "-7"),
    "large": ("long long unsigned int", f"{0x123456789ABC} (0x123456789abc)"),
    "ready": ("_Bool", "true"),
    "bytes": ("unsigned char [4]", r'"\x01\x02\x03\xff"'),
    "table": ("short int [2][3]", "{{1, 2, 3}, {-1, -2, -3}}"),
    "third": ("double", "0.25"),
}


@pytest.mark.parametrize("name", VALUES)
async def test_a_variable_has_a_type_and_a_value(table: SymbolTable, memory: FileMemory, name: str) -> None:
    kind, value = VALUES[name]
    static = next(static for static in await table.statics() if static.name == name)
    assert static.type in (kind, kind.removeprefix("const ")), static
    assert static.file.endswith("calls.c") and static.line
    assert await table.value(name, memory) == value


async def test_a_structure_is_shown_with_its_fields(table: SymbolTable, memory: FileMemory) -> None:
    address = table.address("first")
    shown = await table.value("first", memory)
    for field in (
        "corner = {x = 1, y = -2}",
        "more = {{x = 3, y = 4}, {x = 5, y = 6}, {x = 7, y = 8}}",
        "colour = GREEN",
        "flags = 5, kind = 17, depth = -3",
        f"next = 0x{address:08x}",
        "ratio = 0.5",
        "draw = NULL",
    ):
        assert field in shown
    with pytest.raises(DebugError, match="nothing"):
        await table.value("nothing", memory)


async def test_a_program_at_another_place_is_seen_there(built_program: Build) -> None:
    table = SymbolTable()
    try:
        await table.open(built_program("arm", "-g", "-marm"), bias=0x1000_0000)
        outer = table.address("outer")
        assert outer is not None and outer >> 28 == 5
        assert table.line(outer) is not None
        assert table.label(outer) == "outer" and table.mode(outer) == "arm"
    finally:
        await table.close()


async def test_thumb_code_is_known_as_such(built_program: Build) -> None:
    table = await open_symbols([built_program("thumb", "-g", "-mthumb")])
    try:
        outer, start = table.symbol("outer"), table.symbol("_start")
        assert outer is not None and outer.thumb and not outer.address & 1
        assert table.mode(outer.address + 2) == "thumb"
        assert start is not None and table.mode(start.address) == "arm"
    finally:
        await table.close()


def strip(path: Path, to: Path, *flags: str) -> Path:
    subprocess.run(["arm-none-eabi-objcopy", *flags, str(path), str(to)], check=True, timeout=60)
    return to


async def test_a_stripped_file_says_so(built_program: Build, tmp_path: Path) -> None:
    bare = strip(built_program("arm", "-g", "-marm"), tmp_path / "bare.elf", "--strip-all")
    table = await open_symbols([bare])
    try:
        assert table.problems == [
            "bare.elf: is stripped: it has no symbols",
            "bare.elf: has no source lines",
        ]
        assert table.label(START) == ""
        assert await table.statics() == []
    finally:
        await table.close()


async def test_without_debug_information_its_symbols_do(built_program: Build, tmp_path: Path) -> None:
    plain = strip(built_program("arm", "-g", "-marm"), tmp_path / "plain.elf", "--strip-debug")
    table = await open_symbols([plain])
    try:
        assert table.problems == ["plain.elf: has no source lines"]
        assert "counter" in [static.name for static in await table.statics()]
        with pytest.raises(DebugError, match="no debug information"):
            await table.value("counter", FileMemory(plain))
    finally:
        await table.close()


async def test_another_build_is_told_by_its_build_id(built_program: Build, tmp_path: Path) -> None:
    one = built_program("one", "-g", "-marm", "-Wl,--build-id")
    other = built_program("other", "-g", "-marm", "-O2", "-Wl,--build-id")
    table = await open_symbols([one, other], FileMemory(one))
    try:
        assert [file.differs for file in table.layers] == [False, True]
        assert table.layers[0].name == "one"
        [problem] = table.problems
        ids = [file.build_id for file in table.layers]
        assert problem.startswith("other: is of another build") and ids[0] in problem and ids[1] in problem
        await table.check(FileMemory(other))
        assert [(file.name, file.differs) for file in table.layers] == [("other", False), ("one", True)]
    finally:
        await table.close()


async def test_without_a_build_id_its_code_tells(built_program: Build) -> None:
    one, other = built_program("arm", "-g", "-marm"), built_program("thumb", "-g", "-mthumb")
    for memory, wrong in ((FileMemory(one), False), (FileMemory(other), True)):
        table = await open_symbols([one], memory)
        assert table.layers[0].differs is wrong
        assert any("its code is not what is there" in problem for problem in table.problems) is wrong
        await table.close()


async def test_what_is_of_no_use_is_refused_with_a_sentence(tmp_path: Path, built_program: Build) -> None:
    elf = built_program("arm", "-g", "-marm").read_bytes()
    cases = {
        "empty": (b"", "is neither an ELF file nor a System.map"),
        "text": (b"hello\n", "is neither an ELF file nor a System.map of a 32-bit kernel"),
        "head": (elf[:40], "is damaged"),
        "x86": (elf[:18] + b"\x3e" + elf[19:], "is an ELF file for x86-64, this board's CPU is a 32-bit ARM"),
        "object": (elf[:16] + b"\x01" + elf[17:], "is an ELF file that is not linked"),
    }
    for name, (data, sentence) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DebugError, match=f"^{name}: .*{sentence}"):
            await open_symbols([tmp_path / name])
    with pytest.raises(DebugError, match="cannot be opened"):
        await open_symbols([tmp_path / "missing"])
    with pytest.raises(DebugError, match="is no file"):
        await open_symbols([tmp_path])


async def test_a_file_that_changed_is_not_mixed_up(built_program: Build, tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(built_program("arm", "-g", "-marm").read_bytes())
    table = await open_symbols([path])
    try:
        path.write_bytes(built_program("thumb", "-g", "-mthumb").read_bytes())
        reader = table.layers[0]._reader
        assert reader is not None
        await reader.close()
        assert table.label(table.address("outer") or 0) == "outer", "what is known stays"
        with pytest.raises(DebugError, match="has changed since"):
            await table.value("first", FileMemory(path))
    finally:
        await table.close()


async def test_a_system_map_is_read(tmp_path: Path) -> None:
    path = tmp_path / "System.map"
    path.write_text("c0008000 T _text\nc0008000 t head\nc0009000 D jiffies\n00000020 A number\n")
    table = await open_symbols([path])
    assert table.label(0xC0008010) == "head+0x10", "a plain name rather than a mark"
    assert table.address("jiffies") == 0xC0009000
    await table.close()
