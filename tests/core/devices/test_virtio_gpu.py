"""virtio-gpu: what a driver flushes is on the pane and nothing else; what it gets wrong is an error code."""

import struct

import msgspec
import pytest
from gpu_driver import BASE, PIXELS, RAM_SIZE, Driver, cursor_picture, pixels, shown
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices import virtio_gpu_protocol as gpu
from pocketvisor.devices.edid import edid, millimetres
from pocketvisor.devices.virtio import CONFIG
from pocketvisor.devices.virtio_gpu import CONTROL_QUEUE, SetPanel
from pocketvisor.devices.virtio_gpu_resources import FORMATS, MEMORY_MAX, PIECES_MAX, RESOURCES_MAX

W, H = 96, 160


@pytest.fixture
def driver() -> Driver:
    driver = Driver(W, H)
    driver.start()
    return driver


def test_the_display_has_the_panels_size_and_its_edid_says_how_large_that_is(driver: Driver) -> None:
    answer = driver.send(gpu.GET_DISPLAY_INFO)
    assert struct.unpack_from("<I", answer) == (gpu.OK_DISPLAY_INFO,)
    assert gpu.MODE.unpack_from(answer, gpu.HEADER.size) == (0, 0, W, H, 1, 0)
    assert len(answer) == 24 + 16 * 24 and not any(answer[48:])
    answer = driver.send(gpu.GET_EDID, bytes(8))
    code, size = struct.unpack_from("<I20xI", answer)
    block = answer[32 : 32 + size]
    assert code == gpu.OK_EDID and len(answer) == 32 + 1024
    assert block == edid(W, H, 254.0) and sum(block) % 256 == 0
    assert block[66] | block[68] >> 4 << 8 == millimetres(W, H, 254.0)[0] == 10
    assert driver.code(gpu.GET_EDID, struct.pack("<II", 1, 0)) == gpu.ERR_INVALID_PARAMETER


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_every_format_becomes_x8r8g8b8(driver: Driver, format: int) -> None:
    names = {1: "BGRA", 2: "BGRX", 3: "ARGB", 4: "XRGB", 67: "RGBA", 68: "XBGR", 121: "ABGR", 134: "RGBX"}
    source = pixels(format, W * H)
    driver.picture(1, format, W, H, source)
    driver.show(1, 0, 0, W, H)
    driver.flush(1, 0, 0, W, H)
    seen = shown(driver, W, H)
    for at in range(0, len(source), 4):
        channels = dict(zip(names[format], source[at : at + 4], strict=True))
        assert (seen[at], seen[at + 1], seen[at + 2]) == (channels["B"], channels["G"], channels["R"])


def test_only_what_was_flushed_is_shown_and_told(driver: Driver) -> None:
    driver.picture(1, 2, W, H, bytes(W * H * 4))
    driver.show(1, 0, 0, W, H)
    assert driver.screen.scanouts == [(W, H, W * 4)]
    driver.flush(1, 0, 0, W, H)
    driver.screen.damage.clear()
    new = pixels(1, W * H)
    driver.ram[PIXELS - BASE : PIXELS - BASE + len(new)] = new
    offset = (20 * W + 10) * 4
    driver.ok(gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(10, 20, 30, 40, offset, 1))
    assert not any(shown(driver, W, H)), "transferred is not flushed"
    driver.flush(1, 12, 22, 8, 9)
    assert driver.screen.damage == [(12, 22, 20, 31)]
    seen = shown(driver, W, H)
    for y in range(H):
        row = slice((y * W) * 4, (y * W + W) * 4)
        expected = bytearray(W * 4)
        if 22 <= y < 31:
            expected[12 * 4 : 20 * 4] = new[row][12 * 4 : 20 * 4]
        assert seen[row] == expected


