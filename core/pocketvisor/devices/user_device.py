"""A user's own device: one Python file with one subclass of Device. A driver finds it in the device tree.

    class Bank(Device[BankState]):
        name, size = "bank", 0x1000
        tree = {"compatible": "wd,mbl-gpio", "gpio-controller": True, "#gpio-cells": 2}
        registers = (("dat", 0, 4), ("set", 4, 4))      # optional: named parts, for reg and reg-names

A value of `tree` is text, a list of texts, a number, a list of numbers (cells), or True for a property
without a value. `reg` and, with `interrupt = True`, `interrupts` are the board's to add.

The file runs in the guest's process, behind its sandbox: it can import what is loaded there already, the
standard modules of MODULES among it, and open nothing. What the handset sends comes in by event(), logged.
"""

import inspect
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, ValidationError, convert

from pocketvisor.devices.device import Device

SOURCE_MAX: Final = 64 << 10
MODULES: Final = ("collections", "dataclasses", "enum", "itertools", "math", "msgspec", "random", "struct")
"""Imported before the sandbox is entered, so that a device's file may."""

Cell = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Text = Annotated[str, Meta(max_length=255, pattern="^[ -~]*$")]


class UserDevice(Struct, frozen=True, kw_only=True):
    """A device's file, and what the board has to know of it before it runs."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,30}$")]
    size: Annotated[int, Meta(ge=4, le=0x10000, multiple_of=4)]
    tree: Annotated[dict[Annotated[str, Meta(pattern="^[!-~]{1,31}$")], Any], Meta(max_length=64)] = {}
    registers: Annotated[tuple[tuple[Text, Cell, Cell], ...], Meta(max_length=16)] = ()
    interrupt: bool = False
    source: Annotated[str, Meta(max_length=SOURCE_MAX)] = ""


class UserDeviceError(ValueError):
    """The file is not one of a device; says why, without the file's name."""


def load(source: str, file: str = "device.py") -> type[Device[Any]]:
    """Runs the file; raises UserDeviceError."""
    names: dict[str, Any] = {"__name__": "pocketvisor_user_device", "__file__": file}
    try:
        exec(compile(source, file, "exec"), names)
    except SyntaxError as error:
        raise UserDeviceError(f"line {error.lineno}: {error.msg}") from error
    except Exception as error:
        raise UserDeviceError(f"{type(error).__name__}: {error}") from error
    found = [
        value
        for value in names.values()
        if inspect.isclass(value) and issubclass(value, Device) and value.__module__ == names["__name__"]
    ]
    if len(found) != 1:
        raise UserDeviceError(f"has {len(found) or 'no'} classes of devices, not one")
    kind: type[Device[Any]] = found[0]
    return kind


def describe(source: str, file: str = "device.py") -> UserDevice:
    """What the board has to know; raises UserDeviceError."""
    kind = load(source, file)
    fields = {
        name: getattr(kind, name)
        for name in ("name", "size", "tree", "registers", "interrupt")
        if hasattr(kind, name)
    }
    try:
        device = convert(fields | {"source": source}, UserDevice)
        for value in device.tree.values():
            _check(value)
    except ValidationError as error:
        raise UserDeviceError(str(error)) from error
    if "compatible" not in device.tree:
        raise UserDeviceError("its tree has no 'compatible', by which a driver finds it")
    if "reg" in device.tree or "interrupts" in device.tree:
        raise UserDeviceError("'reg' and 'interrupts' are the board's to say")
    if any(offset + size > device.size for _, offset, size in device.registers):
        raise UserDeviceError("one of its registers is outside of it")
    return device


def _check(value: object) -> None:
    """A value of the tree. One type for all: msgspec 0.22 frees a union of a list and a text with a pattern
    as something else, and the process with it."""
    if value is True or value is False:
        return
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            convert(part, Text)
        else:
            convert(part, Cell)


def preload() -> None:
    """Imports what a device's file may import; before the sandbox."""
    for module in MODULES:
        __import__(module)
