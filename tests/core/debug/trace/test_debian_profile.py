"""An unmodified Debian kernel's profile: who called whom in it, by what it has in its own memory."""

from itertools import pairwise

import pytest

from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue
from pocketvisor.models import load_models

pytestmark = pytest.mark.debian

PROMPT = r"^debian:/root# "


async def test_system_calls_of_a_kernel_have_their_callers() -> None:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    phone = Handset(load_models()["galaxy-s2"])
    try:
        guest = await phone.start(image, options=RunOptions(rate="max"))
        await guest.console.expect(PROMPT, 240)
        debugger = guest.debugger
        await debugger.linux.find()
        await debugger.trace.start(["profile", "coverage"], period=50_000)
        guest.console.write(b"dd if=/dev/zero of=/dev/null bs=1 count=5000\r")
        await guest.console.expect("records out", 180)
        await guest.console.expect(PROMPT, 60)
        profile = await debugger.trace.profile_with_callers(2000)
        calls = {
            pair
            for stack in profile.stacks(debugger.trace.function_name)
            if stack[0] == "supervisor"
            for pair in pairwise(stack)
        }
        assert {("ksys_read", "vfs_read"), ("ksys_write", "vfs_write")} <= calls
        assert len([one for one in profile.samples if one.frames]) > len(profile.samples) // 3
        read = debugger.symbols.address("vfs_read")
        assert read is not None and debugger.trace.coverage().runs(read) >= 5000
    finally:
        await phone.close()
