@ MMIO, holes beside devices, and read-only memory. Devices answer offset * 256 + size; see
@ test_engine_devices.c for where they are.
 .include "prelude.inc"
test:
 bl accesses
 bl enable_mmu
 ldr r10, =0x5f000000
 b 1f
accesses:
 ldr r10, =0x48000000
1: ldr r2, [r10, #0x10]
 result r2
 ldrh r2, [r10, #0x12]
 result r2
 ldrb r2, [r10, #0x13]
 result r2
 ldrd r2, r3, [r10, #0x18]
 result r2
 result r3
 add r1, r10, #0x20
 vldr d0, [r1]
 vmov r2, r3, d0
 result r2
 result r3
 add r1, r10, #0x40
 ldmia r1, {r2-r4}
 add r2, r2, r3
 add r2, r2, r4
 result r2
 ldr r2, [r10, #0x52]         @ unaligned: two reads
 result r2
 mov r2, #0x11
 strb r2, [r10, #0x61]
 mov r2, #0x2200
 strh r2, [r10, #0x62]
 ldr r2, =0x33445566
 str r2, [r10, #0x64]
 ldr r3, =0x778899aa
 strd r2, r3, [r10, #0x68]
 @ two devices and a hole in one page
 add r1, r10, #0x1000
 ldr r2, [r1, #0x1fc]
 result r2
 ldr r2, [r1, #0x200]
 result r2
 str r2, [r1, #0x204]
 ldr r2, [r1, #0x400]         @ hole
 result r2
 str r10, [r1, #0x400]
 @ a device of three bytes at an odd address
 add r1, r10, #0x2000
 ldr r2, [r1]
 result r2
 mvn r2, #0
 str r2, [r1]
 cmp r10, #0x48000000
 bxeq lr
 @ reached with the MMU on only
 b flash

flash:
 mov r1, #0x1000
 ldr r2, [r1]
 result r2                    @ as the test left it
 mvn r3, r2
 str r3, [r1]
 ldr r2, [r1]
 result r2
 strb r3, [r1, #1]
 strd r2, r3, [r1]
 ldr r2, [r1]
 result r2
1: ldrex r2, [r1]
 add r3, r2, #1
 strex r4, r3, [r1]
 ldr r2, [r1]
 result r2
 mov r3, #0x2000              @ code there: mov r0, #0x42; bx lr
 blx r3
 result r0
 ldr r2, =0xe3a00043
 str r2, [r3]
 blx r3
 result r0
 ldr r2, [r3]
 result r2
 finish
 .ltorg
