"""Variables of static storage and the types that they have, out of DWARF. Runs in the process of reading.py.

Types are told as a list that refers to itself by number, so that one which holds itself is no special case.
A nested thing is described as far as it is needed to print a value; what a pointer points to is only named.

Left out: thread-local variables, those whose place is computed, C++ members of classes' bases.
"""

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from pocketvisor.debug.symbols.dwarf_lines import file_names
from pocketvisor.debug.symbols.elf_file import ElfSymbols
from pocketvisor.debug.symbols.messages import (
    FIELDS_MAX,
    STATICS_MAX,
    TYPES_MAX,
    Field,
    Layout,
    Static,
    Statics,
    Type,
)
from pocketvisor.errors import DebugError

_ADDRESS: Final = 0x03  # DW_OP_addr
_DEPTH_MAX: Final = 32
_SIZE_MAX: Final = 1 << 28
_ENCODINGS: Final = {2: "bool", 4: "float", 5: "int", 6: "char", 7: "uint", 8: "char", 16: "char"}
_THROUGH: Final = frozenset(
    f"DW_TAG_{name}_type" for name in ("const", "volatile", "restrict", "atomic", "packed")
)
_PREFIXES: Final = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union", "DW_TAG_class_type": ""}
_UNKNOWN: Final = -1
_STRINGS_MAX: Final = 64


def statics(file: ElfSymbols, wanted: str) -> Statics:
    """All, or those of this name in the first unit that has one."""
    found: list[Static] = []
    types = _Types()
    seen = set()
    for unit in _units(file, wanted):
        names = None
        for die in unit.iter_DIE_children(unit.get_top_DIE()):
            if die.tag != "DW_TAG_variable":
                continue
            static = _static(unit, die, wanted, types)
            if static is None or (static.name, static.address) in seen:
                continue
            if names is None:
                names = _files(file, unit)
            static.file = names.get(static.file, "")
            seen.add((static.name, static.address))
            found.append(static)
            if len(found) >= STATICS_MAX:
                return Statics(found, types.types, False)
        if wanted and found:
            break
    found.sort(key=lambda static: (static.address, static.name))
    return Statics(found, types.types, True)


def _units(file: ElfSymbols, wanted: str) -> Iterator[Any]:
    """All; for one name those that refer to it, so that a kernel's 3000 are not read one by one."""
    units = file.dwarf.iter_CUs()
    if not wanted or len(wanted) < 4 or file.dwarf.debug_str_sec is None:  # shorter ones stand in place
        yield from units
        return
    strings, info = (
        section.stream.getvalue() for section in (file.dwarf.debug_str_sec, file.dwarf.debug_info_sec)
    )
    found = islice(re.finditer(re.escape(wanted.encode()) + rb"\0", strings), _STRINGS_MAX)
    references = [struct.pack("<I", match.start()) for match in found]  # it may be the end of a longer one
    for unit in units:
        start, end = unit.cu_offset, unit.cu_offset + unit["unit_length"]
        if any(info.find(reference, start, end) >= 0 for reference in references):
            yield unit


def layout(file: ElfSymbols, unit_name: str, structures: tuple[str, ...]) -> Layout:
    for unit in file.dwarf.iter_CUs():
        if not _text(unit.get_top_DIE(), "DW_AT_name").endswith(unit_name):
            continue
        answer = Layout({}, {})
        for die in unit.iter_DIE_children(unit.get_top_DIE()):
            if die.tag == "DW_TAG_structure_type" and (name := _text(die, "DW_AT_name")) in structures:
                if "DW_AT_declaration" in die.attributes or name in answer.sizes:
                    continue
                answer.sizes[name] = _number(die, "DW_AT_byte_size")
                fields: dict[str, tuple[int, int]] = {}
                _flatten(die, 0, "", fields, 0)
                answer.structures[name] = fields
        return answer
    raise DebugError(f"has no compilation unit {unit_name}")


