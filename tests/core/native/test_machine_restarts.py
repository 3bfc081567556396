"""Instructions that load the register which their address comes from, stopped at any of their accesses."""

import struct

import pytest
from native_machines import RAM, Guest
from stop_guests import DATA, START, at, straight_guest

from pocketvisor import _native

pytestmark = pytest.mark.guest_process

# add r2, r4, #0x3c; ldmdb r2, {r0-lr}^ / add r6, r4, #8; ldrd r6, r7, [r6] / mov r6, #8;
# ldrd r6, r7, [r4, r6]
CODE = {
    "ldm of user mode": (0xE284203C, 0xE9527FFF, 15),
    "ldrd into its base": (0xE2846008, 0xE1C660D0, 4),
    "ldrd into its index": (0xE3A06008, 0xE18460D6, 4),
}


def made(name: str) -> Guest:
    prepare, load, _ = CODE[name]
    guest = straight_guest(prepare, load, 0xE1A00000, 0xE1A00000)
    words = [DATA + 0x100 + 4 * index for index in range(16)]
    guest.ram[DATA - RAM : DATA - RAM + 64] = struct.pack("<16I", *words)
    return guest


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("physical", [False, True])
def test_it_is_done_once_whatever_word_is_watched(name: str, physical: bool) -> None:
    plain = made(name)
    assert plain.machine.run() == _native.RUN_POWER_OFF
    for word in range(CODE[name][2]):
        guest = made(name)
        guest.machine.set_stops([(word, _native.STOP_READ, DATA + 4 * word, 4, physical)])
        stops = []
        while (reason := guest.machine.run()) == _native.RUN_WATCH:
            stops.append(guest.machine.registers()["pc"])
            assert guest.machine.stop_hit is not None and guest.machine.stop_hit[0] == word
        assert reason == _native.RUN_POWER_OFF
        met = name.startswith("ldm") or word >= 2
        assert stops == ([at(START + 1)] if met else [])
        assert guest.machine.save() == plain.machine.save()
        guest.close()
    plain.close()
