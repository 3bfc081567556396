"""What the nursery does once so that its forks need not: build a board, save and restore it, throw it away.

Python fills in its bytecode, msgspec its tables and the C library its symbols when something is done for the
first time. Done here, it is shared; done in a fork, it costs that guest's time and pages of its own.

Left out: running. No instruction of a guest is ever executed here, and no thread begins.
"""

import os
from contextlib import ExitStack
from typing import Final

import msgspec

from pocketvisor.board.board import Board
from pocketvisor.board.config import BoardConfig, ConsoleConfig, Descriptors, DevicesConfig, PanelConfig
from pocketvisor.board.map import RAM_MIN
from pocketvisor.control.messages import FromHandset, Start
from pocketvisor.control.status import PAGE_SIZE
from pocketvisor.devices.phone_state import PhoneState
from pocketvisor.guest.memory import create_memfd

_PANEL = PanelConfig(320, 480, 160)
_TIMES: Final = 3  # bytecode is specialised when it was run a few times


def rehearse() -> None:
    """Raises whatever a guest's process would raise."""
    with ExitStack() as stack:

        def memory(size: int) -> int:
            fd = create_memfd("rehearsal", size)
            stack.callback(os.close, fd)
            return fd

        event = os.eventfd(0)
        stack.callback(os.close, event)
        config = BoardConfig(
            ram_size=RAM_MIN,
            panel=_PANEL,
            tick_ps=1000,
            devices=DevicesConfig(display="gpu", console=ConsoleConfig(), rng=True, phone=PhoneState()),
            descriptors=Descriptors(
                ram=memory(RAM_MIN),
                framebuffer=memory(_PANEL.stride * _PANEL.height),
                scanout=memory(_PANEL.stride * _PANEL.height),
                frame_event=event,
                status=memory(PAGE_SIZE),
            ),
        )
        message = msgspec.msgpack.encode(Start(config))
        for _ in range(_TIMES):
            start = msgspec.msgpack.decode(message, type=FromHandset)
            assert isinstance(start, Start)
            board = Board(start.board)
            board.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(board.save())))
