@ A million increments by LDREX and STREX, a quarter of them in Thumb.
 .include "prelude.inc"
test:
 bl enable_mmu
 ldr r1, =0x40300000
 ldr r4, =750000
1: ldrex r2, [r1]
 add r2, r2, #1
 strex r3, r2, [r1]
 cmp r3, #0
 bne 1b
 subs r4, r4, #1
 bne 1b
 ldr r4, =250000
 blx thumb
 ldr r2, [r1]
 result r2
 finish
 .ltorg
 .thumb
 .thumb_func
thumb:
1: ldrexd r2, r5, [r1]
 adds r2, #1
 strexd r3, r2, r5, [r1]
 cmp r3, #0
 bne 1b
 subs r4, #1
 bne 1b
 bx lr
 .arm
