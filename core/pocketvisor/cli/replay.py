"""`pocketvisor replay`: what was recorded of a guest happens again, to be compared or to be looked into."""

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json
from pocketvisor.cli.run import DEFAULT_MODEL
from pocketvisor.cli.unlocking import Identity, KeyFile, PassphraseFile


def add_to(app: typer.Typer) -> None:
    app.command("replay")(replay)


def replay(
    recording: Annotated[
        str, typer.Argument(metavar="FILE|PROFILE", help="A recording's file, or a profile that keeps one.")
    ],
    generation: Annotated[
        str | None, typer.Option("--generation", "-g", help="Of a profile: which; else the newest with one.")
    ] = None,
    look: Annotated[
        bool, typer.Option("--open", help="Stand where it ends, for 'pocketvisor debug' to go back in it.")
    ] = False,
    handset: Annotated[str, typer.Option("--handset", help="A model, or a model's file.")] = DEFAULT_MODEL,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Do again all that 'pocketvisor debug GUEST record' kept, and compare memory and clock at each moment.

    It is the same on every machine: the digest at its end says so. Exit code 1 where it came out otherwise.
    """
    from pocketvisor.cli.plan import chosen_model
    from pocketvisor.handset import Handset

    model = chosen_model(handset)
    with contextlib.ExitStack() as closing:
        file = _file(recording, generation, (passphrase_file, identity, key_file), closing)

        async def main() -> int:
            own = Handset(model)
            try:
                return await (_stand(own, file) if look else _compare(own, file, json))
            finally:
                await own.close()

        raise typer.Exit(asyncio.run(main()))


def _file(text: str, generation: str | None, keys: tuple[Any, ...], closing: contextlib.ExitStack) -> Path:
    """The recording; one of a profile is taken out to a temporary file. Raises ProfileError, DebugError."""
    from pocketvisor.cli.profile_files import chosen_generation, opened
    from pocketvisor.debug.timeline.kept import recordings_in, take_out
    from pocketvisor.errors import DebugError
    from pocketvisor.profiles import find_profile

    path = Path(text)
    if not path.is_file():
        path = find_profile(text)
    with opened(path, *keys, read_only=True) as file:
        within = recordings_in(file)
        if not within and generation is None:
            return path
        number = chosen_generation(file, generation).number if generation is not None else within[-1]
        if number not in within:
            others = f"; one is in {', '.join(map(str, within))}" if within else ""
            raise DebugError(f"Generation {number} of {path.stem} has no recording{others}")
        folder = Path(tempfile.mkdtemp(prefix="pocketvisor-recording-"))
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        take_out(file, number, folder / "recording.vphone")
        return folder / "recording.vphone"


async def _compare(handset: Any, file: Path, json: bool) -> int:
    from pocketvisor.cli.progress import shown_progress
    from pocketvisor.debug.timeline.kept import replay_recording

    with shown_progress("Replaying", shown=not json) as tell:
        report = await replay_recording(handset, file, tell)
    if json:
        print_json(report)
    else:
        typer.echo(
            f"{report.moments} moments, {report.ticks} ticks in {report.seconds:.1f} s, "
            f"digest {report.digest}"
        )
        for difference in report.differences:
            fail(difference)
    return EXIT_ERROR if report.differences else 0


async def _stand(handset: Any, file: Path) -> int:
    """Until Ctrl+C."""
    from pocketvisor.control.server import WorkbenchServer, run_socket_path
    from pocketvisor.debug.timeline.kept import open_recording
    from pocketvisor.services.workbench import WorkbenchService

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    guest = await open_recording(handset, file)
    server = WorkbenchServer(WorkbenchService(lambda: [handset], dict), run_socket_path())
    await server.open()
    try:
        name = guest.name.lower() if " " not in guest.name else f"'{guest.name}'"
        print(
            f"{guest.name} stands where its recording ends: 'pocketvisor debug {name} ...'", file=sys.stderr
        )
        await ended.wait()
    finally:
        await server.close()
    return 0
