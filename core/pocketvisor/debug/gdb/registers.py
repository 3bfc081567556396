"""The registers that a debugger sees, their numbers and their order: that of the target description.

The core's and the VFP's are those of gdb's own features; the others are in features of ours, where gdb shows
them by group: `info registers cp15`, `info registers banked`.

The Q registers are pairs of D registers. gdb can make them itself, but not every version does (13 does not).

Left out: S registers, which gdb does make.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Register(NamedTuple):
    """`number` is gdb's; `type` is one of its types, "" for a plain number."""

    name: str
    number: int
    bits: int = 32
    type: str = ""

    @property
    def size(self) -> int:
        return self.bits // 8


class Feature(NamedTuple):
    """`group` is what `info registers` takes; "" for gdb's own grouping. `types`: XML of its own types."""

    name: str
    registers: tuple[Register, ...]
    group: str = ""
    types: str = ""


_CORE_TYPES: Final = {"sp": "data_ptr", "lr": "code_ptr", "pc": "code_ptr"}
_CORE: Final = (*(f"r{index}" for index in range(13)), "sp", "lr", "pc")
_CPSR: Final = 25  # the numbers between were the FPA's; gdb expects this one there
_BANKED: Final = (
    "spsr",
    *(f"r{index}_usr" for index in range(8, 13)),
    "sp_usr",
    "lr_usr",
    *(f"r{index}_fiq" for index in range(8, 13)),
    *(f"{name}_{mode}" for mode in ("fiq", "svc", "abt", "irq", "und") for name in ("sp", "lr", "spsr")),
)
_VFP_SYSTEM: Final = ("fpsid", "fpexc", "mvfr0", "mvfr1")
# fmt: off
_CP15: Final = (
    "midr", "ctr", "mpidr", "id_pfr0", "id_pfr1", "id_mmfr0", "sctlr", "actlr", "cpacr", "ttbr0", "ttbr1",
    "ttbcr", "ttbr0_64", "ttbr1_64", "dacr", "dfsr", "ifsr", "dfar", "ifar", "par", "prrr", "nmrr", "vbar",
    "contextidr", "tpidrurw", "tpidruro", "tpidrprw",
)
# fmt: on


def _features() -> tuple[Feature, ...]:
    core = [Register(name, index, 32, _CORE_TYPES.get(name, "")) for index, name in enumerate(_CORE)]
    core.append(Register("cpsr", _CPSR))
    number = _CPSR + 1
    vfp = [Register(f"d{index}", number + index, 64, "ieee_double") for index in range(32)]
    vfp.append(Register("fpscr", number + 32, 32, "int"))
    number += 33
    quads = tuple(Register(f"q{index}", number + index, 128, "neon_q") for index in range(16))
    number += 16
    features = [
        Feature("org.gnu.gdb.arm.core", tuple(core)),
        Feature("org.gnu.gdb.arm.vfp", tuple(vfp)),
        Feature("org.gnu.gdb.arm.neon", quads, types=_quad_types()),
    ]
    for name, registers, group in (
        ("org.pocketvisor.vfp-system", _VFP_SYSTEM, "vfp_system"),
        ("org.pocketvisor.banked", _BANKED, "banked"),
        ("org.pocketvisor.cp15", _CP15, "cp15"),
    ):
        numbered = tuple(
            Register(register, number + index, 64 if register.endswith("_64") else 32)
            for index, register in enumerate(registers)
        )
        features.append(Feature(name, numbered, group))
        number += len(numbered)
    return tuple(features)


def _quad_types() -> str:
    parts = {"u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64"}
    parts |= {"f32": "ieee_single", "f64": "ieee_double"}
    vectors = "".join(
        f'<vector id="neon_{name}" type="{type}" count="{128 // int(name[1:])}"/>'
        for name, type in parts.items()
    )
    fields = "".join(f'<field name="{name}" type="neon_{name}"/>' for name in parts)
    return f'{vectors}<union id="neon_q">{fields}</union>'


FEATURES: Final = _features()
REGISTERS: Final = tuple(register for feature in FEATURES for register in feature.registers)
BY_NUMBER: Final = {register.number: register for register in REGISTERS}
EXPEDITED: Final = tuple(
    register for register in REGISTERS if register.name in ("r11", "sp", "lr", "pc", "cpsr")
)
"""Told with each stop, so that a debugger that steps needs to ask for nothing else."""


def encoded(register: Register, values: Mapping[str, int]) -> bytes:
    """Its value as in a packet; 'x' where there is none."""
    value = values.get(register.name)
    if register.bits == 128 and "d0" in values:
        low, high = halves(register)
        value = values[low] | values[high] << 64
    if value is None:
        return b"xx" * register.size
    return (value & ((1 << register.bits) - 1)).to_bytes(register.size, "little").hex().encode()


def halves(quad: Register) -> tuple[str, str]:
    """The D registers of a Q register, the lower one first."""
    index = 2 * int(quad.name[1:])
    return f"d{index}", f"d{index + 1}"


def decoded(register: Register, data: bytes) -> int:
    """Raises ValueError."""
    if len(data) != register.size:
        raise ValueError(f"{register.name} has {register.size} bytes, not {len(data)}")
    return int.from_bytes(data, "little")


def encoded_all(values: Mapping[str, int]) -> bytes:
    """As the answer to 'g'."""
    return b"".join(encoded(register, values) for register in REGISTERS)


def decoded_all(data: bytes) -> dict[str, int]:
    """As given with 'G'. Raises ValueError."""
    if len(data) != sum(register.size for register in REGISTERS):
        raise ValueError(f"{len(data)} bytes are not all registers")
    values, at = {}, 0
    for register in REGISTERS:
        values[register.name] = decoded(register, data[at : at + register.size])
        at += register.size
    return values
