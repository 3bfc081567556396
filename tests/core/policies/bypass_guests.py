"""Ways around a policy at a guest that runs: through the API, the open workbench's socket, the command line,
and with what somebody had in hand before the policy came."""

import asyncio
from typing import Any

from bypass import Scene, attempt, kind, tries

from pocketvisor.control import network_calls, profile_calls, workbench
from pocketvisor.moving import move
from pocketvisor.network.spec import Forward

PNG = b"\x89PNG"


def is_png(data: bytes) -> bool:
    return data.startswith(PNG)


# Pictures

pictures = kind("a screenshot", guest=True)


async def _hold_screenshot(scene: Scene) -> None:
    scene.held["screenshot"] = scene.guest.screenshot
    scene.held["panel"] = scene.guest.panel


pictures.before = _hold_screenshot


@attempt(pictures, "by the API")
async def _(scene: Scene) -> bool:
    return is_png(await scene.guest.screenshot())


@attempt(pictures, "of the panel")
async def _(scene: Scene) -> bool:
    return is_png(await asyncio.to_thread(scene.guest.panel.screenshot))


@attempt(pictures, "a thumbnail")
async def _(scene: Scene) -> bool:
    return is_png(await asyncio.to_thread(scene.guest.panel.thumbnail))


@attempt(pictures, "by what was held before the policy came")
async def _(scene: Scene) -> bool:
    return is_png(await scene.held["screenshot"]())


@attempt(pictures, "by a panel held before the policy came")
async def _(scene: Scene) -> bool:
    return is_png(await asyncio.to_thread(scene.held["panel"].screenshot))


@attempt(pictures, "through the workbench's socket")
async def _(scene: Scene) -> bool:
    reply = await scene.asks(workbench.Screenshot(scene.guest.name))
    return is_png(reply.png)


