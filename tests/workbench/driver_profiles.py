"""Profiles of driven guests: real profile files, with a few bytes for a guest."""

import asyncio
import io
import time
from pathlib import Path
from typing import Any

from PIL import Image

from pocketvisor.errors import ProfileError
from pocketvisor.guest.options import StopReason
from pocketvisor.profile.file import ProfileFile

_CHUNK = 4096


class DriverProfile:
    """As pocketvisor.guest.keeping.GuestProfile."""

    def __init__(self, guest: Any, file: ProfileFile) -> None:
        self.file = file
        self.generation = 0
        self.saved_ns = 0
        self.autosave: float | None = None
        self.saving = False
        self.problem = ""
        self._guest = guest

    @property
    def path(self) -> Path:
        return self.file.path

    async def save(self, kind: Any, name: str, progress: Any) -> Any:
        self.saving = True
        self._guest.tell("profile")
        if progress is not None:
            progress("Saving ram", 0.5)
        try:
            made = await asyncio.to_thread(self._write, kind, name, self._guest.contents, self._picture())
        finally:
            self.saving = False
        self.generation, self.saved_ns = made.number, time.time_ns()
        self._guest.tell("profile")
        return made

    def cancel(self) -> None:
        """What it saves is saved in a moment: there is nothing to give up."""

    def _write(self, kind: Any, name: str, contents: bytes, picture: bytes) -> Any:
        with self.file.begin(self.generation) as saving:
            padded = contents.ljust(_CHUNK, b"\0")
            space = saving.space("ram", _CHUNK, _CHUNK, None, None, lambda _: padded)
            return saving.commit(name=name, kind=kind, spaces=[space], thumbnail=picture)

    def _picture(self) -> bytes:
        height, width = self._guest.panel.pixels.shape
        image = Image.frombytes("RGB", (width, height), self._guest.panel.pixels.tobytes(), "raw", "BGRX")
        image.thumbnail((96, 160))
        file = io.BytesIO()
        image.save(file, "png")
        return file.getvalue()


class KeptDriver:
    """What a driven guest does with its profile."""

    profile: DriverProfile | None = None
    contents = b"as it was first"
    restored: tuple[int, ...] = ()
    stop_reason: StopReason | None = None
    name: str

    async def keep(self, path: Path, *, keys: Any = None, name: str = "", progress: Any = None) -> Any:
        file = await asyncio.to_thread(ProfileFile.create, path, keys)
        self.profile = DriverProfile(self, file)
        return await self.profile.save("snapshot", name, progress)

    def _kept(self) -> DriverProfile:
        if self.profile is None:
            raise ProfileError(f"{self.name} is not kept in a profile yet")
        return self.profile

    async def snapshot(self, name: str = "", *, progress: Any = None) -> Any:
        return await self._kept().save("snapshot", name, progress)

    async def suspend(self, *, progress: Any = None) -> Any:
        generation = await self._kept().save("suspend", "", progress)
        guest: Any = self
        guest.stop_reason = StopReason("suspended", 0)
        guest.become(type(guest.state).OFF)
        return generation

    async def restore(self, generation: int) -> None:
        profile, guest = self._kept(), self
        manifest = await asyncio.to_thread(profile.file.manifest, generation)
        space = manifest.space("ram")
        assert space is not None
        guest.contents = bytes(profile.file.reader(space).chunk(0)).rstrip(b"\0")
        await asyncio.to_thread(profile.file.set_head, generation)
        profile.generation, profile.saved_ns = generation, manifest.created_ns
        guest.restored = (*guest.restored, generation)
        driven: Any = guest
        driven.stop_reason = None
        driven.become(type(driven.state).RUNNING)
        driven.tell("profile")

    def set_autosave(self, seconds: float | None) -> None:
        self._kept().autosave = seconds
        driven: Any = self
        driven.tell("profile")

    def close_profile(self) -> None:
        profile, self.profile = self.profile, None
        if profile is not None:
            profile.file.close()


def opened(guest: Any, path: Path, unlock: Any, generation: int | None) -> DriverProfile:
    """Of a guest that is run from a profile. Blocks. Raises ProfileError."""
    file = ProfileFile.open(path)
    try:
        if file.locked:
            file.unlock(unlock)
        head = file.head if generation is None else generation
        manifest = file.manifest(head)
    except BaseException:
        file.close()
        raise
    profile = DriverProfile(guest, file)
    profile.generation, profile.saved_ns = head, manifest.created_ns
    space = manifest.space("ram")
    assert space is not None
    guest.contents = bytes(file.reader(space).chunk(0)).rstrip(b"\0")
    return profile
