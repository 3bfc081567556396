"""What a debugger is told before it asks: well-formed, complete, and without holes."""

import xml.etree.ElementTree as ElementTree

import pytest

from pocketvisor import _native
from pocketvisor.board.map import PARTS
from pocketvisor.debug.gdb.registers import REGISTERS, decoded_all, encoded_all
from pocketvisor.debug.gdb.target_xml import memory_map, target_description


def test_all_registers_are_described_by_names_and_numbers_of_their_own() -> None:
    described = ElementTree.fromstring(target_description()).findall(".//reg")
    assert [(reg.get("name"), int(reg.get("regnum", ""))) for reg in described] == [
        (register.name, register.number) for register in REGISTERS
    ]
    assert len({register.name for register in REGISTERS}) == len(REGISTERS)
    numbers = [register.number for register in REGISTERS]
    assert numbers == sorted(set(numbers))
    assert {reg.get("name"): reg.get("regnum") for reg in described}["cpsr"] == "25"


def test_they_are_those_of_the_engine() -> None:
    assert {register.name: register.bits for register in REGISTERS if register.name[0] != "q"} == dict(
        _native.REGISTERS
    )


def test_what_is_encoded_is_decoded() -> None:
    values = {register.name: register.number * 0x0101 for register in REGISTERS if register.name[0] != "q"}
    back = decoded_all(bytes.fromhex(encoded_all(values).decode()))
    assert {name: back.pop(name) for name in values} == values
    assert back["q1"] == values["d2"] | values["d3"] << 64


@pytest.mark.parametrize("ram", [1 << 20, 256 << 20, 2 << 30])
@pytest.mark.parametrize("rom", [False, True])
def test_the_memory_map_has_no_holes(ram: int, rom: bool) -> None:
    at = 0
    begins, types = set(), {}
    for memory in ElementTree.fromstring(memory_map(ram, rom=rom)):
        begin, length = int(memory.get("start", ""), 16), int(memory.get("length", ""), 16)
        assert begin == at and length > 0
        begins.add(begin)
        types[begin] = memory.get("type")
        at += length
    assert at == 1 << 32
    assert {part.base for part in PARTS.values()} <= begins
    assert {begin for begin, kind in types.items() if kind == "rom"} == ({0} if rom else set())
