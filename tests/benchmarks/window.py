"""The benchmarks of the window: run in a process of their own, for Qt has one application in each.

`measure_in_window("panes", bench)` runs `python -m benchmarks.window panes ...`, which opens the workbench
offscreen with real guests, runs the scenario of that name in gui_NAME.py, and prints its samples as JSON.
"""

import asyncio
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bench import Bench, CannotMeasure

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset
    from pocketvisor_workbench.window import Window

Answer = dict[str, list[float]]
SIZE = (1440, 900)
_SECONDS = 900.0


async def measure_in_window(name: str, bench: Bench) -> Answer:
    """Samples by name, from a workbench in a process of its own."""
    tests = Path(__file__).parents[1]
    paths = [str(tests), *filter(None, [os.environ.get("PYTHONPATH")])]
    folders = ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(paths)}
    environment |= {folder: str(bench.folder) for folder in folders}  # not the user's layout and socket
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"{Path(__file__).parent.name}.window", name, *["--quick"][: bench.quick]),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = "\n".join(errors.decode(errors="replace").splitlines()[-6:])
        raise CannotMeasure(f"the workbench ended with {process.returncode}: {last}")
    answer: Answer = json.loads(output.decode().splitlines()[-1])
    return answer


class Workbench:
    """An open window with its session, and what scenarios need of both."""

    def __init__(self, window: "Window", quick: bool) -> None:
        self.window = window
        self.quick = quick

    async def put(self, model: str, *images: str) -> "Handset":
        """A handset with these guests, once they have come to their prompts."""
        session = self.window.session
        handset = session.add_handset(session.models[model])
        for image in images:
            session.start_guest(handset, session.images[image])
        await until(lambda: len(handset.guests) == len(images), 30)
        for guest in handset.guests:
            await guest.console.expect("> ", 60)
        self.window.stage.arrange()
        return handset

    def pane(self, guest: "Guest") -> Any:
        """Where a guest is seen."""
        return self.window.stage.pane_of(guest)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the window go on until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def command(guest: "Guest", line: str, answer: str, seconds: float = 60.0) -> str:
    """A line typed into a sample guest's console, and what matches its answer."""
    guest.console.write(f"{line}\r".encode())
    found = await guest.console.expect(answer, seconds)
    return found[0]


async def _scenario(name: str, quick: bool) -> Answer:
    from pocketvisor.api import catalogue, load_models
    from pocketvisor_workbench.bench import Bench as Parts
    from pocketvisor_workbench.metrics import Sampler
    from pocketvisor_workbench.run import make_application
    from pocketvisor_workbench.session import Session
    from pocketvisor_workbench.settings import Settings
    from pocketvisor_workbench.theme import Theme
    from pocketvisor_workbench.window import Window

    session = Session(load_models(), catalogue())
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(session, Sampler(session), Theme(make_application()))
        window = Window(parts, Settings(Path(folder) / "workbench.ini"))
        window.restore_layout()
        window.resize(*SIZE)
        window.show()
        try:
            module = importlib.import_module(f".gui_{name}", __package__)
            answer: Answer = await module.scenario(Workbench(window, quick))
            return answer
        finally:
            window.close()
            await session.close()


def main(name: str, quick: bool) -> None:
    """In the process of its own."""
    import gc

    import qasync

    from pocketvisor_workbench.run import make_application

    loop = qasync.QEventLoop(make_application())
    asyncio.set_event_loop(loop)
    gc.collect()
    gc.freeze()  # as the workbench itself does
    with loop:
        print(json.dumps(loop.run_until_complete(_scenario(name, quick))), flush=True)
    os._exit(0)  # Qt's own end is not what is measured


if __name__ == "__main__":
    main(sys.argv[1], "--quick" in sys.argv)
