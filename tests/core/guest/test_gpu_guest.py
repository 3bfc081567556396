"""Linux's own driver on our virtio-gpu: what it draws is on the panel, and it follows a panel that turns."""

import asyncio
import io
import struct
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from pocketvisor.errors import MissingImage
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue, image_from_files
from pocketvisor.models import load_models

sys.path.insert(0, str(Path(__file__).parents[2]))

pytestmark = pytest.mark.debian


@pytest.fixture
async def nexus() -> AsyncIterator[Handset]:
    handset = Handset(load_models()["nexus-one"])
    yield handset
    await handset.close()


@pytest.fixture
def drawing(tmp_path: Path) -> GuestImage:
    """Debian's kernel with the benchmark's program, which draws for ten minutes."""
    from benchmarks import gpu

    try:
        kernel, initrd = gpu.files(tmp_path, seconds=600)
    except MissingImage as missing:
        pytest.skip(str(missing))
    append = "console=ttyAMA0 quiet rdinit=/gpu-init"
    return image_from_files(kernel=kernel, initrd=initrd, append=append, name="draws", ram_mib=256)


async def picture(guest: Guest) -> Image.Image:
    return Image.open(io.BytesIO(await guest.screenshot()))


async def pixels(guest: Guest) -> str:
    """Their digest: where two differ, pytest would compare all bytes of them for minutes."""
    return sha256((await picture(guest)).tobytes()).hexdigest()


def changes(guest: Guest) -> int:
    """How often it was said what the panel shows, also where nobody had time to look in between."""
    generation: int = struct.unpack_from("<I", guest.status._map, 0x220)[0]
    return generation // 2


async def is_drawn(guest: Guest, size: tuple[int, int]) -> None:
    """The program's picture has this size: red in its corner, white in the moving band, nothing of an old one
    elsewhere. A guest need not wait until the handset has read what it drew: the picture may have a part of
    the next one, and then there is another soon."""
    async with asyncio.timeout(60):
        while not _whole(seen := await picture(guest), size):
            await guest.resume()
            await frames(guest, 1)
            await guest.pause()
    assert seen.size == size


def _whole(seen: Image.Image, size: tuple[int, int]) -> bool:
    if seen.size != size or seen.getpixel((3, 3)) != (255, 0, 0):
        return False
    left, right = seen.crop((20, 0, 21, size[1])), seen.crop((size[0] - 1, 0, size[0], size[1]))
    return left.tobytes() == right.tobytes() and b"\xff\xff\xff" in left.tobytes()  # a row has one colour


async def frames(guest: Guest, more: int) -> None:
    """Until it has drawn so many."""
    before = guest.panel.sequence
    async with asyncio.timeout(60):
        while guest.panel.sequence < before + more:
            await asyncio.sleep(0.02)


async def test_a_guest_that_follows_draws_upright_however_the_phone_is_held_and_over_a_restore(
    nexus: Handset, drawing: GuestImage
) -> None:
    guest = await nexus.start(drawing, options=RunOptions(rate="max", display="gpu"))
    sizes: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
    guest.on("panel", lambda: sizes.put_nowait((guest.panel.width, guest.panel.height)))
    await guest.console.expect("GPU size=480x800", timeout=300)
    for degrees, size in ((90, (800, 480)), (180, (480, 800)), (270, (800, 480)), (0, (480, 800))):
        nexus.rotate(degrees)
        await guest.console.expect(f"GPU size={size[0]}x{size[1]}", timeout=60)
        before = guest.panel.sequence
        async with asyncio.timeout(60):
            while guest.panel.picture[:2] != size or guest.panel.sequence < before + 4:
                await asyncio.sleep(0.02)
        await guest.pause()
        await is_drawn(guest, size)
        await guest.resume()
    assert (800, 480) in [sizes.get_nowait() for _ in range(sizes.qsize())]

    # Saved and restored it shows the same picture, and draws on.
    await frames(guest, 5)
    await guest.pause()
    state = await guest.save()
    old = await pixels(guest)
    await guest.put_back(state)
    assert await pixels(guest) == old
    await guest.resume()
    await frames(guest, 5)
    await guest.pause()
    assert await pixels(guest) != old
    await is_drawn(guest, (480, 800))


async def test_the_framebuffer_console_follows_a_turn_and_a_recording_of_it_replays_to_the_same_picture(
    nexus: Handset,
) -> None:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    guest = await nexus.start(image, options=RunOptions(rate="max", display="gpu", record=True))
    await guest.console.expect("# ", timeout=300)
    assert guest.panel.picture == (480, 800, 1920, True)
    before = changes(guest)
    nexus.rotate(90)
    async with asyncio.timeout(60):  # while it follows the turn it shows nothing of its own
        while changes(guest) < before + 2 or not guest.panel.picture.scanout:
            await asyncio.sleep(0.05)
    assert guest.panel.picture == (480, 800, 1920, True)
    async with asyncio.timeout(60):  # and then the console's text is there again
        while len((await picture(guest)).getcolors() or ()) < 2:
            await asyncio.sleep(0.05)

    guest.console.write(b"ls -l /bin > /dev/tty0; sleep 1; echo END\n")
    await guest.console.expect("^END", timeout=60)
    recording = await guest.recording()
    again = await nexus.start(image, options=RunOptions(rate="max", replay=recording, skip_idle=True))
    async with asyncio.timeout(300):
        stop = await again.wait_stopped()
    assert (stop.ticks, await again.digest()) == (recording.end.ticks, recording.end.digest)
    async with asyncio.timeout(60):  # a GPU publishes a picture when it gets to it, once a frame at most
        while not again.panel.picture.scanout or await pixels(again) != await pixels(guest):
            await asyncio.sleep(0.05)
