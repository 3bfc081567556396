/* Counts in a word of memory for ever, calls a Thumb function each time, and has something in the VFP.
 * arm-none-eabi-gcc -nostdlib -c debuggee.S -o debuggee.o && arm-none-eabi-objcopy -O binary debuggee.o a.bin
 */
    .arch armv7-a
    .fpu vfpv3
    .syntax unified
    .arm
_start:
    ldr sp, =0x40310000
    mrc p15, 0, r0, c1, c0, 2   @ CPACR: VFP for everybody
    orr r0, r0, #0xf00000
    mcr p15, 0, r0, c1, c0, 2
    isb
    mov r0, #0x40000000
    vmsr fpexc, r0
    vmov.f64 d1, #1.5
    ldr r4, =0x40300000         @ counter
    mov r5, #0
loop:
    add r5, r5, #1
    str r5, [r4]
    mov r0, r5
    bl outer
    ldrh r1, [r4]
    b loop
outer:
    push {r6, lr}
    blx twice
    mov r6, r0
    pop {r6, pc}
    .ltorg
    .thumb
    .thumb_func
twice:
    adds r2, #1
    movw r3, #0x1234
    add.w r0, r0, r0
    bx lr
    nop
