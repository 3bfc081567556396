"""Ways to copy out of a governed phone, and to paste into it. A program of the test speaks for the guest's
clipboard, at its end of the channel: it does what its user asks of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bypass import Scene, attempt, kind

from pocketvisor.control import clipboard_calls
from pocketvisor.guest.clipboard_wire import Line, Reader, encoded
from pocketvisor.guest.options import RunOptions

SECRET, STRANGE = "what is inside", "what is outside"

copying = kind("copying and pasting", guest=True)


class Program:
    """What speaks for the clipboard inside: it tells what is copied there, and takes what it is given."""

    def __init__(self, scene: Scene) -> None:
        end = scene.guest.clipboard._theirs
        assert end is not None
        end.setblocking(False)
        self._end = end
        self.given: list[str] = []
        self._answers: asyncio.Queue[Line] = asyncio.Queue()

    async def say(self, verb: str, number: int = 0, text: str = "") -> None:
        await asyncio.get_running_loop().sock_sendall(self._end, encoded(verb, number, text))

    async def asks(self, verb: str, number: int, text: str = "") -> Line:
        """What the handset says to that."""
        await self.say(verb, number, text)
        return await asyncio.wait_for(self._answers.get(), 30)

    async def serve(self) -> None:
        reader = Reader()
        while True:
            data = await asyncio.get_running_loop().sock_recv(self._end, 1 << 16)
            for line in reader.feed(data):
                if line.verb == "get":
                    await self.say("text", line.number, SECRET)
                elif line.verb == "put":
                    self.given.append(line.text)
                    await self.say("done", line.number)
                elif line.verb in ("text", "no"):
                    self._answers.put_nowait(line)


@asynccontextmanager
async def program(scene: Scene) -> AsyncIterator[Program]:
    made = Program(scene)
    serving = asyncio.create_task(made.serve())
    try:
        await made.say("hello", 1)
        yield made
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def _copied_before(scene: Scene) -> None:
    """It is on the phone's clipboard when the policy comes."""
    assert scene.handset is not None
    async with program(scene) as inside:
        await inside.say("copied", 0, SECRET)
        async with asyncio.timeout(30):
            while scene.handset.clipboard.text != SECRET:
                await asyncio.sleep(0.01)


copying.before = _copied_before


@attempt(copying, "what was copied before the policy came")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    return scene.handset.clipboard.text == SECRET


@attempt(copying, "pasted in another guest, copied before the policy came")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    other = await scene.handset.start(
        scene.guest.image, name="Other", options=RunOptions(parts=("clipboard",))
    )
    return scene.handset.clipboard.take(other) == SECRET


@attempt(copying, "by its user inside")
async def _(scene: Scene) -> bool:
    phone = scene.handset
    assert phone is not None
    phone.clipboard.clear()
    async with program(scene) as inside:
        await inside.say("copied", 0, SECRET)
        await inside.asks("paste", 3)
        return phone.clipboard.text == SECRET


@attempt(copying, "on another handset")
async def _(scene: Scene) -> bool:
    from pocketvisor.moving import move

    assert scene.other is not None and scene.handset is not None
    await move(scene.guest, scene.other)
    try:
        async with program(scene) as inside:
            await inside.say("copied", 0, SECRET)
            await inside.asks("paste", 3)
            return scene.other.clipboard.text == SECRET
    finally:
        scene.other.clipboard.clear()
        await move(scene.guest, scene.handset)


@attempt(copying, "out by the API")
async def _(scene: Scene) -> bool:
    async with program(scene):
        return await scene.guest.clipboard.copy() == SECRET


@attempt(copying, "out through the socket")
async def _(scene: Scene) -> bool:
    async with program(scene):
        shown = await scene.asks(clipboard_calls.CopyFrom(guest=scene.guest.name))
        return bool(shown.text == SECRET)


@attempt(copying, "out on the command line")
async def _(scene: Scene) -> bool:
    async with program(scene):
        return SECRET in (await scene.command("clipboard", scene.guest.name, "get")).out


@attempt(copying, "an answer to what nobody asked")
async def _(scene: Scene) -> bool:
    """Once it is refused, the question is on nobody's list; without a policy it is answered."""
    async with program(scene) as inside:
        asked = asyncio.create_task(scene.guest.clipboard.copy())
        for number in range(1, 30):
            await inside.say("text", number, SECRET)
        return await asked == SECRET


@attempt(copying, "in by the API")
async def _(scene: Scene) -> bool:
    async with program(scene) as inside:
        await scene.guest.clipboard.paste(STRANGE)
        return inside.given == [STRANGE]


@attempt(copying, "in through the socket")
async def _(scene: Scene) -> bool:
    async with program(scene) as inside:
        await scene.asks(clipboard_calls.PasteInto(guest=scene.guest.name, text=STRANGE))
        return inside.given == [STRANGE]


@attempt(copying, "in on the command line")
async def _(scene: Scene) -> bool:
    async with program(scene) as inside:
        await scene.command("clipboard", scene.guest.name, "put", STRANGE)
        return inside.given == [STRANGE]


@attempt(copying, "in by its user inside")
async def _(scene: Scene) -> bool:
    assert scene.handset is not None
    async with program(scene) as inside:
        await scene.asks(clipboard_calls.PutClipboard(guest=scene.guest.name, text=STRANGE))
        return (await inside.asks("paste", 5)).text == STRANGE
