"""Ways around a policy at a guest that runs: through the API, the open workbench's socket, the command line,
and with what somebody had in hand before the policy came."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from bypass import LOCK, Scene, attempt, handset, kind, tries

from pocketvisor.control import debug_calls, network_calls, profile_calls, workbench
from pocketvisor.guest.options import GuestState
from pocketvisor.moving import move
from pocketvisor.network.spec import Forward

RAM = 0x40000000
PNG = b"\x89PNG"


def is_png(data: bytes) -> bool:
    return data.startswith(PNG)


async def _asked(scene: Scene, request: Any) -> Any:
    return await scene.asks(request)


def _debug(scene: Scene, request: type, **words: Any) -> Any:
    return scene.asks(request(guest=scene.guest.name, **words))


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
    await scene.guest.console.expect("#", timeout=2)
    return True


@attempt(console, "written to by what was held before")
async def _(scene: Scene) -> bool:
    scene.held["write"](b"r 0\r")
    return True


@attempt(console, "heard by who listened before")
async def _(scene: Scene) -> bool:
    scene.held["heard"].clear()
    await scene.guest.reset()  # it says its name anew
    for _ in range(100):
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


# Looking inside

inside = kind("memory and registers", guest=True)
tries(
    inside,
    registers=lambda s: s.guest.debugger.registers(),
    memory=lambda s: s.guest.debugger.read(RAM, 16, physical=True),
    registers_through_the_socket=lambda s: _debug(s, debug_calls.AskRegisters),
    memory_through_the_socket=lambda s: _debug(
        s, debug_calls.ReadMemory, address=hex(RAM), size=16, physical=True
    ),
    a_search_through_the_socket=lambda s: _debug(s, debug_calls.Find, data=b"\0\0\0\0", physical=True),
    an_expression_through_the_socket=lambda s: _debug(s, debug_calls.Evaluate, text="$pc"),
    disassembled_through_the_socket=lambda s: _debug(s, debug_calls.Disassemble),
    the_board_through_the_socket=lambda s: _debug(s, debug_calls.AskBoard),
    by_its_profiles_path=lambda s: s.asks(debug_calls.AskRegisters(guest=str(s.path))),
)


@attempt(inside, "registers on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "regs")).code == 0


@attempt(inside, "memory on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "read", hex(RAM), "16", "-p")).code == 0


@attempt(inside, "its state")
async def _(scene: Scene) -> bool:
    await scene.guest.pause()
    return bool(await scene.guest.save())


changing = kind("changes by a debugger", guest=True)
SCRATCH = hex(RAM + 0x3000)
tries(
    changing,
    a_pause_through_the_socket=lambda s: _debug(s, debug_calls.Move, how="pause"),
    a_stop_through_the_socket=lambda s: _debug(s, debug_calls.AddStop, kind="execute", place="0x10"),
    a_register=lambda s: _changed(s, lambda: s.guest.debugger.set_register("r9", 7)),
    memory=lambda s: _changed(s, lambda: s.guest.debugger.write(RAM + 0x3000, b"1234", physical=True)),
    a_register_through_the_socket=lambda s: _changed(
        s, lambda: _debug(s, debug_calls.SetRegister, name="r9", value="7")
    ),
    memory_through_the_socket=lambda s: _changed(
        s, lambda: _debug(s, debug_calls.WriteMemory, address=SCRATCH, data=b"1234", physical=True)
    ),
)


async def _changed(scene: Scene, change: Any) -> bool:
    await scene.guest.pause()
    await change()
    return True


async def _done(work: Any) -> bool:
    await work
    return True


@attempt(changing, "memory on the command line")
async def _(scene: Scene) -> bool:
    await scene.guest.pause()
    return (await scene.command("debug", scene.guest.name, "write", SCRATCH, "0x12345678", "-p")).code == 0


held = kind("a debugger that was at it before the policy came", guest=True)


async def _hold_debugger(scene: Scene) -> None:
    debugger = scene.guest.debugger
    await debugger.registers()
    scene.held["debugger"], scene.held["timeline"] = debugger, debugger.timeline
    scene.held["trace"] = debugger.trace
    server = await debugger.open_gdb()
    scene.held["gdb"] = server.address
    scene.held["connected"] = await _gdb(server.address)


held.before = _hold_debugger


async def _gdb(address: str) -> Any:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _gdb_reads(connection: Any) -> bool:
    """The words of gdb: attach, and give the registers."""
    reader, writer = connection
    try:
        writer.write(_packet(b"QStartNoAckMode"))
        async with asyncio.timeout(5):
            await reader.readuntil(b"OK#9a")
            writer.write(b"+" + _packet(b"?"))
            await reader.readuntil(b"$T05")
            await reader.readuntil(b"#")
            writer.write(_packet(b"g"))
            said = await reader.readuntil(b"#")
        return len(said) > 100
    except asyncio.IncompleteReadError:
        return False  # it was closed
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _packet(body: bytes) -> bytes:
    return b"$" + body + b"#%02x" % (sum(body) & 0xFF)


@attempt(held, "gdb that was connected")
async def _(scene: Scene) -> bool:
    return await _gdb_reads(scene.held["connected"])


@attempt(held, "gdb that connects to what was open")
async def _(scene: Scene) -> bool:
    return await _gdb_reads(await _gdb(scene.held["gdb"]))


tries(
    held,
    registers=lambda s: s.held["debugger"].registers(),
    memory=lambda s: s.held["debugger"].read(RAM, 16, physical=True),
    changes=lambda s: _changed(s, lambda: s.held["debugger"].set_register("r9", 7)),
    its_trace=lambda s: _done(s.held["trace"].start(["mmio"])),
    its_timeline=lambda s: _done(s.held["timeline"].start()),
)


gdb = kind("gdb", guest=True)


@attempt(gdb, "by the API")
async def _(scene: Scene) -> bool:
    return await _gdb_reads(await _gdb((await scene.guest.debugger.open_gdb()).address))


@attempt(gdb, "through the socket")
async def _(scene: Scene) -> bool:
    shown = await _debug(scene, debug_calls.SetGdb)
    return await _gdb_reads(await _gdb(shown.value["address"]))


@attempt(gdb, "on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "gdb", "--json")).code == 0


# What it did

recorded = kind("a recording", guest=True)
tries(
    recorded,
    by_the_API=lambda s: _done(s.guest.debugger.timeline.start()),
    through_the_socket=lambda s: _debug(s, debug_calls.Record, how="start"),
    a_trace=lambda s: _done(s.guest.debugger.trace.start(["mmio"])),
    a_trace_through_the_socket=lambda s: _debug(s, debug_calls.SetTracing, kinds=["mmio"]),
)


@attempt(recorded, "on the command line")
async def _(scene: Scene) -> bool:
    return (await scene.command("debug", scene.guest.name, "record", "start")).code == 0


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
    ran = await scene.command("profile", "start", again, "--at-end", "discard", "--timeout", "2")
    return ran.code == 16  # it ran until its time was over
