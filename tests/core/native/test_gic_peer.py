"""The GIC answers random accesses as QEMU's does."""

import random

import pytest
from native_machines import CPU_INTERFACE, DISTRIBUTOR, STOP, Guest, read, write
from qemu_words import QEMU, qemu_words

pytestmark = [pytest.mark.guest_process, pytest.mark.skipif(QEMU is None, reason="no qemu-system-arm")]

LINES = (27, 33, 34, 48, 50, 5, 9, 100, 287)
PRIORITIES = (0, 0x20, 0x40, 0x48, 0x80, 0xA0, 0xF8)
CPU_REGISTERS = (0x00, 0x04, 0x08, 0x14, 0x18, 0x1C, 0xD0, 0xD4, 0xD8, 0xDC, 0xFC)
DISTRIBUTOR_REGISTERS = (0x000, 0x004, 0x008, 0x800, 0x820, 0xF10, 0xF14, 0xF18, 0xFD0, 0xFE0, 0xFE8, 0xFF0)


def step(chance: random.Random) -> list[int]:
    line = chance.choice(LINES)
    word, bit = line // 32 * 4, 1 << line % 32
    read_one = chance.choice(
        [
            *(CPU_INTERFACE + offset for offset in CPU_REGISTERS),
            *(DISTRIBUTOR + offset for offset in DISTRIBUTOR_REGISTERS),
            *(DISTRIBUTOR + base + word for base in (0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380)),
            DISTRIBUTOR + 0x400 + line // 4 * 4,
            DISTRIBUTOR + 0xC00 + line // 16 * 4,
        ]
    )
    sgi = chance.choice((2 << 24, 1 << 16, 1 << 24, 0)) | chance.choice((5, 9))
    steps = (
        lambda: write(DISTRIBUTOR + 0x100 + word, bit),
        lambda: write(DISTRIBUTOR + 0x180 + word, bit),
        lambda: write(DISTRIBUTOR + 0x200 + word, bit),
        lambda: write(DISTRIBUTOR + 0x280 + word, bit),
        lambda: write(DISTRIBUTOR + 0x380 + word, bit),
        lambda: write(DISTRIBUTOR + 0x080 + word, chance.choice((0, 0, bit))),
        lambda: write(DISTRIBUTOR + 0x400 + line, chance.choice(PRIORITIES), 1),
        lambda: write(DISTRIBUTOR + 0xF00, sgi),
        lambda: write(DISTRIBUTOR, chance.choice((1, 1, 3))),
        lambda: write(CPU_INTERFACE, chance.choice((1, 1, 1, 3, 7, 0x201, 0x17))),
        lambda: write(
            CPU_INTERFACE + chance.choice((0x04, 0x08, 0x1C)), chance.choice((0, 1, 3, 5, 0x50, 0xFF))
        ),
        lambda: write(CPU_INTERFACE + 0x10, chance.choice(LINES)),
        lambda: write(CPU_INTERFACE + 0x1000, chance.choice(LINES)),
        lambda: read(CPU_INTERFACE + 0x0C),
        lambda: read(read_one),
    )
    return chance.choice(steps)()


@pytest.mark.parametrize("seed", range(4))
def test_random_accesses_answer_as_in_qemu(seed: int) -> None:
    chance = random.Random(seed)
    code = write(DISTRIBUTOR, 1) + write(CPU_INTERFACE + 4, 0xF0) + write(CPU_INTERFACE, 1)
    for _ in range(300):
        code += step(chance) + read(CPU_INTERFACE + 0x18) + read(CPU_INTERFACE + 0x14)
    count = code.count(read(0)[-1])
    guest = Guest([*code, STOP], deterministic=True, skip_idle=True)
    guest.machine.run(len(code) + 100)
    ours = guest.words(count)
    guest.close()
    assert any(word < 288 for word in ours)
    assert ours == qemu_words(code, count)
