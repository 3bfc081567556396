"""A small language on a guest's registers, memory and symbols: for the conditions of breakpoints, and for
addresses wherever one is typed.

    $r0 == 3 && *(u32*)($sp + 4) > 2        C's operators, with C's precedence
    printk + 0x10                           a symbol is its address; 'any name' for what is no identifier
    main.c:120                              the first instruction of a source line
    [$sp]  u8[$r1 + 3]  *(i16*)$r2          memory: a u32 unless said; little endian
    phys u32[0x09000018]                    the same by physical address (never a device's register)
    (u8)$r0   (i32)$r0 < 0                  casts: u8 u16 u32 u64 i8 i16 i32 i64
    1000  0x3e8  0b11  'A'                  numbers and characters
    $pc >= func && $pc < func + 20 ? 1 : 0  && || ?: look at no more than they need

Registers and memory are unsigned unless they are cast, and all else is exact arithmetic as on paper:
`$r0 - 1` is -1 where $r0 is 0, and `~0` is -1, not 0xffffffff.

Whoever writes an expression may be hostile, so everything is bounded: its length, its depth, how much memory
it reads, how large a value is. Left out: assignment, calls, floating point.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from pocketvisor.debug.expression_syntax import Node, Parser
from pocketvisor.errors import DebugError

READS_MAX: Final = 32
_VALUE_MAX: Final = 1 << 127
_SHIFT_MAX: Final = 63

ALIASES: Final = {
    "r13": "sp",
    "r14": "lr",
    "r15": "pc",
    "fp": "r11",
    "ip": "r12",
    "sl": "r10",
    "sb": "r9",
}


class Context(Protocol):
    """What an expression is about: a guest at one moment."""

    async def register(self, name: str) -> int:
        """Raises DebugError where there is none of this name."""
        ...

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        """Maybe fewer bytes: what is mapped."""
        ...

    def symbol(self, name: str) -> int | None: ...


class ReadsMemory(Protocol):
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


class Moment:
    """A Context of registers that are known, memory that is read, and symbols by name."""

    def __init__(
        self, registers: Mapping[str, int], memory: ReadsMemory, symbols: "NamesSymbols | None" = None
    ) -> None:
        self._registers = registers
        self._memory = memory
        self._symbols = symbols

    async def register(self, name: str) -> int:
        name = ALIASES.get(name, name)
        if name not in self._registers:
            raise DebugError(f"There is no register ${name}")
        return self._registers[name]

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        return await self._memory.read(address, size, physical=physical)

    def symbol(self, name: str) -> int | None:
        if self._symbols is None:
            return None
        file, colon, line = name.rpartition(":")
        if colon and line.isdigit():
            return self._symbols.line_address(file, int(line))
        return self._symbols.address(name)


class NamesSymbols(Protocol):
    def address(self, name: str) -> int | None: ...
    def line_address(self, file: str, line: int) -> int | None: ...


class Expression:
    """Raises DebugError for what makes no sense, with a sentence that names the place."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._root = Parser(self.text).whole()

    async def value(self, context: Context) -> int:
        """Raises DebugError: an unknown register or symbol, memory that is not mapped, a division by 0."""
        return await _Evaluation(context).of(self._root)

    async def address(self, context: Context) -> int:
        """Its value as an address of 32 bits."""
        return await self.value(context) & 0xFFFF_FFFF


async def value_of(text: str, context: Context) -> int:
    """Raises DebugError."""
    return await Expression(text).value(context)


async def address_of(text: str, context: Context) -> int:
    """For addresses that somebody types. Raises DebugError."""
    return await Expression(text).address(context)


class _Evaluation:
    """One evaluation, which may read so much and no more."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reads = 0

    async def of(self, node: Node) -> int:
        value = await self._of(node)
        if not -_VALUE_MAX < value < _VALUE_MAX:
            raise DebugError("A value in the expression became too large")
        return value

    async def _of(self, node: Node) -> int:
        match node.kind:
            case "number":
                assert isinstance(node.value, int)
                return node.value
            case "register":
                return await self._context.register(str(node.value))
            case "symbol":
                address = self._context.symbol(str(node.value))
                if address is None:
                    raise DebugError(f"There is no symbol '{node.value}' (a number begins with a digit)")
                return address
            case "memory":
                return await self._read(node)
            case "cast":
                return _fitted(await self.of(node.parts[0]), node.size, node.signed)
            case "choice":
                condition, yes, no = node.parts
                return await self.of(yes if await self.of(condition) else no)
            case "unary":
                return _unary(str(node.value), await self.of(node.parts[0]))
        operator, (left, right) = str(node.value), node.parts
        first = await self.of(left)
        if operator in ("&&", "||") and bool(first) == (operator == "||"):
            return int(bool(first))
        second = await self.of(right)
        return int(bool(second)) if operator in ("&&", "||") else _binary(operator, first, second)

    async def _read(self, node: Node) -> int:
        self._reads += 1
        if self._reads > READS_MAX:
            raise DebugError(f"The expression reads memory more than {READS_MAX} times")
        address = await self.of(node.parts[0]) & 0xFFFF_FFFF
        data = await self._context.read(address, node.size, physical=node.physical)
        if len(data) < node.size:
            kind = "physical address" if node.physical else "address"
            raise DebugError(f"Nothing is mapped at {kind} {address:#010x}")
        return int.from_bytes(data[: node.size], "little", signed=node.signed)


def _fitted(value: int, size: int, signed: bool) -> int:
    value &= (1 << 8 * size) - 1
    return value - (1 << 8 * size) if signed and value >> (8 * size - 1) else value


def _unary(operator: str, value: int) -> int:
    match operator:
        case "-":
            return -value
        case "~":
            return ~value
        case "!":
            return int(not value)
    return value


def _binary(operator: str, first: int, second: int) -> int:
    match operator:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
        case "/" | "%":
            if second == 0:
                raise DebugError("The expression divides by 0")
            quotient = abs(first) // abs(second)  # towards 0, as in C
            quotient = quotient if (first < 0) == (second < 0) else -quotient
            return quotient if operator == "/" else first - quotient * second
        case "<<" | ">>":
            if not 0 <= second <= _SHIFT_MAX:
                raise DebugError(f"A shift by {second} makes no sense: it is by 0 to {_SHIFT_MAX} bits")
            return first << second if operator == "<<" else first >> second
        case "&":
            return first & second
        case "|":
            return first | second
        case "^":
            return first ^ second
        case "==":
            return int(first == second)
        case "!=":
            return int(first != second)
        case "<":
            return int(first < second)
        case "<=":
            return int(first <= second)
        case ">":
            return int(first > second)
    return int(first >= second)
