"""The story, step by step. Each does what it tells of and looks whether it came true."""

import asyncio
import re
from typing import Final

from pocketvisor.api import Guest, GuestState, ProfileFile, Refused
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.vault import Vault
from pocketvisor_workbench.demo.scene import Scene
from pocketvisor_workbench.demo.story import Step, StoryError
from pocketvisor_workbench.stage.stage import View

_NOTE: Final = "offer for smith 1200000"
_POLICY: Final = """
[clipboard]
direction = "in"

[screen]
screenshots = false

[debugger]
allowed = false

[export]
allowed = "listed"
to = ["{vault}"]
clone = false

[check_in]
every_hours = 24
wipe_after_hours = 72
"""


async def _lives(scene: Scene) -> str:
    scene.window.set_view(View.GRID)
    handset = scene.new_handset("galaxy-s")
    work = await scene.start(handset, "work")
    personal = await scene.start(handset, "personal")
    keeping = scene.session.keeping
    await scene.done(keeping.keep(work, scene.work_path))
    await scene.done(keeping.keep(personal, scene.folder / "Personal.vphone"))
    assert work.profile is not None
    scene.work_id = work.profile.file.id
    for guest in (personal, work):
        scene.session.bring_to_front(guest)
        await scene.swipe_up(guest)
        await scene.pace.breathe(2.0)
    if work.pid == personal.pid or {work.state, personal.state} != {GuestState.RUNNING}:
        raise StoryError("The two do not run side by side")
    return "Each has a process, a memory and a file of its own; one panel shows the one in front"


async def _govern(scene: Scene) -> str:
    sentence = await scene.deliver(scene.policy(_POLICY.format(vault=scene.vault)))
    await scene.until(lambda: scene.work.governed is not None, "Work being governed")
    scene.session.bring_to_front(scene.work)
    scene.window.policy_desk.show_pane()
    return sentence


async def _copy(scene: Scene) -> str:
    work, personal = scene.work, scene.personal
    scene.session.bring_to_front(work)
    await scene.write_note(work, _NOTE)
    await scene.tap(work, "Copy")
    await scene.pace.breathe(2.0)
    scene.session.bring_to_front(personal)
    await scene.write_note(personal, "")
    await scene.tap(personal, "Paste")
    await scene.pace.breathe(1.5)
    pasted = await scene.note_of(personal)
    if _NOTE[:5] in pasted:
        raise StoryError(f"The note was pasted: {pasted!r}")
    try:
        await work.screenshot()
    except Refused as refusal:
        scene.session.log.refuse(str(refusal), work)
        return f"Nothing was pasted, and no screenshot either. {refusal}"
    raise StoryError("A screenshot of Work was taken")


async def _attack(scene: Scene) -> str:
    scene.session.bring_to_front(scene.work)
    handset = scene.work.handset
    dialog = scene.window.attack_desk.open(handset, scene.work)
    if dialog is None:
        raise StoryError("The attack could not be opened")
    scene.above_caption(dialog)
    dialog.begin()
    run = scene.window.attack_desk.runs[handset]
    await scene.done(run.job)
    sheet = run.sheet
    if sheet is None or not sheet.held:
        raise StoryError(sheet.sentence if sheet is not None else run.problem)
    await scene.pace.breathe(4.0)
    dialog.close()
    return sheet.sentence


async def _move(scene: Scene) -> str:
    work = scene.work
    scene.session.bring_to_front(work)
    await scene.command(work, "app clock")
    await asyncio.sleep(0.6)
    await scene.tap(work, "STOPWATCH")
    await scene.tap(work, "start")
    before = await _uptime(scene)
    target = scene.new_handset("htc-one-s")
    await scene.pace.breathe(1.5)
    await scene.drag(work, target)
    after = await _uptime(scene)
    if scene.work.handset is not target or after < before:
        raise StoryError(f"Work's clock stood at {before} s before, and at {after} s after")
    return f"From {before:.1f} s to {after:.1f} s its clock ran on; {target.name} shows the same stopwatch"


