"""What was executed, by address, by block and by line, and as other programs read it."""

import struct

from pocketvisor.debug.trace.coverage import Coverage, Stretch
from pocketvisor.debug.trace.drcov import Module, drcov
from pocketvisor.debug.trace.lcov import Function, SourceLine, lcov
from pocketvisor.debug.trace.ring import RawBlock


def block(pc: int, size: int, runs: int, kind: int = 0, physical: int = 0, context: int = 0) -> RawBlock:
    return RawBlock(runs, 4, pc, physical or pc, context, size, kind)


COVERAGE = Coverage(
    [
        block(0x1000, 0x10, 3),
        block(0x1008, 0x08, 2),
        block(0x2000, 0x08, 1, kind=1),
        block(0x3000, 0x20, 0),
        block(0x1000, 0x10, 4, physical=0x9000, context=7),
        block(0x4000, 0, 5),
    ]
)


def test_counts_are_by_instruction_whatever_block_it_was_in() -> None:
    assert [COVERAGE.runs(at) for at in (0xFFF, 0x1000, 0x1004, 0x1008, 0x100C, 0x1010)] == [0, 7, 7, 9, 9, 0]
    assert COVERAGE.runs(0x3000) == 0, "translated, never executed"
    assert COVERAGE.runs(0x4000) == 0, "never translated to its end"
    assert COVERAGE.bytes == 0x18
    assert [(one.start, one.thumb, one.runs) for one in COVERAGE.executed] == [
        (0x1000, False, 7),
        (0x1008, False, 2),
        (0x2000, True, 1),
    ]
    assert COVERAGE.executed[0].contexts == (0, 7)


def test_stretches_are_cut_to_what_is_asked_for() -> None:
    assert COVERAGE.stretches() == [
        Stretch(0x1000, 0x1008, 7),
        Stretch(0x1008, 0x1010, 9),
        Stretch(0x2000, 0x2008, 1),
    ]
    assert COVERAGE.stretches(0x1004, 0x100C) == [Stretch(0x1004, 0x1008, 7), Stretch(0x1008, 0x100C, 9)]
    assert COVERAGE.stretches(0x1010, 0x2000) == []
    assert Coverage(()).stretches() == []


def test_what_ran_in_between_is_the_difference() -> None:
    later = Coverage([block(0x1000, 0x10, 10), block(0x1008, 0x08, 2), block(0x5000, 4, 1)])
    between = later.since(Coverage([block(0x1000, 0x10, 7), block(0x1008, 0x08, 2)]))
    assert [(one.start, one.runs) for one in between.executed] == [(0x1000, 3), (0x5000, 1)]
    assert between.runs(0x1008) == 3


def test_parts_of_a_block_are_not_taken_for_the_whole() -> None:
    parts = Coverage(
        [block(0x1000, 4, 2, kind=4 << 1), block(0x1000, 0x10, 1), block(0x1004, 12, 2, kind=12 << 1)]
    )
    assert [parts.runs(0x1000), parts.runs(0x1004), parts.runs(0x100C)] == [3, 3, 3]


def parsed(data: bytes) -> tuple[list[str], list[tuple[int, int, int]]]:
    """As its readers do: modules' lines, and blocks as (offset, size, module)."""
    lines = data.split(b"\n")
    assert lines[0] == b"DRCOV VERSION: 2"
    assert lines[1].startswith(b"DRCOV FLAVOR: ")
    version, count = lines[2].removeprefix(b"Module Table: ").split(b", ")
    assert version == b"version 2"
    modules = int(count.removeprefix(b"count "))
    assert lines[3] == b"Columns: id, base, end, entry, checksum, timestamp, path"
    names = [line.decode() for line in lines[4 : 4 + modules]]
    head = lines[4 + modules]
    blocks = int(head.removeprefix(b"BB Table: ").removesuffix(b" bbs"))
    table = data[data.index(head) + len(head) + 1 :]
    assert len(table) == 8 * blocks
    return names, list(struct.iter_unpack("<IHH", table))  # type: ignore[arg-type]


def test_drcov_has_each_block_once_in_its_module() -> None:
    names, blocks = parsed(drcov(COVERAGE, [Module("kernel\nof mine", 0x1000, 0x2000), Module("no", 9, 9)]))
    assert len(names) == 2
    assert names[0].split(", ")[0].strip() == "0"
    assert names[0].endswith("kernel?of mine")
    assert [field.strip() for field in names[0].split(",")[1:3]] == ["0x00001000", "0x00002000"]
    assert blocks == [(0, 0x10, 0), (8, 8, 0), (0x2000, 8, 1)]
    assert parsed(drcov(Coverage(()))) == (parsed(drcov(Coverage(())))[0], [])


def test_lcov_has_the_lines_that_never_ran_too() -> None:
    lines = [
        SourceLine(0x1000, "a.c", 1),
        SourceLine(0x1008, "a.c", 2),
        SourceLine(0x100C, "a.c", 1),
        SourceLine(0x3000, "a.c", 3),
        SourceLine(0x2000, "b\n.c", 7),
        SourceLine(0x2000, "b\n.c", 0),
    ]
    text = lcov(COVERAGE, lines, [Function("main", 0x1000, "a.c", 1), Function("idle", 0x3000, "a.c", 3)])
    assert text == (
        "TN:\nSF:a.c\nFN:3,idle\nFN:1,main\nFNDA:0,idle\nFNDA:7,main\nFNF:2\nFNH:1\n"
        "DA:1,9\nDA:2,9\nDA:3,0\nLF:3\nLH:2\nend_of_record\n"
        "SF:b?.c\nFNF:0\nFNH:0\nDA:7,1\nLF:1\nLH:1\nend_of_record\n"
    )
