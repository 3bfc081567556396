"""virtio-gpu saved and restored: the same pictures, whatever the guest's RAM holds by then, or not yet."""

import msgspec
import pytest
from gpu_driver import BASE, PIXELS, Driver, cursor_picture, pixels, shown

from pocketvisor.devices import virtio_gpu_protocol as gpu
from pocketvisor.devices.virtio_gpu import CONTROL_QUEUE, SetPanel

W, H = 96, 160


@pytest.fixture
def driver() -> Driver:
    driver = Driver(W, H)
    driver.start()
    return driver


def test_a_restored_device_shows_the_same_picture_and_goes_on(driver: Driver) -> None:
    source = pixels(3, W * H)
    driver.picture(2, 1, 64, 64, cursor_picture())
    driver.picture(1, 2, W, H, source)
    driver.picture(3, 2, 16, 16, pixels(4, 256))
    driver.show(1, 0, 0, W, H)
    driver.flush(1, 0, 0, W, H)
    driver.cursor(gpu.UPDATE_CURSOR, 10, 20, resource=2)
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(H, W)))
    driver.ram[PIXELS - BASE] ^= 0xFF  # the driver draws on, and has not told of it
    driver.full = True
    driver.offer(gpu.HEADER.pack(gpu.RESOURCE_UNREF, 0, 0, 0) + gpu.RESOURCE.pack(3))
    driver.slot.serve(CONTROL_QUEUE)
    before = shown(driver, W, H)
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(driver.slot.save()))
    driver.scanout[:] = bytes(len(driver.scanout))
    driver.screen.scanouts.clear()
    driver.posts.clear()
    driver.full = False
    driver.make(W, H)
    driver.slot.restore(saved)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(driver.slot.save()))
    assert again == saved, "nothing is lost by saving again before it goes on"
    driver.start()
    assert driver.screen.scanouts == [(W, H, W * 4)] and shown(driver, W, H) == before
    assert driver.posts == [(0, 24)], "the answer that waited is given"
    assert driver.code(gpu.RESOURCE_UNREF, gpu.RESOURCE.pack(3)) == gpu.ERR_INVALID_RESOURCE_ID
    driver.flush(1, 0, 0, W, H)
    assert gpu.MODE.unpack_from(driver.send(gpu.GET_DISPLAY_INFO), 24)[2:4] == (H, W)


def test_pixels_are_saved_where_the_backing_has_changed_and_nowhere_else(driver: Driver) -> None:
    size = 1024 * 700 * 4
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(7, 2, 1024, 700))
    driver.ok(gpu.RESOURCE_ATTACH_BACKING, driver.backing(7, (PIXELS, size)))
    driver.ram[PIXELS - BASE : PIXELS - BASE + size] = source = pixels(7, 1024 * 700)
    driver.ok(gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(0, 0, 1024, 700, 0, 7))
    assert len(msgspec.msgpack.encode(driver.slot.save())) < 4096
    driver.ram[PIXELS - BASE : PIXELS - BASE + size] = bytes(size)
    state = driver.slot.save()
    driver.make(W, H)
    driver.slot.restore(state)
    driver.start()
    assert driver.gpu.commands.resources.get(7).pixels == source


def test_a_picture_waits_for_what_of_its_backing_is_not_loaded(driver: Driver) -> None:
    driver.ram[PIXELS - BASE : PIXELS - BASE + W * H * 4] = source = pixels(1, W * H)
    asked: list[tuple[int, int]] = []
    driver.require = lambda *piece: asked.append(piece)
    driver.make(W, H)
    driver.start()
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(1, 2, W, H))
    driver.ok(
        gpu.RESOURCE_ATTACH_BACKING, driver.backing(1, (PIXELS, 4096), (PIXELS + 4096, W * H * 4 - 4096))
    )
    assert not any(PIXELS <= address < PIXELS + W * H * 4 for address, _ in asked), "before it is looked at"
    driver.ok(gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(0, 4, W, 8, 4 * W * 4, 1))
    assert (PIXELS + 4 * W * 4, 8 * W * 4) in asked
    saved = driver.slot.save()
    assert (PIXELS, W * H * 4) not in asked, "nor to be saved"
    driver.require = None
    driver.make(W, H)
    driver.slot.restore(saved)
    driver.start()
    restored = driver.gpu.commands.resources.get(1).pixels
    assert restored[4 * W * 4 : 12 * W * 4] == source[4 * W * 4 : 12 * W * 4]
    assert not any(restored[12 * W * 4 :])


def test_a_state_that_cannot_be_is_refused(driver: Driver) -> None:
    driver.picture(1, 2, W, H, b"")
    driver.show(1, 0, 0, W, H)
    driver.ram[PIXELS - BASE] ^= 0xFF
    good = driver.slot.save()
    for change in (
        {"resources": []},
        {"part": (0, 0, W + 1, H)},
        {"resources": [*good["device"]["resources"], *good["device"]["resources"]]},
        {"resources": [{**good["device"]["resources"][0], "pixels": b"x"}]},
        {"resources": [{**good["device"]["resources"][0], "width": 0xFFFFFFFF}]},
        {"resources": [{**good["device"]["resources"][0], "backing": [(0, 4096)]}]},
        {"cursor": bytes(1 << 20)},
        {"waiting": []},
        {"width": 1},
    ):
        driver.make(W, H)
        with pytest.raises(ValueError):
            driver.slot.restore({**good, "device": {**good["device"], **change}})
            driver.start()
