@ Addresses that hold nothing, and page tables there. 0x60000000 is empty, 0x48000000 a device.
 .include "prelude.inc"
test:
 @ MMU off
 ldr r1, =0x60000004
 try ldr r2, [r1]
 try strb r2, [r1]
 ldr r1, =0x60000ff8
 try ldmia r1!, {r2-r5}
 result r1
 try stmia r1!, {r2-r5}
 try vldr d0, [r1]
 ldr r1, =0x40fffffe         @ crosses the end of memory
 ldr r2, =0x1234
 strh r2, [r1]
 ldr r3, =0x55667788
 try str r3, [r1]
 ldrh r2, [r1]
 result r2                   @ 1234
 try ldr r2, [r1]
 try_fetch 0x60000100
 ldr r0, =LAST
 ldr r1, [r0]
 result r1                   @ LR
 try_fetch 0x48000000        @ no code in devices
 bl enable_mmu
 ldr r1, =0x56000008         @ section
 try ldr r2, [r1]
 try str r2, [r1]
 ldr r1, =0x5100700c         @ page
 try ldr r2, [r1]
 try_fetch 0x56000020
 ldr r1, =0x57000000         @ second-level table in nothing
 try ldr r2, [r1]
 try str r2, [r1]
 try_fetch 0x57000000
 ldr r1, =0x5b000000         @ second-level table in a device
 try ldr r2, [r1]
 @ the upper half through TTBR1, in nothing
 ldr r0, =0x60000000
 mcr p15, 0, r0, c2, c0, 1
 mov r0, #1
 mcr p15, 0, r0, c2, c0, 2
 mcr p15, 0, r0, c8, c7, 0
 isb
 ldr r1, =0x80000004
 try ldr r2, [r1]
 mov r0, #0x21               @ and switched off: TTBCR.PD1
 mcr p15, 0, r0, c2, c0, 2
 mcr p15, 0, r0, c8, c7, 0
 isb
 try ldr r2, [r1]
 mov r0, #0
 mcr p15, 0, r0, c2, c0, 2
 mcr p15, 0, r0, c8, c7, 0
 isb
 @ a storm: it never ends the guest
 ldr r1, =0x56000000
 ldr r3, =100000
 clear_aborts
1: str r3, [r1, r3]
 ldr r2, [r1, r3, lsl #2]
 subs r3, r3, #1
 bne 1b
 result r9                   @ 200000
 ldr r3, =1000
 mov r9, #0
2: adr r7, 3f
 ldr r0, =0x56000000
 bx r0
3: subs r3, r3, #1
 bne 2b
 result r9                   @ 1000
 finish
 .ltorg
