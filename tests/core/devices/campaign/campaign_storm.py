"""A small guest that only makes accesses that it is told to: a list of them, or a storm of random ones.

Storms are made in the guest itself, from tables of addresses and values that were drawn before, so that an
access costs what the device costs.
"""

import random
import struct
from collections.abc import Sequence
from typing import Final

from pocketvisor import _native
from pocketvisor.board.map import RAM_BASE

WORD, HALF, BYTE, READ, READ_HALF, READ_BYTE, DOUBLE = range(7)
"""Kinds of accesses: writes, reads, and a write of eight bytes."""

ORIGIN: Final = RAM_BASE + 0x1_0000
"""Of the program. RAM's first pages are nobody's: a small number is their address where bytes are swapped."""
CONTROL: Final = RAM_BASE + 0x2_0000
_ADDRESSES, _VALUES, _SCRIPT = CONTROL + 0x100, CONTROL + 0x200, CONTROL + 0x1000
ADDRESSES: Final = 64
VALUES: Final = 256
SCRIPT_MAX: Final = 4000
ARENA: Final = RAM_BASE + 0x4_0000
"""From here on RAM is not the program's."""

_TICKS: Final = 24
"""That an access takes at most, its loop included; one that aborts some more."""

_PROGRAM: Final = """
    ea000007 ea000005 ea000004 e25ef004 e25ef004 ea000001 e25ef004 eaffffff e1b0f00e e59f00c4 e5901000
    e3510000 0afffffc e5902004 e5903008 e2808c01 e2809c02 e3510002 0a00000e e0233683 e02338a3 e0233283
    e203403f e7984104 e7e76353 e7996106 e7e21753 eb00000d e2522001 1afffff4 e5803008 e3a01000 e5801000
    eaffffe7 e2808a01 e8980052 eb000004 e5886008 e288800c e2522001 1afffff9 eafffff4 e08ff181 e320f000
    e5846000 e12fff1e e1c460b0 e12fff1e e5c46000 e12fff1e e5946000 e12fff1e e1d460b0 e12fff1e e5d46000
    e12fff1e e1c460f0 e12fff1e e5846000 e12fff1e 40020000
"""
"""
vectors:b       start;  b skip;  b skip
        subs    pc, lr, #4      @ an abort: the access is left out
        subs    pc, lr, #4
        b       skip
        subs    pc, lr, #4
        b       skip
skip:   movs    pc, lr
start:  ldr     r0, =CONTROL
idle:   ldr     r1, [r0]        @ 1: a storm, 2: a script
        cmp     r1, #0
        beq     idle
        ldr     r2, [r0, #4]    @ how many accesses
        ldr     r3, [r0, #8]    @ the storm's seed (xorshift)
        add     r8, r0, #0x100  @ addresses
        add     r9, r0, #0x200  @ values
        cmp     r1, #2
        beq     script
storm:  eor     r3, r3, r3, lsl #13
        eor     r3, r3, r3, lsr #17
        eor     r3, r3, r3, lsl #5
        and     r4, r3, #63;        ldr r4, [r8, r4, lsl #2]
        ubfx    r6, r3, #6, #8;     ldr r6, [r9, r6, lsl #2]
        ubfx    r1, r3, #14, #3
        bl      access
        subs    r2, r2, #1
        bne     storm
        str     r3, [r0, #8]
done:   mov     r1, #0
        str     r1, [r0]
        b       idle
script: add     r8, r0, #0x1000
1:      ldm     r8, {r1, r4, r6}
        bl      access
        str     r6, [r8, #8]
        add     r8, r8, #12
        subs    r2, r2, #1
        bne     1b
        b       done
access: add     pc, pc, r1, lsl #3
        nop
        str     r6, [r4];       bx  lr
        strh    r6, [r4];       bx  lr
        strb    r6, [r4];       bx  lr
        ldr     r6, [r4];       bx  lr
        ldrh    r6, [r4];       bx  lr
        ldrb    r6, [r4];       bx  lr
        strd    r6, r7, [r4];   bx  lr
        str     r6, [r4];       bx  lr
"""
_WORDS: Final = [int(word, 16) for word in _PROGRAM.split()]
PROGRAM: Final = struct.pack(f"<{len(_WORDS)}I", *_WORDS)


class Ended(Exception):
    """The run ended by itself: power off, reset, exit."""


class Storm:
    """The program in a machine's RAM, and the accesses it has made."""

    def __init__(self, machine: _native.Machine, ram: memoryview) -> None:
        self.machine = machine
        self.ram = ram
        self.accesses = 0
        self.start()

    def start(self) -> None:
        """Also after a reset of the machine."""
        self._put(ORIGIN, PROGRAM)
        self._put(CONTROL, bytes(16))
        self.machine.set_cpu({"cpsr": 0x1D3, "pc": ORIGIN, "vbar": ORIGIN})

    @property
    def intact(self) -> bool:
        return self.ram[ORIGIN - RAM_BASE : ORIGIN - RAM_BASE + len(PROGRAM)] == PROGRAM

    def script(self, accesses: Sequence[tuple[int, int, int]]) -> list[int]:
        """(kind, address, value) one after the other; answers what was read or written."""
        results: list[int] = []
        for at in range(0, len(accesses), SCRIPT_MAX):
            part = accesses[at : at + SCRIPT_MAX]
            self._put(_SCRIPT, b"".join(struct.pack("<III", *access) for access in part))
            self._go(2, len(part), 0)
            done = bytes(self.ram[_SCRIPT - RAM_BASE : _SCRIPT - RAM_BASE + 12 * len(part)])
            results += (value for _, _, value in struct.iter_unpack("<III", done))
        return results

    def write(self, address: int, value: int) -> None:
        self.script([(WORD, address, value)])

    def read(self, address: int) -> int:
        return self.script([(READ, address, 0)])[0]

    def storm(self, rng: random.Random, count: int, addresses: Sequence[int], values: Sequence[int]) -> None:
        """So many accesses of any kind, to any of the addresses with any of the values."""
        self._put(
            _ADDRESSES, struct.pack(f"<{ADDRESSES}I", *(rng.choice(addresses) for _ in range(ADDRESSES)))
        )
        self._put(_VALUES, struct.pack(f"<{VALUES}I", *(rng.choice(values) for _ in range(VALUES))))
        self._go(1, count, rng.randrange(1, 1 << 32))

    def settle(self) -> None:
        """What was posted enters the guest, which does nothing meanwhile."""
        self._run(200)

    def _go(self, mode: int, count: int, seed: int) -> None:
        self._put(CONTROL, struct.pack("<III", mode, count, seed))
        for _ in range(100):
            self._run(_TICKS * count + 200)
            if not self.ram[CONTROL - RAM_BASE]:
                self.accesses += count
                return
        raise AssertionError("the guest's program does not come to its end")

    def _run(self, ticks: int) -> None:
        machine = self.machine
        until = machine.ticks() + ticks
        while machine.ticks() < until:
            reason = machine.run(until)
            if reason in (_native.RUN_POWER_OFF, _native.RUN_RESET, _native.RUN_EXIT):
                raise Ended
            assert reason == _native.RUN_LIMIT, f"the run ended with {reason}: {machine.error}"

    def _put(self, address: int, data: bytes) -> None:
        self.ram[address - RAM_BASE : address - RAM_BASE + len(data)] = data
