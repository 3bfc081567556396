"""What an open workbench does when it is asked to attack one of its handsets."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from pocketvisor.attack.attack import Attack
from pocketvisor.attack.sheet import Progress, ScoreSheet
from pocketvisor.control.attack_calls import AttackHandset, AttackShown
from pocketvisor.control.server import Tell
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset

if TYPE_CHECKING:
    from pocketvisor.services.workbench import WorkbenchService

Attacks = Callable[[Handset, Guest | None, Sequence[str], Callable[[Progress], None]], Awaitable[ScoreSheet]]
"""Attacks a handset, or a guest on it, in these ways. Whoever cancels it ends it. Raises PocketvisorError."""


async def _attack(
    handset: Handset, victim: Guest | None, kinds: Sequence[str], progress: Callable[[Progress], None]
) -> ScoreSheet:
    return await Attack(handset, victim=victim, kinds=kinds).run(progress)


async def answer(service: "WorkbenchService", request: AttackHandset, tell: Tell) -> AttackShown:
    """Raises PocketvisorError."""
    victim = service.guest(request.guest, request.handset) if request.guest else None
    handset = victim.handset if victim is not None else service.handset(request.handset)

    def progress(told: Progress) -> None:
        tell(told.words, told.fraction)

    attack = service.attack or _attack
    sheet = await attack(handset, victim, request.kinds, progress)
    return AttackShown(sheet=msgspec.to_builtins(sheet))