def test_a_transfer_gathers_its_pages_in_order(driver: Driver) -> None:
    source = pixels(7, W * H)
    rest = len(source) - 0x1000 - 60
    places = [(PIXELS + 0x9000, 0x1000), (PIXELS, 0), (PIXELS + 0x4, 60), (PIXELS + 0x20000, rest)]
    at = 0
    for address, length in places:
        driver.ram[address - BASE : address - BASE + length] = source[at : at + length]
        at += length
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(3, 2, W, H))
    driver.ok(gpu.RESOURCE_ATTACH_BACKING, driver.backing(3, *places))
    driver.show(3, 0, 0, W, H)
    for y in range(0, H, 10):  # in strips, half as wide as the picture
        for x in (0, W // 2):
            offset = (y * W + x) * 4
            driver.ok(gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(x, y, W // 2, 10, offset, 3))
    driver.flush(3, 0, 0, W, H)
    assert shown(driver, W, H) == source
    driver.ok(gpu.RESOURCE_DETACH_BACKING, gpu.RESOURCE.pack(3))
    assert driver.code(gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(0, 0, W, H, 0, 3)) == 0x1205


def test_a_part_of_a_larger_picture_can_be_shown(driver: Driver) -> None:
    source = pixels(9, 2 * W * H)
    driver.picture(1, 2, 2 * W, H, source)
    driver.show(1, W, 0, W, H)
    driver.flush(1, W - 5, 3, 10, 2)
    driver.flush(1, 0, 0, W, H)
    assert driver.screen.damage == [(0, 3, 5, 5)], "what is not seen damages nothing"
    assert shown(driver, W, 1) == source[W * 4 : 2 * W * 4]


def test_a_flip_between_two_pictures_shows_the_other_at_its_flush(driver: Driver) -> None:
    driver.picture(1, 2, W, H, b"\x11" * (W * H * 4))
    driver.picture(2, 2, W, H, b"\x22" * (W * H * 4))
    driver.show(1, 0, 0, W, H)
    driver.flush(1, 0, 0, W, H)
    driver.show(2, 0, 0, W, H)
    assert shown(driver, W, H)[:4] == b"\x11" * 4 and len(driver.screen.scanouts) == 1
    driver.flush(2, 0, 0, 1, 1)
    assert shown(driver, W, H) == b"\x22" * (W * H * 4)


def test_without_a_scanout_the_framebuffer_is_shown_again(driver: Driver) -> None:
    driver.picture(1, 2, W, H, b"")
    driver.show(1, 0, 0, W, H)
    driver.ok(gpu.SET_SCANOUT, gpu.SCANOUT.pack(0, 0, 0, 0, 0, 0))
    assert driver.screen.scanouts[-1] == (0, 0, 0)
    driver.show(1, 0, 0, W, H)
    driver.ok(gpu.RESOURCE_UNREF, gpu.RESOURCE.pack(1))
    assert driver.screen.scanouts[-1] == (0, 0, 0)
    driver.picture(1, 2, W, H, b"")
    driver.show(1, 0, 0, W, H)
    driver.reset()
    assert driver.screen.scanouts[-1] == (0, 0, 0) and len(driver.screen.scanouts) == 6


@pytest.mark.parametrize("format", [1, 2])
def test_the_cursor_lies_over_the_picture_and_leaves_no_trace(driver: Driver, format: int) -> None:
    """Of Linux's driver a cursor's format has no alpha, and its pixels have it."""
    base = b"\x40\x60\x80\x00" * (W * H)
    driver.picture(2, format, 64, 64, cursor_picture())
    driver.picture(1, 2, W, H, base)
    driver.show(1, 0, 0, W, H)
    driver.flush(1, 0, 0, W, H)
    driver.screen.damage.clear()
    driver.cursor(gpu.UPDATE_CURSOR, 10, 20, resource=2)
    assert driver.screen.damage == [(10, 20, 74, 84)]

    def at(x: int, y: int) -> bytes:
        return shown(driver, W, H)[(y * W + x) * 4 : (y * W + x) * 4 + 3]

    assert at(10, 20) == b"\xff\xff\xff" and at(9, 20) == base[:3] and at(10, 60) == base[:3]
    assert at(45, 25) == bytes((0x40 * 127 >> 8, 0x60 * 127 >> 8, 0x80 + (0x80 * 127 >> 8)))
    driver.flush(1, 0, 0, W, H)
    assert at(10, 20) == b"\xff\xff\xff", "a flush paints below the cursor"
    driver.cursor(gpu.MOVE_CURSOR, -16, -16)
    assert at(10, 20) == base[:3] and at(0, 0) == b"\xff\xff\xff" and at(16, 0) != b"\xff\xff\xff"
    driver.cursor(gpu.MOVE_CURSOR, W - 8, H - 8)
    assert at(W - 1, H - 1) == b"\xff\xff\xff" and at(0, H - 1) == base[:3]
    driver.cursor(gpu.MOVE_CURSOR, 100000, -(1 << 31))
    driver.cursor(gpu.UPDATE_CURSOR, 5, 5, resource=0)
    assert shown(driver, W, H) == base
    driver.cursor(gpu.UPDATE_CURSOR, 5, 5, resource=1)
    assert shown(driver, W, H) == base, "a cursor has 64x64 pixels"


def test_fences_come_back_with_their_answers(driver: Driver) -> None:
    kind, flags, fence, context = gpu.HEADER.unpack_from(driver.send(gpu.GET_DISPLAY_INFO, fence=1 << 40))
    assert (kind, flags, fence, context) == (gpu.OK_DISPLAY_INFO, 1, 1 << 40, 7)
    assert gpu.HEADER.unpack_from(driver.send(0x9999, fence=5)) == (gpu.ERR_UNSPEC, 1, 5, 7)
    assert gpu.HEADER.unpack_from(driver.send(gpu.GET_DISPLAY_INFO)) == (gpu.OK_DISPLAY_INFO, 0, 0, 0)


def test_a_new_size_is_told_until_the_driver_has_asked_for_it(driver: Driver) -> None:
    def events() -> int:
        return int(struct.unpack_from("<I", driver.config_space)[0])

    def clear() -> None:
        driver.config_space = driver.config_space[:4] + struct.pack("<I", 1) + driver.config_space[8:]
        driver.slot.serve(CONFIG)

    driver.send(gpu.GET_DISPLAY_INFO)
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(H, W)))
    assert events() == gpu.EVENT_DISPLAY and len(driver.configurations) == 1
    answer = driver.send(gpu.GET_DISPLAY_INFO)
    assert gpu.MODE.unpack_from(answer, 24)[2:4] == (H, W)
    clear()
    assert events() == 0
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(W, H)))
    clear()  # of the event before, on its way when the size changed
    assert events() == gpu.EVENT_DISPLAY
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(W, H)))
    assert len(driver.configurations) == 4, "the same size is no event"
    block = driver.send(gpu.GET_EDID, bytes(8))[32:160]
    assert block == edid(W, H, 254.0)


