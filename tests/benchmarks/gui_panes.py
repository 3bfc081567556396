"""In the window's process: four animated guests on two handsets, watched for a while."""

import asyncio
import time

from .gaps import Gaps
from .window import Answer, Workbench, command


async def scenario(workbench: Workbench) -> Answer:
    """One sample a window of two seconds; frames for each pane."""
    guests = []
    for model in ("nexus-one", "galaxy-s2"):
        guests += (await workbench.put(model, "personal", "work")).guests
    for guest in guests:
        await command(guest, "anim on", "anim on")
    await asyncio.sleep(3.0)
    panes = [workbench.pane(guest) for guest in guests]
    names = ("share", "thread_share", "published", "painted", "shown", "gap")
    answer: Answer = {name: [] for name in names}
    for _ in range(3 if workbench.quick else 10):
        with Gaps() as gaps:
            painted = [pane.frames_painted for pane in panes]
            published = [guest.panel.sequence for guest in guests]
            begun, cpu, thread = time.monotonic(), time.process_time(), time.thread_time()
            await asyncio.sleep(2.0)
            took = time.monotonic() - begun
            answer["share"].append((time.process_time() - cpu) / took * 100)
            answer["thread_share"].append((time.thread_time() - thread) / took * 100)
            drawn = [pane.frames_painted - before for pane, before in zip(panes, painted, strict=True)]
            came = [guest.panel.sequence - before for guest, before in zip(guests, published, strict=True)]
            answer["painted"] += [count / took for count in drawn]
            answer["published"] += [count / took for count in came]
            answer["shown"] += [a / b for a, b in zip(drawn, came, strict=True) if b]
        answer["gap"].append(gaps.longest_ms)
    return answer
