"""Call stacks of a real program on a real guest, built in each of the ways in which compilers leave them."""

import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.debug.call_stack import FRAMES_MAX, Frame, call_stack
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import image_from_files

Build = Callable[..., Path]
Standing = Callable[[Path], Coroutine[Any, Any, Guest]]
CHAIN = ["innermost", "middle", "outer", "run", "_start"]


@pytest.fixture
async def standing(handset: Handset) -> AsyncIterator[Standing]:
    """The program stands in its innermost function."""

    async def start(path: Path) -> Guest:
        image = image_from_files(elf=path, name="Calls", ram_mib=16)
        guest = await handset.start(image, options=RunOptions(paused=True))
        table = SymbolTable()
        await table.open(path)
        where = table.address("innermost")
        await table.close()
        assert where is not None
        await guest.debugger.run_to(where)
        await guest.debugger.step(5)
        return guest

    yield start


def names(frames: list[Frame]) -> list[str]:
    return [frame.place.symbol.name if frame.place is not None else "?" for frame in frames]


WAYS = {
    "frames-arm": (("-g", "-marm"), "debug information"),
    "frames-thumb": (("-g", "-mthumb"), "debug information"),
    "tables-arm": (("-marm", "-funwind-tables"), "unwind table"),
    "tables-thumb": (("-mthumb", "-funwind-tables"), "unwind table"),
    "pointer-arm": (("-marm", "-fno-omit-frame-pointer", "-O0"), "frame pointer"),
    "apcs": (("-marm", "-mapcs-frame", "-fno-omit-frame-pointer", "-O0"), "frame pointer"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_all_callers_are_found(built_program: Build, standing: Standing, way: str) -> None:
    flags, how = WAYS[way]
    path = built_program(way, *flags)
    guest = await standing(path)
    debugger = guest.debugger
    await debugger.symbols.open(path, debugger)
    frames = await call_stack(debugger, await debugger.registers(), debugger.symbols)
    assert names(frames) == CHAIN
    assert frames[0].how == "registers" and {frame.how for frame in frames[2:]} == {how}
    assert [frame.number for frame in frames] == list(range(5))
    assert all(earlier.sp <= later.sp for earlier, later in pairwise(frames))
    if "-g" in flags:
        assert all(frame.line is not None for frame in frames[:4])
        assert str(frames[1]).startswith("#1 0x402") and "calls.c:" in str(frames[1])


async def test_at_each_instruction_of_the_way_there(built_program: Build, standing: Standing) -> None:
    """Also where a function has saved nothing yet, or half of it: call frames are exact."""
    path = built_program("frames-arm", "-g", "-marm")
    guest = await standing(path)
    debugger = guest.debugger
    await debugger.symbols.open(path, debugger)
    outer = debugger.symbols.address("outer")
    assert outer is not None
    await debugger.reset()
    await debugger.run_to(outer)
    for _ in range(24):
        frames = names(await call_stack(debugger, await debugger.registers(), debugger.symbols))
        assert frames == CHAIN[-len(frames) :] and len(frames) >= 3
        if len(frames) == 5:
            break
        await debugger.step()
    assert len(frames) == 5


async def test_without_anything_the_link_register_tells_one(
    built_program: Build, standing: Standing, tmp_path: Path
) -> None:
    path = built_program("frames-arm", "-g", "-marm")
    guest = await standing(path)
    debugger = guest.debugger
    plain = tmp_path / "plain.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--strip-debug", str(path), str(plain)], check=True)
    await debugger.symbols.open(plain, debugger)
    frames = await call_stack(debugger, await debugger.registers(), debugger.symbols)
    assert names(frames) == CHAIN[:2] and frames[1].how == "link register"
    nothing = await call_stack(debugger, await debugger.registers(), SymbolTable())
    assert [frame.pc for frame in nothing] == [frame.pc for frame in frames]


async def test_frames_as_clang_leaves_them_in_thumb_code() -> None:
    """r7 points to the saved one, with the link register behind it."""
    call = struct.pack("<HH", 0xF000, 0xF800)
    memory = {0x1000: call, 0x2000: call, 0x8010: struct.pack("<II", 0x8040, 0x1005)}
    memory[0x8040] = struct.pack("<II", 0, 0x2005)

    class Pieces:
        async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
            del physical
            data = bytearray(0x9000)
            for at, piece in memory.items():
                data[at : at + len(piece)] = piece
            return bytes(data[address : address + size])

    registers = {"pc": 0x3000, "sp": 0x8000, "lr": 0, "r7": 0x8010, "cpsr": 0x33}
    frames = await call_stack(Pieces(), registers, SymbolTable())
    assert [(frame.pc, frame.sp) for frame in frames] == [
        (0x3000, 0x8000),
        (0x1004, 0x8018),
        (0x2004, 0x8048),
    ]


class Everywhere:
    """Memory in which every word points to the next, and every instruction is a call."""

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        del physical
        words = (0xEB000000 if at % 8 else at + 16 for at in range(address, address + size + 4, 4))
        return b"".join((word & 0xFFFFFFFF).to_bytes(4, "little") for word in words)[:size]


@pytest.mark.parametrize("sp", (0, 4, 0x40000000, 0xFFFFFFF0, 0xFFFFFFFF))
@pytest.mark.parametrize("cpsr", (0x13, 0x33))
async def test_a_stack_that_never_ends_does(sp: int, cpsr: int) -> None:
    registers = {"pc": 0x40000008, "sp": sp, "lr": 0x40000010, "r11": sp + 16, "r7": sp + 8, "cpsr": cpsr}
    frames = await call_stack(Everywhere(), registers, SymbolTable())
    assert 1 <= len(frames) <= FRAMES_MAX
    assert len(await call_stack(Everywhere(), registers, SymbolTable(), 3)) <= 3