@attempt(pictures, "on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("shot.png")
    await scene.command("screenshot", scene.guest.name, target)
    return target.exists()


@attempt(pictures, "in a generation")
async def _(scene: Scene) -> bool:
    generation = await scene.guest.snapshot()
    assert scene.guest.profile is not None
    return is_png(scene.guest.profile.file.manifest(generation.number).thumbnail)


@attempt(pictures, "after an older generation was restored")
async def _(scene: Scene) -> bool:
    await scene.guest.restore(1)
    return is_png(await scene.guest.screenshot())


@attempt(pictures, "on another handset")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None and scene.other is not None
    await move(scene.guest, scene.other)
    try:
        return is_png(await scene.guest.screenshot())
    finally:
        await move(scene.guest, scene.handset)


@attempt(pictures, "while it is paused")
async def _(scene: Scene) -> bool:
    await scene.guest.pause()
    try:
        return is_png(await scene.guest.screenshot())
    finally:
        await scene.guest.resume()


@attempt(pictures, "after a reset")
async def _(scene: Scene) -> bool:
    await scene.guest.reset()
    return is_png(await scene.guest.screenshot())


# What a guest made of it is, where the policy allows that alone

copies = kind(
    "a screenshot of a clone or of the past",
    guest=True,
    sections='[screen]\nscreenshots = false\n[debugger]\nconsole = false\n[export]\nallowed = "no"',
)


@attempt(copies, "of a clone")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    return is_png(await (await scene.handset.clone(scene.guest)).screenshot())


@attempt(copies, "of a clone of a clone")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None and scene.other is not None
    clone = await scene.handset.clone(await scene.handset.clone(scene.guest))
    return is_png(await asyncio.to_thread(clone.panel.screenshot))


@attempt(copies, "of a clone that the workbench made")
async def _(scene: Scene) -> bool:
    made = await scene.asks(profile_calls.CloneGuest(guest=scene.guest.name))
    return is_png((await scene.asks(workbench.Screenshot(made.guest))).png)


@attempt(copies, "a clone kept as a profile")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    clone = await scene.handset.clone(scene.guest)
    target = scene.new("clone.vphone")
    await clone.keep(target)
    return target.exists()


@attempt(copies, "the console of a clone")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    clone = await scene.handset.clone(scene.guest)
    clone.console.write(b"r 0\r")
    return True


@attempt(copies, "of the past")
async def _(scene: Scene) -> bool:
    timeline = scene.guest.debugger.timeline
    await timeline.start()
    begin = timeline.end
    await asyncio.sleep(0)
    await scene.guest.debugger.pause()
    await timeline.go_to(begin)
    try:
        return is_png(await asyncio.to_thread(timeline.panel.screenshot))
    finally:
        await timeline.present()
        await timeline.stop()


@attempt(copies, "a recording's file")
async def _(scene: Scene) -> bool:
    timeline, target = scene.guest.debugger.timeline, scene.new("recording.pvrec")
    await timeline.start()
    try:
        await timeline.export(target)
        return target.exists()
    finally:
        await timeline.stop()


# The console

console = kind("the console", guest=True)


async def _hold_console(scene: Scene) -> None:
    scene.held["write"] = scene.guest.console.write
    scene.held["heard"] = heard = []
    scene.guest.on("console", heard.append)
    scene.guest.console.subscribe(heard.append)


console.before = _hold_console


def _written(scene: Scene) -> bool:
    scene.guest.console.write(b"r 0\r")
    return True


tries(console, written_to=_written, read=lambda s: bool(s.guest.console.text))


@attempt(console, "its words waited for")
async def _(scene: Scene) -> bool:
    if not scene.governed:
        scene.guest.console.write(b"\r")
    await scene.guest.console.expect("#", timeout=2 if scene.governed else 20)
    return True


@attempt(console, "written to by what was held before")
async def _(scene: Scene) -> bool:
    scene.held["write"](b"r 0\r")
    return True


@attempt(console, "heard by who listened before")
async def _(scene: Scene) -> bool:
    scene.held["heard"].clear()
    await scene.guest.reset()  # it says its name anew
    for _ in range(100 if scene.governed else 1000):
        if scene.held["heard"]:
            return True
        await asyncio.sleep(0.02)
    return False


@attempt(console, "after a reset")
async def _(scene: Scene) -> bool:
    await scene.guest.reset()
    if not scene.governed:
        await scene.guest.console.expect("#", timeout=20)
    return bool(scene.guest.console.text)


# Copies of it

cloned = kind("a clone", guest=True)


@attempt(cloned, "by the API")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    return await scene.handset.clone(scene.guest) in scene.handset.guests


@attempt(cloned, "on another handset")
async def _(scene: Scene) -> bool:
    assert scene.other is not None
    return await scene.other.clone(scene.guest) in scene.other.guests


@attempt(cloned, "through the socket")
async def _(scene: Scene) -> bool:
    return bool(await scene.asks(profile_calls.CloneGuest(guest=scene.guest.name)))


@attempt(cloned, "on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("clone", scene.guest.name)).code == 0


kept = kind("a file of a phone that runs", guest=True)


@attempt(kept, "exported")
async def _(scene: Scene) -> bool:
    return await asyncio.to_thread(scene.can_export)


@attempt(kept, "exported on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("out.vphone")
    return (await scene.command("profile", "export", scene.path, target)).code == 0 and target.exists()


@attempt(kept, "cloned on the command line")
async def _(scene: Scene) -> bool:
    target = scene.new("clone.vphone")
    return (await scene.command("profile", "clone", scene.path, target)).code == 0 and target.exists()


@attempt(kept, "a snapshot taken and exported")
async def _(scene: Scene) -> bool:
    await scene.asks(profile_calls.TakeSnapshot(profile=str(scene.path)))
    return await asyncio.to_thread(scene.can_export)


# Ways in and out

ways = kind("network, files and captures", guest=True, network=True)


def _network(scene: Scene) -> Any:
    assert scene.guest.network is not None
    return scene.guest.network


tries(
    ways,
    a_switch=lambda s: _attached(s, lambda: _network(s).attach("switch", "lab")),
    a_switch_through_the_socket=lambda s: _attached(
        s, lambda: s.asks(network_calls.Attach(guest=s.guest.name, network="switch:lab"))
    ),
    a_forward=lambda s: _forwarded(s),
)


async def _attached(scene: Scene, attach: Any) -> bool:
    try:
        await attach()
        return _network(scene).state.mode == "switch"
    finally:
        await _network(scene).attach("none")


async def _forwarded(scene: Scene) -> bool:
    network = _network(scene)
    await network.attach("user")
    await network.forward([Forward("tcp", 0, 80)])
    return bool(network.state.forwards)


@attempt(ways, "on the command line")
async def _(scene: Scene) -> bool:
    ran = await scene.command("network", scene.guest.name, "attach", "switch:lab")
    return ran.code == 0 and _network(scene).state.mode == "switch"


@attempt(ways, "a capture of its packets")
async def _(scene: Scene) -> bool:
    target = scene.new("frames.pcap")
    await _network(scene).capture(target)
    return target.exists()


@attempt(ways, "a capture through the socket")
async def _(scene: Scene) -> bool:
    target = scene.new("frames.pcap")
    await scene.asks(network_calls.Capture(guest=scene.guest.name, path=str(target)))
    return target.exists()


@attempt(ways, "files into its drive")
async def _(scene: Scene) -> bool:
    source = scene.new("file.txt")
    source.write_text("from outside")
    await scene.guest.insert_media([source])
    return True
