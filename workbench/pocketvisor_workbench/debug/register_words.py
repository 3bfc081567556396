"""What registers are called together, and what their values mean in words."""

import struct
from collections.abc import Mapping

CORE = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "cpsr", "spsr")
_BANKS = ("_usr", "_fiq", "_svc", "_irq", "_abt", "_und", "_mon", "_hyp")
_VFP = ("fpscr", "fpexc", "fpsid", "mvfr0", "mvfr1")
_MODES = {
    0x10: "usr",
    0x11: "fiq",
    0x12: "irq",
    0x13: "svc",
    0x16: "mon",
    0x17: "abt",
    0x1A: "hyp",
    0x1B: "und",
    0x1F: "sys",
}
_FAULTS = {  # ARM DDI 0406C, table B3-23 (short descriptors)
    0x01: "alignment",
    0x02: "debug event",
    0x03: "access flag, section",
    0x04: "instruction cache maintenance",
    0x05: "translation, section",
    0x06: "access flag, page",
    0x07: "translation, page",
    0x08: "external abort",
    0x09: "domain, section",
    0x0B: "domain, page",
    0x0C: "external abort on a walk, level 1",
    0x0D: "permission, section",
    0x0E: "external abort on a walk, level 2",
    0x0F: "permission, page",
    0x16: "asynchronous external abort",
}
_CONTROL = ((0, "MMU"), (1, "alignment"), (2, "data cache"), (11, "branches"), (12, "instruction cache"))

GROUPS = ("Core", "Banked", "Floating point", "System (CP15)")


def group_of(name: str) -> str:
    if name in CORE:
        return GROUPS[0]
    if name.endswith(_BANKS):
        return GROUPS[1]
    if name in _VFP or (name[:1] in "dsq" and name[1:].isdigit()):
        return GROUPS[2]
    return GROUPS[3]


def digits_of(name: str) -> int:
    """Hexadecimal digits of a value."""
    if name[:1] == "d" and name[1:].isdigit():
        return 16
    return 8


def is_thumb(registers: Mapping[str, int]) -> bool:
    return bool(registers.get("cpsr", 0) >> 5 & 1)


def status_words(value: int) -> str:
    """A program status register: conditions and masks, in capitals where they are set, and the mode."""
    flags = "".join(
        letter.upper() if value >> bit & 1 else letter
        for letter, bit in (("n", 31), ("z", 30), ("c", 29), ("v", 28), ("q", 27))
    )
    masks = "".join(
        letter.upper() if value >> bit & 1 else letter for letter, bit in (("a", 8), ("i", 7), ("f", 6))
    )
    state = " Thumb" if value >> 5 & 1 else ""
    return f"{flags} {masks} {_MODES.get(value & 0x1F, 'no mode')}{state}" if value else ""


def fault_words(value: int) -> str:
    status = value & 0xF | value >> 6 & 0x10
    return _FAULTS.get(status, f"status {status:#x}" if status else "none")


def meaning_of(name: str, value: int) -> str:
    """In words where there are some; symbols are the pane's to find."""
    if name == "cpsr" or name.startswith("spsr"):
        return status_words(value)
    if name in ("dfsr", "ifsr"):
        return fault_words(value)
    if name == "sctlr":
        return "on: " + (", ".join(words for bit, words in _CONTROL if value >> bit & 1) or "none")
    if name[:1] == "d" and name[1:].isdigit():
        return f"{struct.unpack('<d', struct.pack('<Q', value & (1 << 64) - 1))[0]:.6g}"
    if group_of(name) in GROUPS[:2] and value < 1 << 16:
        return f"{value}" if value > 9 else ""
    if group_of(name) in GROUPS[:2] and value >= 0xFFFF_0000:
        return f"{value - (1 << 32)}"
    return ""


def parse_value(name: str, text: str) -> int | None:
    """A value as it is typed: hexadecimal as it is shown, with 0x or without; decimal with a sign or a #."""
    words = text.strip().lower().replace("_", "").replace(" ", "")
    bits = 4 * digits_of(name)
    try:
        value = int(words.lstrip("#"), 10) if words[:1] in "#-+" and words else int(words, 16)
    except ValueError:
        return None
    if not -(1 << bits - 1) <= value < 1 << bits:
        return None
    return value & (1 << bits) - 1
