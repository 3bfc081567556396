"""The grammar of expression.py's language: from a text to a tree, with bounds on both."""

import re
from typing import Final, NamedTuple

from pocketvisor.errors import DebugError

TEXT_MAX: Final = 1000
TOKENS_MAX: Final = 250
DEPTH_MAX: Final = 60

TYPES: Final[dict[str, tuple[int, bool]]] = {
    f"{letter}{8 * size}": (size, letter == "i") for size in (1, 2, 4, 8) for letter in "ui"
}
"""Bytes, and whether it has a sign."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*)(?![\w.])"
    r"|(?P<register>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<place>[A-Za-z_][\w./-]*\.\w{1,4}:[0-9]{1,7})(?!\w)"
    r"|(?P<name>[A-Za-z_.][\w.$@]*(?:::~?[\w.$@]+)*)"
    r"|'(?P<quoted>[^']{1,512})'"
    r"|(?P<operator>&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%&|^~!<>()\[\]?:]))"
)
_BINARY: Final = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    "==": 6,
    "!=": 6,
    "<": 7,
    "<=": 7,
    ">": 7,
    ">=": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "*": 10,
    "/": 10,
    "%": 10,
}


class Node(NamedTuple):
    """`kind` is number, register, symbol, memory, cast, unary, binary or choice."""

    kind: str
    value: int | str = 0
    parts: tuple["Node", ...] = ()
    size: int = 4
    signed: bool = False
    physical: bool = False


class Parser:
    def __init__(self, text: str) -> None:
        if not text:
            raise DebugError("An expression is missing")
        if len(text) > TEXT_MAX:
            raise DebugError(f"The expression is longer than {TEXT_MAX} characters")
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise self._wrong(at)
            self._tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            at = found.end()
        if len(self._tokens) > TOKENS_MAX:
            raise DebugError(f"The expression has more than {TOKENS_MAX} parts")
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._choice()
        if self._at < len(self._tokens):
            raise self._wrong(self._tokens[self._at][2])
        return node

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise DebugError("The expression is nested too deeply")
        node = self._binary(1)
        if self._take("?"):
            yes = self._choice()
            self._expect(":")
            node = Node("choice", parts=(node, yes, self._choice()))
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        node = self._unary()
        while (operator := self._operator()) in _BINARY and _BINARY[operator] >= level:
            self._at += 1
            node = Node("binary", operator, (node, self._binary(_BINARY[operator] + 1)))
        return node

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise DebugError("The expression is nested too deeply")
        try:
            if (operator := self._operator()) in ("-", "+", "!", "~"):
                self._at += 1
                return Node("unary", operator, (self._unary(),))
            if operator == "*":
                self._at += 1
                return self._dereference()
            if operator == "(" and (cast := self._cast()) is not None:
                size, signed, pointer = cast
                if pointer:  # a pointer is a number here: what counts is the * in front of it
                    size, signed = 4, False
                return Node("cast", parts=(self._unary(),), size=size, signed=signed)
            return self._primary()
        finally:
            self._depth -= 1

    def _dereference(self) -> Node:
        """What follows a *: with a cast to a pointer, of its type."""
        size, signed = 4, False
        if self._operator() == "(":
            begun = self._at
            cast = self._cast()
            if cast is not None and cast[2]:
                size, signed, _ = cast
            else:
                self._at = begun
        return Node("memory", parts=(self._unary(),), size=size, signed=signed)

    def _cast(self) -> tuple[int, bool, bool] | None:
        """(size, signed, whether a pointer); nothing is taken where it is none."""
        following = [token[1] for token in self._tokens[self._at : self._at + 4]]
        if len(following) < 3 or following[1] not in TYPES or self._tokens[self._at + 1][0] != "name":
            return None
        size, signed = TYPES[following[1]]
        if following[2] == ")":
            self._at += 3
            return size, signed, False
        if following[2:] == ["*", ")"]:
            self._at += 4
            return size, signed, True
        return None

    def _primary(self) -> Node:
        if self._at >= len(self._tokens):
            raise DebugError(f"'{self._text}' ends too early")
        kind, text, place = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return Node("number", self._number(text, place))
        if kind == "register":
            return Node("register", text[1:].lower())
        if kind == "place":
            return Node("symbol", text)
        if kind == "quoted":
            return Node("number", ord(text)) if len(text) == 1 else Node("symbol", text)
        if kind == "name":
            return self._named(text)
        if text == "(":
            node = self._choice()
            self._expect(")")
            return node
        if text == "[":
            return self._memory("u32", physical=False)
        raise self._wrong(place)

    def _named(self, name: str) -> Node:
        """A symbol, or memory that begins with a word."""
        following = [token[1] for token in self._tokens[self._at : self._at + 2]]
        if name == "phys" and following[:1] == ["["]:
            self._at += 1
            return self._memory("u32", physical=True)
        if name == "phys" and len(following) == 2 and following[0] in TYPES and following[1] == "[":
            self._at += 2
            return self._memory(following[0], physical=True)
        if name in TYPES and following[:1] == ["["]:
            self._at += 1
            return self._memory(name, physical=False)
        return Node("symbol", name)

    def _memory(self, type_name: str, *, physical: bool) -> Node:
        size, signed = TYPES[type_name]
        address = self._choice()
        self._expect("]")
        return Node("memory", parts=(address,), size=size, signed=signed, physical=physical)

    def _number(self, text: str, place: int) -> int:
        if len(text) > 1 and text[0] == "0" and text[1].isdigit():
            raise DebugError(f"'{text}' could be octal or not: write it without the 0 in front, or as 0x...")
        try:
            value = int(text, 0)
        except ValueError:
            raise self._wrong(place) from None
        if value >= 1 << 64:
            raise DebugError(f"'{text[:40]}' has more than 64 bits")
        return value

    def _operator(self) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "operator":
            return self._tokens[self._at][1]
        return ""

    def _take(self, operator: str) -> bool:
        if self._operator() != operator:
            return False
        self._at += 1
        return True

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise DebugError(f"'{self._text}': a '{operator}' is missing")

    def _wrong(self, place: int) -> DebugError:
        return DebugError(f"'{self._text}' makes no sense at '{self._text[place : place + 20]}'")
