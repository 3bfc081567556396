@ What one access to a device costs: four loops of eight accesses each, between lines that the host stamps.
@ Position independent; entered as a Linux kernel is, MMU off. mmio.py holds the assembled words.
        .arch armv7-a
        .arm
        .macro mark digit
        mov     r0, #\digit
        str     r0, [r4]                @ UARTDR
        mov     r0, #10
        str     r0, [r4]
        .endm
        .macro eight first, instruction, operands:vararg
        mark    \first
        ldr     r6, [r5]
1:      .rept   8
        \instruction \operands
        .endr
        subs    r6, r6, #1
        bne     1b
        .endm

_start: mov     r4, #0x09000000         @ PL011 of `virt`
        adr     r5, rounds
        mov     r7, #0x08000000         @ GIC distributor
        mov     r0, #0x300
        add     r0, r0, #1
        str     r0, [r4, #0x30]         @ UARTCR: transmit and receive on
        mov     r1, #0x10
again:  eight   '0', ldr, r0, [r5]      @ RAM: what the loop costs by itself
        eight   '1', ldr, r0, [r4, #0x18]       @ UARTFR
        eight   '2', str, r1, [r4, #0x38]       @ UARTIMSC, which sets the interrupt's line anew
        eight   '3', ldr, r0, [r7, #0x100]      @ GICD_ISENABLER0
        mark    '4'
        b       again
rounds: .word   ROUNDS
