@ Code that changes: through every kind of alias, on page borders, under the running instruction.
@ 0x40300000 is read, write and execute at its own address; 0x5c300000 is the same memory, execute never;
@ 0x5d300000 again, with execution; 0x5e300000 again, read-only and executable.
 .include "prelude.inc"
 .equ RET, 0xe12fff1e         @ bx lr
 .equ MOV_R0, 0xe3a00000      @ mov r0, #n
test:
 @ first with the MMU off
 ldr r6, =0x40310000
 ldr r2, =RET
 str r2, [r6, #4]
 ldr r2, =MOV_R0 + 0x21
 str r2, [r6]
 blx r6
 result r0                    @ 21
 ldr r2, =MOV_R0 + 0x22
 str r2, [r6]
 isb
 blx r6
 result r0                    @ 22
 bl enable_mmu
 blx r6
 result r0                    @ 22
 ldr r2, =0x5c310000
 ldr r3, =MOV_R0 + 0x23
 str r3, [r2]
 isb
 blx r6
 result r0                    @ 23

 ldr r6, =0x40300000
 ldr r7, =0x5c300000
 ldr r8, =0x5d300000
 ldr r5, =0x5e300000
 ldr r2, =RET
 str r2, [r7, #4]             @ the execute-never alias is written before the first fetch
 ldr r2, =MOV_R0 + 1
 str r2, [r7]
 blx r6
 result r0                    @ 1
 add r2, r2, #1
 str r2, [r7]                 @ execute-never alias
 isb
 blx r6
 result r0                    @ 2
 add r2, r2, #1
 str r2, [r6]                 @ its own address
 isb
 blx r6
 result r0                    @ 3
 add r2, r2, #1
 str r2, [r8]                 @ executable alias
 isb
 blx r6
 result r0                    @ 4
 blx r5
 result r0                    @ 4, through the read-only alias
 add r2, r2, #1
 str r2, [r8]                 @ the alias that ran the code does not write it
 isb
 blx r5
 result r0                    @ 5
 add r2, r2, #1
 strb r2, [r7]                @ a byte
 isb
 blx r8
 result r0                    @ 6
 blx r5
 result r0                    @ 6

 @ back and forth, a hundred times through each alias
 mov r4, #100
 mov r3, #0
1: ldr r2, =MOV_R0
 and r0, r4, #0xff
 orr r2, r2, r0
 str r2, [r7]
 isb
 blx r6
 add r3, r3, r0
 eor r2, r2, #0xff
 str r2, [r6]
 isb
 blx r5
 add r3, r3, r0
 subs r4, r4, #1
 bne 1b
 result r3                    @ 100 times 255

 @ across two pages of code
 ldr r6, =0x40300ff8
 ldr r3, =0xe3a00001
 str r3, [r6]
 ldr r3, =0xe3a01002
 str r3, [r6, #4]
 ldr r3, =0xe3a02003
 str r3, [r6, #8]
 ldr r3, =RET
 str r3, [r6, #12]
 isb
 blx r6
 result r1                    @ 2
 result r2                    @ 3
 ldr r4, =0x40300ffe
 ldr r3, =0x2007e3e0          @ e3e01002: mvn r1, #2; e3a02007: mov r2, #7
 str r3, [r4]
 isb
 blx r6
 result r1                    @ fffffffd
 result r2                    @ 7
 ldr r4, =0x5c300ffe
 ldr r3, =0x2009e3a0
 str r3, [r4]
 isb
 blx r6
 result r1                    @ 2
 result r2                    @ 9
 ldr r5, =0x40301000          @ STREX on code
2: ldrex r3, [r5]
 add r3, r3, #1
 strex r4, r3, [r5]
 cmp r4, #0
 bne 2b
 isb
 blx r6
 result r2                    @ a
 ldr r5, =0x5c301000
3: ldrex r3, [r5]
 add r3, r3, #1
 strex r4, r3, [r5]
 cmp r4, #0
 bne 3b
 isb
 blx r6
 result r2                    @ b

 @ this very page, through itself and through an alias
 adr r5, 4f
 ldr r3, =0xe3a00077
 str r3, [r5]
 isb
 mov r0, #0
4: mov r0, #0x11
 result r0                    @ 77
 adr r5, 5f
 ldr r3, =0x1c000000
 add r5, r5, r3
 ldr r3, =0xe3a00078
 str r3, [r5]
 isb
 mov r0, #0
5: mov r0, #0x11
 result r0                    @ 78

 @ the loop that rewrites its own constant 2000 times
 ldr r4, =2000
 mov r3, #0
6: adr r5, 7f
 ldr r2, =0xe3a00000
 and r0, r4, #0x7f
 orr r2, r2, r0
 str r2, [r5]
 isb
7: mov r0, #0
 add r3, r3, r0
 subs r4, r4, #1
 bne 6b
 result r3

 @ execute never, though the memory holds code
 clear_aborts
 adr r7, 8f
 ldr r0, =0x5c300000
 bx r0
8: result_aborts

 @ a page that is remapped: TLBI, data and code
 ldr r1, =0x51008000
 ldr r3, =0x40104020
 ldr r2, [r1]
 result r2
 blx r1
 result r0
 ldr r4, =0x40321032
 str r4, [r3]
 dsb
 mcr p15, 0, r1, c8, c7, 1
 dsb
 isb
 ldr r2, [r1]
 result r2
 blx r1
 result r0

 @ Thumb over a page border, changed through the alias
 ldr r6, =0x40330ffe
 ldr r7, =0x5c330ffe
 ldr r3, =0xf04f              @ mov.w r0, #0x31
 strh r3, [r6]
 ldr r3, =0x0031
 strh r3, [r6, #2]
 ldr r3, =0x4770              @ bx lr
 strh r3, [r6, #4]
 isb
 add r5, r6, #1
 blx r5
 result r0                    @ 31
 mov r3, #0x32
 strb r3, [r7, #2]
 isb
 blx r5
 result r0                    @ 32
 finish
 .ltorg