def _flatten(die: Any, base: int, prefix: str, fields: dict[str, tuple[int, int]], depth: int) -> None:
    """Fields of structures in the structure too, as `list.next`."""
    for member in die.iter_children():
        if member.tag != "DW_TAG_member" or len(fields) >= FIELDS_MAX:
            continue
        at = base + _number(member, "DW_AT_data_member_location")
        name = prefix + _text(member, "DW_AT_name")
        inner = _stripped(member)
        size = _number(inner, "DW_AT_byte_size") if inner is not None else 0
        if name != prefix:
            fields.setdefault(name, (at, size))
        if inner is not None and inner.tag in _PREFIXES and depth < 3:
            _flatten(inner, at, name + "." if name != prefix else prefix, fields, depth + 1)


def _static(unit: Any, die: Any, wanted: str, types: "_Types") -> Static | None:
    location = die.attributes.get("DW_AT_location")
    if location is None or not isinstance(location.value, list | bytes) or len(location.value) != 5:
        return None
    expression = bytes(location.value)
    if expression[0] != _ADDRESS:
        return None
    described = die
    for reference in ("DW_AT_specification", "DW_AT_abstract_origin"):
        if reference in die.attributes and "DW_AT_name" not in die.attributes:
            described = die.get_DIE_from_attribute(reference)
    name = _text(described, "DW_AT_name")
    if not name or (wanted and name != wanted):
        return None
    (address,) = struct.unpack("<I", expression[1:])
    line = _number(described, "DW_AT_decl_line")
    file = str(_number(described, "DW_AT_decl_file"))
    kind = _type_of(die) or _type_of(described)  # a definition may know more than its declaration
    return Static(name, address, types.number(kind), file, line) if address else None


class _Types:
    """Numbered as they are first met."""

    def __init__(self) -> None:
        self.types: list[Type] = []
        self._numbers: dict[int, int] = {}

    def number(self, die: Any, depth: int = 0) -> int:
        die = _through(die)
        if die is None or depth > _DEPTH_MAX:
            return _UNKNOWN
        known = self._numbers.get(die.offset)
        if known is not None:
            return known
        if len(self.types) >= TYPES_MAX:
            return _UNKNOWN
        number = self._numbers[die.offset] = len(self.types)
        entry = Type("unknown", _type_name(die), min(_number(die, "DW_AT_byte_size"), _SIZE_MAX))
        self.types.append(entry)
        self._fill(entry, die, depth)
        return number

    def _fill(self, entry: Type, die: Any, depth: int) -> None:
        match die.tag:
            case "DW_TAG_base_type":
                entry.kind = _ENCODINGS.get(_number(die, "DW_AT_encoding"), "unknown")
            case "DW_TAG_pointer_type" | "DW_TAG_reference_type" | "DW_TAG_rvalue_reference_type":
                entry.kind, entry.size = "pointer", 4
                pointed = _through(_type_of(die))
                if pointed is not None and pointed.tag in ("DW_TAG_base_type", "DW_TAG_subroutine_type"):
                    entry.of = self.number(pointed, depth + 1)
            case "DW_TAG_subroutine_type":
                entry.kind = "function"
            case "DW_TAG_enumeration_type":
                entry.kind = "enum"
                for child in die.iter_children():
                    if child.tag == "DW_TAG_enumerator" and len(entry.values) < FIELDS_MAX:
                        entry.values[_text(child, "DW_AT_name")] = _number(child, "DW_AT_const_value")
            case "DW_TAG_array_type":
                self._array(entry, die, depth)
            case "DW_TAG_structure_type" | "DW_TAG_class_type" | "DW_TAG_union_type":
                entry.kind = "struct"
                for child in die.iter_children():
                    if child.tag == "DW_TAG_member" and len(entry.fields) < FIELDS_MAX:
                        entry.fields.append(self._field(child, depth))

    def _array(self, entry: Type, die: Any, depth: int) -> None:
        counts = []
        for child in die.iter_children():
            if child.tag == "DW_TAG_subrange_type":
                count = _number(child, "DW_AT_count", -1)
                counts.append(count if count >= 0 else _number(child, "DW_AT_upper_bound", -1) + 1)
        of = self.number(_type_of(die), depth + 1)
        for count in reversed(counts[1:]):  # of several dimensions: an array of arrays
            if len(self.types) >= TYPES_MAX:
                return
            inner = Type("array", entry.name, min(count * self._size(of), _SIZE_MAX), of, count)
            self.types.append(inner)
            of = len(self.types) - 1
        entry.kind, entry.of = "array", of
        entry.count = max(0, min(counts[0], _SIZE_MAX)) if counts else 0
        entry.size = min(entry.count * self._size(of), _SIZE_MAX)

    def _field(self, member: Any, depth: int) -> Field:
        offset = _number(member, "DW_AT_data_member_location")
        bits = _number(member, "DW_AT_bit_size")
        first = 0
        if bits:
            first = _number(member, "DW_AT_data_bit_offset", -1)
            if first < 0:  # DWARF 2 and 3: from the most significant bit of a unit of storage
                unit = 8 * (_number(member, "DW_AT_byte_size") or 4)
                first = max(0, 8 * offset + unit - bits - _number(member, "DW_AT_bit_offset"))
            offset, first = first // 8, first % 8
        number = self.number(_type_of(member), depth + 1)
        return Field(_text(member, "DW_AT_name"), offset, number, bits, first)

    def _size(self, number: int) -> int:
        return self.types[number].size if number >= 0 else 0


