"""Ways around a policy that wants another handset, one phone alone, or the phone locked."""

import asyncio
import os
from pathlib import Path
from typing import Any

from bypass import LOCK, Scene, attempt, handset, kind, tries
from bypass_guests import is_png

from pocketvisor.control import profile_calls, workbench
from pocketvisor.guest.options import GuestState
from pocketvisor.moving import move

# The handset

weak = kind("a handset that is too weak", guest=True, sections="[handset]\nmips = 900")


@attempt(weak, "moved there")
async def _(scene: Scene) -> bool:
    dream = handset("htc-dream", "Dream")
    try:
        await move(scene.guest, dream)
        assert scene.handset is not None
        await move(scene.guest, scene.handset)
        return True
    finally:
        await dream.close()


@attempt(weak, "cloned there")
async def _(scene: Scene) -> bool:
    dream = handset("htc-dream", "Dream")
    try:
        return await dream.clone(scene.guest) in dream.guests
    finally:
        await dream.close()


@attempt(weak, "a copy of its file opened there")
async def _(scene: Scene) -> bool:
    dream = handset("htc-dream", "Dream")
    try:
        again = scene.new("again.vphone")
        await asyncio.to_thread(_copied, scene, again)
        return await dream.open_profile(again) in dream.guests
    finally:
        await dream.close()


@attempt(weak, "a copy opened there from an older generation")
async def _(scene: Scene) -> bool:
    dream = handset("htc-dream", "Dream")
    try:
        again = scene.new("again.vphone")
        await asyncio.to_thread(_copied, scene, again)
        return await dream.open_profile(again, generation=1, accept_older=True) in dream.guests
    finally:
        await dream.close()


def _copied(scene: Scene, target: Path) -> None:
    """As `cp` does it, of a file that is whole."""
    os.link(scene.held["never"], target)


# One that is locked

locked = kind("a phone that is locked", guest=True, sections=LOCK)


@attempt(locked, "resumed")
async def _(scene: Scene) -> bool:
    if not scene.governed:
        await scene.guest.pause()
    await scene.guest.resume()
    return scene.guest.state is GuestState.RUNNING


@attempt(locked, "reset")
async def _(scene: Scene) -> bool:
    await scene.guest.reset()
    return scene.guest.state is GuestState.RUNNING


@attempt(locked, "switched off and on")
async def _(scene: Scene) -> bool:
    await scene.guest.restart()
    return scene.guest.state is GuestState.RUNNING


@attempt(locked, "resumed through the socket")
async def _(scene: Scene) -> bool:
    if not scene.governed:
        await scene.guest.pause()
    await scene.asks(workbench.Operate("resume", scene.guest.name))
    return scene.guest.state is GuestState.RUNNING


@attempt(locked, "reset on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("reset", scene.guest.name)).code == 0


@attempt(locked, "restored to an older generation")
async def _(scene: Scene) -> bool:
    await scene.guest.restore(1)
    return scene.guest.state in (GuestState.RUNNING, GuestState.PAUSED)


@attempt(locked, "moved to another handset, and resumed")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None and scene.other is not None
    await move(scene.guest, scene.other)
    try:
        await scene.guest.resume() if scene.governed else None
        return scene.guest.state is GuestState.RUNNING
    finally:
        if scene.guest.handset is scene.other:
            await move(scene.guest, scene.handset)


@attempt(locked, "cloned")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    return await scene.handset.clone(scene.guest) in scene.handset.guests


@attempt(locked, "unlocked as one does that was idle")
async def _(scene: Scene) -> bool:
    await scene.guest.unlock(None)
    return not scene.guest.locked


@attempt(locked, "an older copy of it opened")
async def _(scene: Scene) -> bool:
    assert scene.other is not None
    again = scene.new("again.vphone")
    await asyncio.to_thread(_copied, scene, again)
    return await scene.other.open_profile(again, accept_older=True) in scene.other.guests


@attempt(locked, "an older copy of it opened through the socket")
async def _(scene: Scene) -> bool:
    again = scene.new("again.vphone")
    await asyncio.to_thread(_copied, scene, again)
    shown = await scene.asks(profile_calls.OpenProfile(profile=str(again), handset="Other"))
    return bool(shown.pid)


@attempt(locked, "its picture")
async def _(scene: Scene) -> bool:
    return is_png(await scene.guest.screenshot())


@attempt(locked, "touched")
async def _(scene: Scene) -> bool:
    return scene.guest.used()


# Two of it, from two files

twice = kind("a second one beside it", guest=True, sections="[export]\nclone = false")


async def _beside(scene: Scene, **words: Any) -> bool:
    assert scene.other is not None
    again = scene.new("again.vphone")
    await asyncio.to_thread(_copied, scene, again)
    return await scene.other.open_profile(again, **words) in scene.other.guests


tries(
    twice,
    a_copy_of_its_file=lambda s: _beside(s),
    a_copy_under_another_name=lambda s: _beside(s, name="Mine"),
    a_copy_from_an_older_generation=lambda s: _beside(s, generation=1, accept_older=True),
    cloned=lambda s: _cloned(s),
)


async def _cloned(scene: Scene) -> bool:
    assert scene.handset is not None
    return await scene.handset.clone(scene.guest) in scene.handset.guests


@attempt(twice, "in another terminal")
async def _(scene: Scene) -> bool:
    again = scene.new("again.vphone")
    await asyncio.to_thread(_copied, scene, again)
    seconds = "30" if scene.governed else "2"  # a refusal comes long before
    ran = await scene.command("profile", "start", again, "--at-end", "discard", "--timeout", seconds)
    return ran.code == 16  # it ran until its time was over
