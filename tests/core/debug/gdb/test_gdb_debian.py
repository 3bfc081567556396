"""The real gdb on Debian's own kernel, unmodified."""

import pytest
from real_gdb import GDB, Gdb

from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue

pytestmark = [pytest.mark.debian, pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed")]

SECONDS = 240


async def test_a_kernel_is_stopped_watched_and_taken_back_and_goes_on(handset: Handset) -> None:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    guest = await handset.start(image, options=RunOptions(rate="max"))
    await guest.console.expect("root# ", SECONDS)
    debugger = guest.debugger
    await debugger.pause()
    await debugger.linux.find()
    opens, jiffies = (debugger.symbols.address(name) for name in ("do_sys_openat2", "jiffies_64"))
    assert opens is not None and jiffies is not None
    server = await debugger.open_gdb()
    await debugger.resume()
    gdb = await Gdb.start()
    try:
        await gdb.do(f"target remote {server.address}", stops=True)
        assert "Recorded" in await gdb.do("monitor record start")
        await gdb.do(f"break *{opens:#x}")
        guest.console.write(b"cat /proc/version\r")
        opened = ""
        for _ in range(20):  # others may open files too
            if "/proc/version" not in opened:
                assert "breakpoint-hit" in await gdb.do("continue")
                opened = await gdb.do("x/s $r1")
        assert "/proc/version" in opened
        physical = (await gdb.do(f"monitor translate {opens:#x}")).partition(" is at ")[2][:10]
        code = (await gdb.do(f"x/x {opens:#x}")).split()[-1]
        await gdb.do("monitor phys on")
        assert code in await gdb.do(f"x/x {physical}")
        await gdb.do("monitor phys off")
        await gdb.do("delete")
        await gdb.do(f"watch *(int *){jiffies:#x}")
        for _ in range(2):
            assert "watchpoint-trigger" in await gdb.do("continue")
        after = (await gdb.do(f"print *(int *){jiffies:#x}")).split()[-1]
        said = await gdb.do("reverse-continue")
        assert f'old="{after}"' in said
        assert debugger.in_past
        await gdb.do("delete")
        await gdb.do("detach")
    finally:
        await gdb.close()
    assert guest.state is GuestState.RUNNING and not debugger.in_past
    guest.console.write(b"echo still $((6 * 7))\r")
    await guest.console.expect("still 42", SECONDS)
