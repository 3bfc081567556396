"""What is kept of a failed test: each guest's panel, console, counters and recording."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pocketvisor.errors import PocketvisorError
from pocketvisor.recording import Recording, write_recording
from pocketvisor.testing.guests import AsyncGuest
from pocketvisor.testing.handsets import AsyncHandset

_SECONDS = 30.0  # no guest takes that long: the host may
_LAST_LINES = 15


def folder_name(node: str) -> str:
    """A test's folder below the report's: its node id as a file name. Tests of xdist never share one."""
    return re.sub(r"[^A-Za-z0-9_.\[\]-]+", "-", node.replace("::", "--").replace("/", "--"))[-150:].strip(
        "-."
    )


def clear(folder: Path) -> None:
    """Take away what an earlier run left of the same test."""
    shutil.rmtree(folder, ignore_errors=True)


async def collect(handsets: Iterable[AsyncHandset], folder: Path) -> str:
    """Write the files; answers the section for pytest's report. Never raises for what a guest does."""
    parts: list[str] = []
    stems: set[str] = set()
    for handset in handsets:
        for guest in tuple(handset.guests):
            try:
                async with asyncio.timeout(_SECONDS):
                    parts.append(await _one(guest, handset, folder, _stem(guest.name, stems)))
            except (TimeoutError, PocketvisorError, OSError, ValueError) as problem:
                parts.append(
                    f"{guest.name}: nothing more could be had of it: {problem or 'it took too long'}"
                )
    return "\n\n".join(parts)


def _stem(name: str, taken: set[str]) -> str:
    """A guest's file name: two handsets may have guests of one name."""
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower())
    stem, number = plain, 2
    while stem in taken:
        stem, number = f"{plain}-{number}", number + 1
    taken.add(stem)
    return stem


async def _one(guest: AsyncGuest, handset: AsyncHandset, folder: Path, stem: str) -> str:
    counters, state, problem = guest.counters(), guest.state, guest.api.problem
    files = {f"{stem}.png": await guest.api.screenshot(), f"{stem}.console.txt": guest.output}
    if guest.api.options.record:
        try:
            files[f"{stem}.pvrec"] = await _recording(guest)
        except PocketvisorError as none:
            problem = f"{problem} (no recording: {none})".strip()
    facts = {
        "guest": guest.name,
        "handset": handset.model.id,
        "image": {field: os.fspath(path) for field, path in guest.api.image.files.items()},
        "state": state,
        "problem": problem,
        "process": guest.api.crash_report,
        "counters": msgspec.to_builtins(counters),
    }
    files[f"{stem}.json"] = msgspec.json.format(msgspec.json.encode(facts), indent=1)
    await asyncio.to_thread(_write, folder, files)
    lines = guest.text.splitlines()[-_LAST_LINES:]
    headline = f"{guest.name} on {handset.model.name}: {state.value} at tick {counters.ticks}. {problem}"
    return "\n".join(
        [
            headline.rstrip(),
            *(f"  {folder / name}" for name in files),
            *(["its console's last lines:", *(f"  | {line}" for line in lines)] if lines else []),
        ]
    )


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def _recording(guest: AsyncGuest) -> bytes:
    recording = await guest.recording()
    return await asyncio.to_thread(_packed, recording)


def _packed(recording: Recording) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        write_recording(path, recording)
        return path.read_bytes()