def test_a_driver_that_shows_nothing_of_a_new_size_gets_the_old_one_back(driver: Driver) -> None:
    driver.picture(1, 2, W, H, b"")
    driver.show(1, 0, 0, W, H)
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(H, W)))
    driver.loop.run()
    assert gpu.MODE.unpack_from(driver.send(gpu.GET_DISPLAY_INFO), 24)[2:4] == (H, W), "it shows something"
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(W, W)))
    driver.offer(gpu.HEADER.pack(gpu.SET_SCANOUT, 0, 0, 0) + gpu.SCANOUT.pack(0, 0, 0, 0, 0, 0))
    driver.slot.serve(CONTROL_QUEUE)
    driver.loop.run()
    assert gpu.MODE.unpack_from(driver.send(gpu.GET_DISPLAY_INFO), 24)[2:4] == (H, W)


def test_a_driver_that_takes_its_time_keeps_the_new_size(driver: Driver) -> None:
    driver.picture(1, 2, W, H, b"")
    driver.show(1, 0, 0, W, H)
    driver.gpu.control(msgspec.msgpack.encode(SetPanel(H, W)))
    driver.offer(gpu.HEADER.pack(gpu.SET_SCANOUT, 0, 0, 0) + gpu.SCANOUT.pack(0, 0, 0, 0, 0, 0))
    driver.slot.serve(CONTROL_QUEUE)
    for number in range(2, 32):  # it shows nothing for thirty looks, but is at work
        driver.loop.step()
        driver.offer(gpu.HEADER.pack(gpu.RESOURCE_CREATE_2D, 0, 0, 0) + gpu.CREATE.pack(number, 2, H, W))
        driver.slot.serve(CONTROL_QUEUE)
    driver.show(31, 0, 0, H, W)
    driver.loop.run()
    assert gpu.MODE.unpack_from(driver.send(gpu.GET_DISPLAY_INFO), 24)[2:4] == (H, W)


