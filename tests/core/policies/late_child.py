"""A program that is refused on an event loop, and then ends as it is told: how many times, and how."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from policy_kit import IT

from pocketvisor.errors import Refused
from pocketvisor.policies.act import Act


async def refused(folder: Path, times: int) -> None:
    it = IT(folder)
    with it.profile() as file:
        governed = await asyncio.to_thread(it.governs, file, "[screen]\nscreenshots = false")
        print(file.id.hex(), flush=True)
        for _ in range(times):
            try:
                governed.check(Act.SCREENSHOT, "Work")
            except Refused:
                print("refused", flush=True)


asyncio.run(refused(Path(sys.argv[1]), int(sys.argv[2])))
if sys.argv[3] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
