"""Nothing holds what is gone: whoever opens and closes phones all day has as much left in the evening."""

import gc
import os
from typing import Any
from weakref import ref

from kit import Workbench, until


def test_a_phone_that_is_gone_is_held_by_nothing_in_the_window(workbench: Workbench) -> None:
    session = workbench.session

    async def come_and_go(stays: Any) -> int:
        """Answers how many descriptors are open when it is gone."""
        handset: Any = await workbench.handset("personal", "work")
        for guest in list(handset.guests):
            session.bring_to_front(guest)
            await until(lambda guest=guest: workbench.pane(guest).isVisible())  # type: ignore[misc]
        gone = [ref(one) for one in (handset, *handset.guests)]
        session.lose_handset(handset)
        session.select(stays)
        await session.jobs.idle()
        del handset, guest
        await until(lambda: gc.collect() is not None and not [one for one in gone if one() is not None])
        return len(os.listdir("/proc/self/fd"))

    async def scenario() -> None:
        stays: Any = await workbench.handset("personal")
        assert await come_and_go(stays) == await come_and_go(stays)

    workbench.run(scenario())
