"""A stub in front of a machine that was made for tests."""

import os
import sys
from collections.abc import AsyncIterator

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from gdb_machine import MadeGuest, MadeMachine
from gdb_wire import Wire

from pocketvisor.debug.gdb.server import GdbServer


@pytest.fixture
def made_guest() -> MadeGuest:
    return MadeGuest()


@pytest.fixture
def machine(made_guest: MadeGuest) -> MadeMachine:
    return MadeMachine(made_guest)


@pytest.fixture
async def stub(made_guest: MadeGuest, machine: MadeMachine) -> AsyncIterator[GdbServer]:
    server = await GdbServer.open(made_guest, machine)
    yield server
    await server.close()


@pytest.fixture
async def wire(stub: GdbServer) -> AsyncIterator[Wire]:
    wire = await Wire.attached(stub.address)
    yield wire
    wire.close()
