"""What an open workbench does when it is asked to attack one of its handsets."""

from typing import TYPE_CHECKING

import msgspec

from pocketvisor.attack.attack import Attack
from pocketvisor.attack.sheet import Progress
from pocketvisor.control.attack_calls import AttackHandset, AttackShown
from pocketvisor.control.server import Tell

if TYPE_CHECKING:
    from pocketvisor.services.workbench import WorkbenchService


async def answer(service: "WorkbenchService", request: AttackHandset, tell: Tell) -> AttackShown:
    """Raises PocketvisorError."""
    victim = service.guest(request.guest, request.handset) if request.guest else None
    handset = victim.handset if victim is not None else service.handset(request.handset)

    def progress(told: Progress) -> None:
        tell(told.words, told.fraction)

    sheet = await Attack(handset, victim=victim, kinds=request.kinds).run(progress)
    return AttackShown(sheet=msgspec.to_builtins(sheet))
