"""Debian at its prompt, booted once for all tests of a session that begin there. Each goes on from that
moment in a guest of its own, as from a profile that is only read.

Tests of the boot itself, of recordings and of runs that have to come out alike start their own.
"""

from pathlib import Path

import pytest
from msgspec import structs

from pocketvisor.api import Guest, GuestImage, Handset, RunOptions, catalogue, load_models
from pocketvisor.guest.origin import ProfileOrigin, options_of
from pocketvisor.images import cpio
from pocketvisor.profile.file import ProfileFile

BOOT_SECONDS = 300
PROMPT = r"^debian:/root# "
PARTS = ("rng", "balloon", "console", "modem")
VSOCK_PIPE = Path(__file__).with_name("vsock_pipe.elf")
CLIPBOARD = Path(__file__).parents[3] / "resources" / "debian" / "clipboard"
WITH_CLIPBOARD = 4
"""The recipe of Debian's first disk from which on it speaks for its clipboard by itself."""


def debian_image(folder: Path) -> GuestImage:
    """Debian with a program for sockets, and the clipboard's script as it is here now."""
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    assert image.initrd is not None
    added = cpio.pack(
        [
            cpio.file("bin/vsock_pipe", VSOCK_PIPE.read_bytes(), executable=True),
            cpio.file("bin/clipboard", CLIPBOARD.read_bytes(), executable=True),
        ]
    )
    first = image.initrd.read_bytes()
    initrd = folder / "initrd"
    initrd.write_bytes(first + bytes(-len(first) % 4) + added)
    return structs.replace(image, initrd=initrd, digests={})


class Booted:
    """Its generations, one for each amount of RAM, and who goes on from them."""

    def __init__(self, image: GuestImage, folder: Path) -> None:
        self._image = image
        self._folder = folder
        self._going: list[tuple[Guest, ProfileOrigin]] = []

    async def start(
        self, phone: Handset, *, ram_mib: int = 256, vsock: Path | None = None, rate: str = "max"
    ) -> Guest:
        """Debian with PARTS and sockets, at its prompt. `vsock`: where the host meets it."""
        path = self._folder / f"{ram_mib}.vphone"
        if not path.exists():
            await self._boot(path, ram_mib)
        file = ProfileFile.open(path, read_only=True)
        origin = ProfileOrigin(file, file.manifest(file.head))
        try:
            options = structs.replace(options_of(origin), rate=rate, vsock=vsock)
            guest = await phone.start(origin.image, options=options)
        except BaseException:
            origin.close()
            file.close()
            raise
        self._going.append((guest, origin))
        guest.console.write(b"\r")
        await guest.console.expect(PROMPT, 120)
        return guest

    async def _boot(self, path: Path, ram_mib: int) -> None:
        """On a phone of its own; this computer's ledger hears nothing of it."""
        phone = Handset(load_models()["galaxy-s2"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pocketvisor.profile.ledger.ledger_path", lambda: self._folder / "ledger.sqlite")
            try:
                options = RunOptions(
                    rate="max",
                    ram_mib=ram_mib,
                    parts=PARTS,
                    vsock=self._folder / "vsock",
                )
                guest = await phone.start(self._image, options=options)
                await guest.console.expect(PROMPT, BOOT_SECONDS)
                if catalogue()["debian"].recipe < WITH_CLIPBOARD:
                    guest.console.write(b"(clipboard serve > /tmp/log 2>&1 &)\r")
                    await guest.console.expect(PROMPT, 30)
                await guest.keep(path)
            finally:
                await phone.close()

    async def close(self) -> None:
        """Ends those of them that are still there."""
        for guest, origin in self._going:
            await guest.handset.remove(guest)
            origin.close()
            origin.file.close()
        self._going.clear()