def _type_of(die: Any) -> Any:
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def _through(die: Any) -> Any:
    """Behind names that it was given, and what does not change how it looks."""
    for _ in range(_DEPTH_MAX):
        if die is None or (die.tag not in _THROUGH and die.tag != "DW_TAG_typedef"):
            return die
        die = _type_of(die)
    return None


def _stripped(member: Any) -> Any:
    return _through(_type_of(member))


def _type_name(die: Any, depth: int = 0) -> str:
    """As C writes it, roughly."""
    if die is None:
        return "void"
    if depth > 6:
        return "..."
    name = _text(die, "DW_AT_name")
    if die.tag in _PREFIXES or die.tag == "DW_TAG_enumeration_type":
        prefix = _PREFIXES.get(die.tag, "enum")
        return f"{prefix} {name or '{...}'}".strip()
    if name:
        return name
    inner = _type_of(die)
    match die.tag:
        case "DW_TAG_pointer_type":
            if inner is not None and inner.tag == "DW_TAG_subroutine_type":
                return f"{_type_name(_type_of(inner), depth + 1)} (*)()"
            return f"{_type_name(inner, depth + 1)} *"
        case "DW_TAG_const_type":
            return f"const {_type_name(inner, depth + 1)}"
        case "DW_TAG_array_type":
            return f"{_type_name(inner, depth + 1)}[]"
        case "DW_TAG_subroutine_type":
            return f"{_type_name(inner, depth + 1)} ()"
    return _type_name(inner, depth + 1)


def _text(die: Any, attribute: str) -> str:
    value = die.attributes.get(attribute)
    if value is None or not isinstance(value.value, bytes):
        return ""
    return str(value.value[:512].decode("utf-8", "replace"))


def _number(die: Any, attribute: str, otherwise: int = 0) -> int:
    value = die.attributes.get(attribute)
    if value is None or not isinstance(value.value, int):
        return otherwise
    return max(-(1 << 63), min(value.value, (1 << 63) - 1))


def _files(file: ElfSymbols, unit: Any) -> dict[str, str]:
    """Names of a unit's source files, by number."""
    program = file.dwarf.line_program_for_CU(unit)
    return file_names(program, unit) if program is not None else {}