@pytest.mark.parametrize("data", [b"", b"\xc1", msgspec.msgpack.encode({"width": 1, "height": 1 << 40})])
def test_a_size_that_cannot_be_is_refused(driver: Driver, data: bytes) -> None:
    with pytest.raises(ValueError, match="panel"):
        driver.gpu.control(data)


BIG = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(0, 2, 8, 8), gpu.ERR_INVALID_RESOURCE_ID),
        (gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(1, 2, 8, 8), gpu.ERR_INVALID_RESOURCE_ID),
        (gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(5, 5, 8, 8), gpu.ERR_INVALID_PARAMETER),
        (gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(5, 2, 0, 8), gpu.ERR_INVALID_PARAMETER),
        (gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(5, 2, BIG, BIG), gpu.ERR_INVALID_PARAMETER),
        (gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(5, 2, 8192, 8192), gpu.ERR_OUT_OF_MEMORY),
        (gpu.RESOURCE_UNREF, gpu.RESOURCE.pack(9), gpu.ERR_INVALID_RESOURCE_ID),
        (gpu.SET_SCANOUT, gpu.SCANOUT.pack(0, 0, W, H, 1, 1), gpu.ERR_INVALID_SCANOUT_ID),
        (gpu.SET_SCANOUT, gpu.SCANOUT.pack(0, 0, W, H, 0, 9), gpu.ERR_INVALID_RESOURCE_ID),
        (gpu.SET_SCANOUT, gpu.SCANOUT.pack(1, 0, W, H, 0, 1), gpu.ERR_INVALID_PARAMETER),
        (gpu.SET_SCANOUT, gpu.SCANOUT.pack(BIG, BIG, BIG, BIG, 0, 1), gpu.ERR_INVALID_PARAMETER),
        (gpu.SET_SCANOUT, gpu.SCANOUT.pack(0, 0, 0, 0, 0, 1), gpu.ERR_INVALID_PARAMETER),
        (gpu.RESOURCE_FLUSH, gpu.FLUSH.pack(0, 0, W + 1, H, 1), gpu.ERR_INVALID_PARAMETER),
        (gpu.RESOURCE_FLUSH, gpu.FLUSH.pack(0, 0, W, H, BIG), gpu.ERR_INVALID_RESOURCE_ID),
        (gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(0, 1, W, H, 0, 1), gpu.ERR_INVALID_PARAMETER),
        (gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(0, 0, W, H, 1 << 63, 1), gpu.OK_NODATA),
        (gpu.RESOURCE_ATTACH_BACKING, gpu.ATTACH.pack(1, 0), gpu.ERR_UNSPEC),
        (gpu.RESOURCE_ATTACH_BACKING, gpu.ATTACH.pack(2, BIG), gpu.ERR_UNSPEC),
        (gpu.RESOURCE_ATTACH_BACKING, gpu.ATTACH.pack(2, 1), gpu.ERR_UNSPEC),
        (gpu.RESOURCE_ATTACH_BACKING, gpu.ATTACH.pack(2, 1) + gpu.ENTRY.pack(0, 4096), gpu.ERR_UNSPEC),
        (
            gpu.RESOURCE_ATTACH_BACKING,
            gpu.ATTACH.pack(2, 1) + gpu.ENTRY.pack(BASE + RAM_SIZE - 1, 2),
            gpu.ERR_UNSPEC,
        ),
        (
            gpu.RESOURCE_ATTACH_BACKING,
            gpu.ATTACH.pack(2, 1) + gpu.ENTRY.pack((1 << 64) - 1, BIG),
            gpu.ERR_UNSPEC,
        ),
        (gpu.RESOURCE_DETACH_BACKING, gpu.RESOURCE.pack(2), gpu.ERR_UNSPEC),
        (gpu.RESOURCE_FLUSH, b"\x00" * 3, gpu.ERR_UNSPEC),
        (gpu.GET_EDID, b"", gpu.ERR_UNSPEC),
        (0x0108, bytes(64), gpu.ERR_UNSPEC),
        (gpu.UPDATE_CURSOR, bytes(64), gpu.ERR_UNSPEC),
    ],
)
def test_what_cannot_be_done_is_answered_with_the_standards_code(
    driver: Driver, kind: int, body: bytes, code: int
) -> None:
    driver.picture(1, 2, W, H, b"")
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(2, 2, 8, 8))
    assert driver.code(kind, body) == code
    assert driver.broken == 0


