/* A stack, zeroed variables, then main(). Interrupts stay masked: main() asks the GIC what happened. */
    .syntax unified
    .arch armv7-a
    .arm
    .section .text.start, "ax"
    .global _start
_start:
    ldr     sp, =stack_top
    ldr     r0, =bss_start
    ldr     r1, =bss_end
    mov     r2, #0
1:  cmp     r0, r1
    strlo   r2, [r0], #4
    blo     1b
    bl      main
    ldr     r0, =0x84000008                 @ PSCI SYSTEM_OFF
    .inst   0xe1400070                      @ hvc #0
    b       .