async def _uptime(scene: Scene) -> float:
    found = re.search(r"up (\d+\.\d+) s", await scene.command(scene.work, "uptime"))
    if found is None:
        raise StoryError("Work does not tell how long it is up")
    return float(found[1])


async def _lose(scene: Scene) -> str:
    work = scene.work
    scene.session.vaulting.set_address(str(scene.vault))
    await scene.done(scene.session.keeping.snapshot(work, "Before the train"))
    await scene.until(lambda: _is_in_vault(scene, work), "A copy in the vault", 60)
    await scene.pace.breathe(1.0)
    handset = work.handset
    if (loss := scene.session.lose_handset(handset)) is not None:
        await scene.done(loss)  # until then its file is its own
    if work in scene.session.guests:
        raise StoryError(f"{handset.name} is there still")
    return f"{handset.name} is gone, with all that was on it. Its last copy is in the vault"


def _is_in_vault(scene: Scene, guest: Guest) -> bool:
    """As it was saved last, not before."""
    saved = guest.profile.generation if guest.profile is not None else 0
    copies = scene.session.vaulting.of(scene.work_path)
    if copies.problem:
        raise StoryError(copies.problem)
    return copies.newest >= saved and not copies.missing and not copies.busy


async def _wipe(scene: Scene) -> str:
    """What the lost phone does when the order reaches it."""
    await scene.deliver(scene.order("wipe", "left in a train"))

    def wiped() -> bool:
        """As the lost phone does when it is opened next."""
        with ProfileFile.open(scene.work_path) as file:
            governed = Governed.of_file(file)
            return governed is not None and governed.wiped and not file.generations()

    if not await asyncio.to_thread(wiped):
        raise StoryError("The lost phone still has what was on it")
    refused = await scene.put_on_another("htc-one-s", scene.work_path)
    return f"Whoever found it reads: {refused}"


async def _restore(scene: Scene) -> str:
    if scene.found is not None:
        scene.session.remove_handset(scene.found)
    await scene.deliver(scene.order("unlock", "a new phone"))
    path = scene.folder / "Work again.vphone"
    await asyncio.to_thread(lambda: Vault(str(scene.vault)).fetch(scene.work_id, path, history=False))
    handset = scene.new_handset("motorola-droid")
    await scene.done(scene.session.keeping.open(handset, path))
    work = scene.work
    await scene.until(lambda: work.state is GuestState.RUNNING, "Work's return")
    if work.governed is None:
        raise StoryError("It came back without its policy")
    up = await _uptime(scene)
    await scene.pace.breathe(3.0)
    return f"On {handset.name} it goes on from where it was saved, {up:.0f} s old, and its policy with it"


STEPS: Final = (
    Step(
        "lives",
        "Two lives on one phone",
        "A Galaxy S of 2010. Work and Personal run on it side by side, each a whole system of its own.",
        _lives,
        4.0,
    ),
    Step(
        "govern",
        "IT governs one of them",
        "Acme signs a policy for Work. Personal stays its owner's own business.",
        _govern,
        7.0,
        ("lives",),
    ),
    Step(
        "copy",
        "A policy stops a copy",
        "A note is copied in Work, and pasted in Personal. The policy lets nothing out.",
        _copy,
        6.0,
        ("govern",),
    ),
    Step(
        "attack",
        "Under attack",
        "A hostile guest moves in beside Work and tries everything: its devices, its memory, its host.",
        _attack,
        5.0,
        ("govern",),
    ),
    Step(
        "move",
        "To another maker's phone",
        "A stopwatch runs in Work. It is dragged to an HTC, and does not miss a second.",
        _move,
        6.0,
        ("govern",),
    ),
    Step(
        "lose",
        "The phone is lost",
        "It is saved, and copied to a vault. Then the phone stays in a train.",
        _lose,
        6.0,
        ("govern",),
    ),
    Step("wipe", "And wiped", "IT signs a wipe. The lost phone destroys its keys.", _wipe, 6.0, ("lose",)),
    Step(
        "restore",
        "Back again",
        "A Motorola Droid, the vault's copy: Work goes on from where it was saved.",
        _restore,
        8.0,
        ("wipe",),
    ),
)