def test_an_answer_that_does_not_fit_is_cut(driver: Driver) -> None:
    assert len(driver.send(gpu.GET_DISPLAY_INFO, room=24)) == 24
    assert driver.send(gpu.GET_DISPLAY_INFO, room=0) == b""
    assert len(driver.send(gpu.GET_DISPLAY_INFO, room=3)) == 3


def test_resources_are_bounded_in_number_bytes_and_pages(driver: Driver) -> None:
    for number in range(1, RESOURCES_MAX + 1):
        driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(number, 2, 16, 16))
    assert driver.code(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(5000, 2, 1, 1)) == gpu.ERR_OUT_OF_MEMORY
    for number in range(1, RESOURCES_MAX + 1):
        driver.ok(gpu.RESOURCE_UNREF, gpu.RESOURCE.pack(number))
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(1, 2, 4096, 4095))
    assert driver.code(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(2, 2, 64, 65)) == gpu.ERR_OUT_OF_MEMORY
    assert driver.gpu.commands.resources.bytes <= MEMORY_MAX
    pages = [(PIXELS + 8 * n, 4) for n in range(gpu.ENTRIES_MAX)]
    for number in range(10, 10 + PIECES_MAX // len(pages)):
        driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(number, 2, 1, 1))
        driver.ok(gpu.RESOURCE_ATTACH_BACKING, driver.backing(number, *pages))
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(99, 2, 1, 1))
    refused = driver.code(gpu.RESOURCE_ATTACH_BACKING, driver.backing(99, (PIXELS, 4)))
    assert refused == gpu.ERR_OUT_OF_MEMORY


def test_a_kick_does_so_much_and_the_rest_a_little_later(driver: Driver) -> None:
    driver.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(1, 4, 1024, 1024))
    driver.ok(gpu.RESOURCE_ATTACH_BACKING, driver.backing(1, (PIXELS, 4 << 20)))
    driver.posts.clear()
    for _ in range(10):
        driver.offer(
            gpu.HEADER.pack(gpu.TRANSFER_TO_HOST_2D, 0, 0, 0) + gpu.TRANSFER.pack(0, 0, 1024, 1024, 0, 1)
        )
    driver.slot.serve(CONTROL_QUEUE)
    assert 0 < len(driver.posts) < 10
    driver.loop.run()
    assert len(driver.posts) == 10


def test_an_answer_waits_while_the_machine_has_no_room_for_it(driver: Driver) -> None:
    driver.full = True
    driver.offer(gpu.HEADER.pack(gpu.RESOURCE_CREATE_2D, 0, 0, 0) + gpu.CREATE.pack(1, 2, W, H))
    driver.slot.serve(CONTROL_QUEUE)
    assert driver.posts == [] and driver.loop.later_on
    driver.full = False
    driver.loop.run()
    assert driver.posts == [(0, 24)]
    assert driver.code(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(1, 2, W, H)) == gpu.ERR_INVALID_RESOURCE_ID


