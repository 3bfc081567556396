@ A long mixed computation whose result shows whether anything went astray: random stores over a mebibyte,
@ faults, supervisor calls, undefined instructions, code that changes, time. r4 is the seed, r5 the rounds.
 .include "prelude.inc"
test:
 bl enable_mmu
 mov r6, #0                   @ the sum
 ldr r7, =0x40300000
1: ldr r0, =1103515245
 ldr r1, =12345
 mla r4, r4, r0, r1
 lsr r0, r4, #12              @ 20 bits
 ldr r1, [r7, r0]
 add r1, r1, r4
 str r1, [r7, r0]
 eor r6, r1, r6, ror #5
 tst r5, #15
 bne 2f
 svc #0
 add r6, r6, r8
2: tst r5, #63
 bne 3f
 ldr r1, =0x50000000
 add r1, r1, r0
 ldr r2, [r1]                 @ data abort
 add r6, r6, r11
 .word 0xe7f000f0             @ undefined
 add r6, r6, r9
3: tst r5, #31
 bne 4f
 mrrc p15, 1, r0, r1, c14     @ the virtual counter
 add r6, r6, r0
 adr r0, constant
 ldr r1, =0xe2866000          @ add r6, r6, #n
 and r2, r4, #0xff
 orr r1, r1, r2
 str r1, [r0]
 isb
4:
constant: add r6, r6, #0
 push {r4-r7}
 mov r0, #3
 vmov s0, r4
 vmov s1, r0
 vcvt.f32.u32 s0, s0
 vcvt.f32.u32 s1, s1
 vdiv.f32 s0, s0, s1
 vcvt.u32.f32 s0, s0
 pop {r4-r7}
 vmov r0, s0
 add r6, r6, r0
 subs r5, r5, #1
 bne 1b
 result r6
 result r9
 finish
 .ltorg
