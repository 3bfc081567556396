"""A link whose other end does not do its part: it ends, and costs no more memory than is said."""

import asyncio
import socket

import pytest

from pocketvisor.migration import messages
from pocketvisor.migration.link import UNSENT_MAX, Link, LinkLost


async def test_what_the_other_side_does_not_read_is_not_kept_without_bounds() -> None:
    """It asks again and again, and never takes an answer."""
    near, far = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=near)
    link = Link(reader, writer, messages.FromCaller)
    answer = messages.Refused("x" * 2000)
    with pytest.raises(LinkLost, match="does not read"):
        for _ in range(2 * UNSENT_MAX // 2000):
            link.send(answer)
    assert link.closed and writer.transport.get_write_buffer_size() <= UNSENT_MAX + 4096
    far.close()
