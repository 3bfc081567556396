"""A variable's value as C would write it, shallowly: bounded in depth, elements and length."""

import struct
from collections.abc import Sequence
from typing import Final

from pocketvisor.debug.symbols.messages import Field, Type

READ_MAX: Final = 4096
"""More of a value is not read."""
_ELEMENTS: Final = 16
_FIELDS: Final = 32
_DEPTH: Final = 3
_TEXT: Final = 2000


def shown(types: Sequence[Type], number: int, data: bytes) -> str:
    """`data`: what is at the variable's address, maybe less than it is long."""
    return _value(types, number, data, 0)[:_TEXT]


def type_name(types: Sequence[Type], number: int) -> str:
    kind = _type(types, number)
    if kind.kind == "array":
        counts, inner = "", kind
        while inner.kind == "array" and len(counts) < 64:
            counts += f"[{inner.count or ''}]"
            inner = _type(types, inner.of)
        return f"{inner.name} {counts}".strip()
    return kind.name or "?"


def size_of(types: Sequence[Type], number: int) -> int:
    return _type(types, number).size


def _type(types: Sequence[Type], number: int) -> Type:
    return types[number] if 0 <= number < len(types) else Type("unknown", "?", 0)


def _value(types: Sequence[Type], number: int, data: bytes, depth: int) -> str:
    kind = _type(types, number)
    if kind.kind == "array":
        return _array(types, kind, data, depth)
    if kind.kind == "struct":
        return _struct(types, kind, data, depth)
    raw = data[: max(0, kind.size)]
    if not raw or len(raw) < min(kind.size, 8):
        return "?"
    return _scalar(kind, int.from_bytes(raw[:8], "little"), raw)


def _scalar(kind: Type, value: int, raw: bytes) -> str:
    bits = 8 * len(raw[:8])
    negative = value - (1 << bits) if value >> (bits - 1) else value
    match kind.kind:
        case "int":
            return str(negative)
        case "uint":
            return str(value) if value < 4096 else f"{value} (0x{value:x})"
        case "bool":
            return "true" if value else "false"
        case "char":
            return f"{negative} {_character(value)}" if len(raw) == 1 else str(value)
        case "float" if len(raw) in (4, 8):
            return f"{struct.unpack('<f' if len(raw) == 4 else '<d', raw)[0]:g}"
        case "enum":
            names = [name for name, at in kind.values.items() if at in (value, negative)]
            return names[0] if names else str(negative)
        case "pointer":
            return f"0x{value:08x}" if value else "NULL"
    return raw[:16].hex(" ")


def _array(types: Sequence[Type], kind: Type, data: bytes, depth: int) -> str:
    element = _type(types, kind.of)
    if element.kind == "char" and element.size == 1:
        text, end, _ = data[: kind.count].partition(b"\0")
        return _quoted(text) + ("" if end or len(data) >= kind.count else "...")
    if depth >= _DEPTH or element.size <= 0:
        return "{...}"
    shown = [
        _value(types, kind.of, data[at * element.size : (at + 1) * element.size], depth + 1)
        for at in range(min(kind.count, _ELEMENTS))
    ]
    return "{" + ", ".join(shown) + (", ..." if kind.count > _ELEMENTS else "") + "}"


def _struct(types: Sequence[Type], kind: Type, data: bytes, depth: int) -> str:
    if depth >= _DEPTH:
        return "{...}"
    shown = []
    for field in kind.fields[:_FIELDS]:
        value = _field(types, field, data, depth)
        shown.append(f"{field.name} = {value}" if field.name else value)
    return "{" + ", ".join(shown) + (", ..." if len(kind.fields) > _FIELDS else "") + "}"


def _field(types: Sequence[Type], field: Field, data: bytes, depth: int) -> str:
    if field.offset < 0:
        return "?"
    size = max(0, size_of(types, field.type))
    if not field.bits:
        return _value(types, field.type, data[field.offset : field.offset + size], depth + 1)
    if not 0 < field.bits <= 64 or not 0 <= field.first_bit < 8:
        return "?"
    piece = data[field.offset : field.offset + 9]
    if 8 * len(piece) < field.first_bit + field.bits:
        return "?"
    value = int.from_bytes(piece, "little") >> field.first_bit & (1 << field.bits) - 1
    kind = _type(types, field.type)
    if kind.kind == "int" and value >> (field.bits - 1):
        value -= 1 << field.bits
    if kind.kind == "enum":
        return next((name for name, at in kind.values.items() if at == value), str(value))
    return str(value)


def _character(value: int) -> str:
    return repr(chr(value)) if 32 <= value < 127 else repr(bytes([value]))[1:]


def _quoted(text: bytes) -> str:
    return '"' + repr(text)[2:-1].replace('"', '\\"') + '"'
