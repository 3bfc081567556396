"""Small guests for the tests of stops, with the places in them that are stopped at."""

import struct

from native_machines import RAM, STOP, Guest, branch, load_constant, power_off, ticking_guest

DATA = RAM + 0x9000
ROUNDS = 100
LOOP = 4  # index of the loop's first instruction: ldr r0, [r2]; add; str; strb r0, [r2, #0x100]; cmp; bne
LOOP_SIZE = 6
CODE = RAM + 0x100

UNTIL = {"deterministic": True, "skip_idle": True}


def at(index: int) -> int:
    return CODE + 4 * index


def counting_guest(rounds: int = ROUNDS) -> Guest:
    """Counts in memory at DATA, a word, up to `rounds`."""
    code = load_constant(2, DATA) + load_constant(1, rounds)
    code += [0xE5920000, 0xE2800001, 0xE5820000, 0xE5C20100, 0xE1500001]
    code.append(branch(len(code), LOOP) & 0x0FFFFFFF | 0x10000000)
    return Guest(code + power_off(), **UNTIL)


def straight_guest(*code: int, vectors: tuple[int, ...] = ()) -> Guest:
    """r4 points to DATA; ends by powering off."""
    return Guest([*load_constant(4, DATA), *code, *power_off()], vectors or [STOP] * 8, **UNTIL)


START = 2
"""Index of the first instruction given to straight_guest()."""

# movs r0, #0; movs r1, #0; cmp r0, #5; ite lt; addlt r1, #3; addge.w r1, r1, #256; movw r3, #0x1234;
# adds r0, #1; cmp r0, #9; bne to the cmp; then back to ARM code: bx pc; nop
THUMB = [0x2000, 0x2100, 0x2805, 0xBFB4, 0x3103, 0xF501, 0x7180, 0xF241, 0x2334, 0x3001, 0x2809, 0xD1F5]
THUMB_BACK = [0xBF00, 0xBF00, 0x4778, 0xBF00]
THUMB_PLACES = [0, 2, 4, 6, 8, 10, 14, 18, 20, 22, 24, 26, 28]
"""Where its instructions are."""


def thumb_guest() -> Guest:
    """Jumps into the Thumb code at CODE + 16 and ends by powering off. r1 is 5 times 3 and 4 times 256."""
    code = [0xE28F0009, 0xE12FFF10, STOP, STOP]  # add r0, pc, #9 (the Thumb code, odd); bx r0
    halves = [*THUMB, *THUMB_BACK]
    words = list(struct.unpack(f"<{len(halves) // 2}I", struct.pack(f"<{len(halves)}H", *halves)))
    return Guest([*code, *words, *power_off()], **UNTIL)


THUMB_CODE = CODE + 16


MAKERS = {
    "counting": counting_guest,
    "thumb": thumb_guest,
    "ticking": lambda: ticking_guest(6, 40, **UNTIL),
}