numbers = st.one_of(
    st.sampled_from((0, 1, 2, 3, 15, 16, 64, W, H, W + 1, 1 << 16, 1 << 31, BIG)), st.integers(0, 80)
)
addresses = st.one_of(
    st.sampled_from(
        (0, BASE - 1, BASE, PIXELS, BASE + RAM_SIZE - 1, BASE + RAM_SIZE, 1 << 63, (1 << 64) - 1)
    ),
    st.integers(PIXELS, PIXELS + 0x10000),
)
command = st.one_of(
    st.tuples(
        st.just(gpu.RESOURCE_CREATE_2D),
        st.builds(gpu.CREATE.pack, numbers, st.sampled_from((*FORMATS, 0, 5, BIG)), numbers, numbers),
    ),
    st.tuples(
        st.sampled_from((gpu.RESOURCE_UNREF, gpu.RESOURCE_DETACH_BACKING, gpu.GET_EDID, 0x0108, 0x0200, BIG)),
        st.builds(gpu.RESOURCE.pack, numbers),
    ),
    st.tuples(st.just(gpu.SET_SCANOUT), st.builds(gpu.SCANOUT.pack, *[numbers] * 6)),
    st.tuples(st.just(gpu.RESOURCE_FLUSH), st.builds(gpu.FLUSH.pack, *[numbers] * 5)),
    st.tuples(
        st.just(gpu.TRANSFER_TO_HOST_2D),
        st.builds(gpu.TRANSFER.pack, *[numbers] * 4, st.one_of(numbers, addresses), numbers),
    ),
    st.tuples(
        st.just(gpu.RESOURCE_ATTACH_BACKING),
        st.builds(
            lambda number, count, entries: (
                gpu.ATTACH.pack(number, len(entries) if count is None else count)
                + b"".join(gpu.ENTRY.pack(*entry) for entry in entries)
            ),
            numbers,
            st.one_of(st.none(), numbers),
            st.lists(st.tuples(addresses, numbers), max_size=5),
        ),
    ),
    st.tuples(st.integers(0x0100, 0x010F), st.binary(max_size=40)),
)
cursor = st.tuples(
    st.sampled_from((gpu.UPDATE_CURSOR, gpu.MOVE_CURSOR)),
    st.sampled_from((0, 5, -70, W - 1, H, 1 << 30, -(1 << 31))),
    st.sampled_from((0, 5, -70, W - 1, H, 1 << 30, -(1 << 31))),
    numbers,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(command, cursor), max_size=40), st.booleans())
def test_no_command_raises_reaches_beyond_or_costs_more_than_its_bound(
    commands: list[tuple[int, ...]], saved: bool
) -> None:
    """The driver checks that nothing is written outside of what it offered."""
    driver = Driver(W, H, scanout_bytes=W * H * 4)
    driver.start()
    driver.picture(1, 1, W, H, pixels(1, W * H))
    driver.picture(64, 3, 64, 64, cursor_picture())
    driver.show(1, 0, 0, W, H)
    before = bytes(driver.ram[PIXELS - BASE :])
    for one in commands:
        if len(one) == 4:
            driver.cursor(*one)
        else:
            driver.send(*one)  # type: ignore[arg-type]
        resources = driver.gpu.commands.resources
        assert resources.bytes == sum(resource.size for resource in resources) <= MEMORY_MAX
        assert len(resources) <= RESOURCES_MAX
    assert driver.broken == 0
    assert driver.ram[PIXELS - BASE :] == before, "pixels are only ever read"
    for x0, y0, x1, y1 in driver.screen.damage:
        assert 0 <= x0 < x1 <= 8192 and 0 <= y0 < y1 <= 8192
    if saved:
        state = driver.slot.save()
        driver.make(W, H)
        driver.slot.restore(state)
        driver.start()
        assert driver.broken == 0
