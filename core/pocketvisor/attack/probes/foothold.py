"""The attacker's foothold in a guest's process: a device of the user's own that runs what it is sent."""

import gc
import os
import sys
import types
from typing import Any

import msgspec
from msgspec import Struct

from pocketvisor.devices.device import Device, Port


class Carry(Struct, tag=True):
    """A module to have from now on."""

    name: str
    source: str


class Run(Struct, tag=True):
    """A probe of a module: the name, its Ask in msgpack."""

    module: str
    probe: str
    ask: bytes


class FootholdState(Struct):
    """Nothing is kept."""


class Foothold(Device[FootholdState]):
    name, size = "attack", 0x1000
    tree = {"compatible": "pocketvisor,attack"}  # noqa: RUF012

    def __init__(self, port: Port) -> None:
        super().__init__(port, FootholdState())

    def event(self, payload: bytes) -> None:
        order: Carry | Run = msgspec.msgpack.decode(payload, type=Carry | Run)
        if isinstance(order, Carry):
            module = sys.modules[order.name] = types.ModuleType(order.name)
            exec(compile(order.source, order.name, "exec"), module.__dict__)
            return
        tally: Any = None
        try:
            counting: Any = sys.modules["pocketvisor.attack.probes.tally"]
            tally = counting.Tally(msgspec.msgpack.decode(order.ask, type=counting.Ask))
            sys.modules[order.module].PROBES[order.probe](tally)
        except Exception as error:
            tally.sentence = f"{type(error).__name__}: {error}"[:500]
        board = next(found for found in gc.get_objects() if type(found).__name__ == "Board")
        board._reports.append(("attack", msgspec.msgpack.encode(tally.told())))
        os.eventfd_write(board.report_fd, 1)
