"""Small ARM programs as words, so that the tests need no toolchain."""

import struct


def program(words: str) -> bytes:
    values = [int(word, 16) for word in words.split()]
    return struct.pack(f"<{len(values)}I", *values)


MAILBOX = 0x40020000
POKE = program(
    """
    e59f0058 e5901000 e3510000 0afffffc e5902004 e5903008 e3510004 05923000 e3510002 01d230b0 e3510001
    05d23000 e3510014 05823000 e3510012 01c230b0 e3510011 05c23000 e5803008 e3510020 0320f003 e3a01000
    e5801000 eaffffe8 40020000
    """
)
"""Waits at MAILBOX for {command, address, value}: reads (1, 2 or 4 bytes) or writes (0x11, 0x12, 0x14) there,
answers the value, waits for an interrupt (0x20), and clears the command.

        ldr     r0, =MAILBOX
    1:  ldr     r1, [r0]
        cmp     r1, #0
        beq     1b
        ldr     r2, [r0, #4]
        ldr     r3, [r0, #8]
        cmp     r1, #4;     ldreq   r3, [r2]
        cmp     r1, #2;     ldrheq  r3, [r2]
        cmp     r1, #1;     ldrbeq  r3, [r2]
        cmp     r1, #0x14;  streq   r3, [r2]
        cmp     r1, #0x12;  strheq  r3, [r2]
        cmp     r1, #0x11;  strbeq  r3, [r2]
        str     r3, [r0, #8]
        cmp     r1, #0x20;  wfieq
        mov     r1, #0
        str     r1, [r0]
        b       1b
"""

REPORT = program(
    """
    e24f7008 e1a04000 e1a05001 e1a06002 e10f8000 e3a09409 e59fc084 e1a00007 eb000013 e1a00004 eb000011
    e1a00005 eb00000f e1a00006 eb00000d e008000c eb00000b e3a00101 e5900000 eb000008 e3560000 03a00000
    15960000 eb000004 e3a0000a e5890000 e59f0038 e1400070 eafffffe e3a0201c e1a01230 e201100f e351000a
    b2811030 a2811057 e5891000 e2522004 5afffff7 e3a01020 e5891000 e12fff1e 000001ff 84000008
    """
)
"""Prints on the PL011, in hex: where it runs, r0, r1, r2, CPSR & 0x1ff, the word at the start of RAM, and the
one at r2 (0 if r2 is 0). Then it powers the board off (PSCI)."""
