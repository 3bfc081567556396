"""Where a guest is that is to be debugged, and asking about it."""

import ast
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, fail

T = TypeVar("T")


class Target(NamedTuple):
    """What was typed behind `pocketvisor debug`."""

    guest: str
    handset: str


def ask(context: typer.Context, request: type, expected: type[T], **words: Any) -> T:
    """The answer of whoever runs the guest. Ctrl+C cancels what was asked for. Raises ControlError."""
    from pocketvisor.control.debug_calls import DebugShown

    target: Target = context.obj
    reply = _reply(target, request, words)
    try:
        if not isinstance(reply, DebugShown):
            raise msgspec.ValidationError("not of debugging")
        return msgspec.convert(reply.value, expected)
    except msgspec.ValidationError:
        fail("The answer makes no sense: it may be of another version of Pocketvisor")
        raise typer.Exit(EXIT_ERROR) from None


def _reply(target: Target, request: type, words: dict[str, Any]) -> Any:
    """Of the first that has such a guest: the workbench, or runs in other terminals."""
    from pocketvisor.cli.reach import interruptible
    from pocketvisor.control.debug_calls import GuestAbsent
    from pocketvisor.control.server import NobodyListens, call, run_sockets, socket_path

    name = str(Path(target.guest).absolute()) if target.guest.endswith(".vphone") else target.guest
    asked = request(guest=name, handset=target.handset, **words)
    absent = ""
    for socket in (socket_path(), *run_sockets()):
        try:
            reply = interruptible(call(asked, socket))
        except NobodyListens:
            continue
        if not isinstance(reply, GuestAbsent):
            return reply
        absent = absent or reply.sentence
    raise NobodyListens(absent or f"Nothing runs '{name}': neither a workbench nor a run without a window")


def usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)


def hexadecimal(value: int) -> str:
    return f"0x{value:08x}" if value >= 0 else f"-0x{-value:x}"


def parsed_bytes(values: list[str], width: int) -> bytes:
    """Numbers of so many bytes each, little endian, and texts in quotes. Raises typer.Exit."""
    if width not in (1, 2, 4, 8):
        raise usage(f"--width: {width} is none of 1, 2, 4 and 8")
    data = b""
    for text in values:
        try:
            value = ast.literal_eval(text)
            if isinstance(value, str):
                data += value.encode()
            elif isinstance(value, int):
                data += (value & (1 << 8 * width) - 1).to_bytes(width, "little")
                if not -(1 << 8 * width - 1) <= value < 1 << 8 * width:
                    raise ValueError
            else:
                raise ValueError
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise usage(f"'{text}' is neither a number of {width} bytes nor a text in quotes") from None
    return data
