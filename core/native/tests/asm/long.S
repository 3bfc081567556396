@ Long descriptors: the tables are the test's. The program, stacks and results lie in an identity block.
 .include "prelude.inc"
 .equ LONG_TABLE, 0x40120000

test:
 mov r8, #0
 ldr r0, =LONG_TABLE
 mov r1, #0
 mcrr p15, 0, r0, r1, c2      @ not before EAE
 result r8
 ldr r2, =0x80000000
 mcr p15, 0, r2, c2, c0, 2
 mcrr p15, 0, r0, r1, c2
 mrrc p15, 0, r2, r3, c2
 result r2
 result r3
 mrc p15, 0, r0, c1, c0, 0
 orr r0, r0, #1
 mcr p15, 0, r0, c1, c0, 0
 isb

 ldr r1, =0x80001230          @ a block
 ldr r2, [r1]
 result r2
 try str r1, [r1]
 ldr r2, =0x40401230
 ldr r2, [r2]
 result r2
 ldr r1, =0x80201230          @ a block to read alone
 try ldr r2, [r1]
 try str r1, [r1]
 ldr r1, =0x80400010          @ small pages
 ldr r2, [r1]
 result r2
 try ldrt r2, [r1]
 ldr r1, =0x80401010
 try ldrt r2, [r1]
 try_fetch 0x80402000         @ never executed
 try_fetch 0x80401020         @ executed: bx r7
 ldr r1, =0x80403010          @ no access flag
 try ldr r2, [r1]
 ldr r1, =0x80404010          @ nothing there
 try ldr r2, [r1]
 try str r1, [r1]
 ldr r1, =0xc0000010          @ nor here
 try ldr r2, [r1]
 ldr r1, =0x80600010          @ a table that takes user mode's rights away
 try ldr r2, [r1]
 try ldrt r2, [r1]
 ldr r1, =0x80800010          @ a table where there is no memory
 try ldr r2, [r1]

 ldr r0, =0x40122020          @ an entry changes, and with it what is there
 ldr r2, =0x40602743
 str r2, [r0]
 dsb
 mov r0, #0
 mcr p15, 0, r0, c8, c7, 0
 isb
 ldr r1, =0x80404010
 try ldr r2, [r1]
 result r2

 mrc p15, 0, r0, c1, c0, 0    @ back to short descriptors
 bic r0, r0, #1
 mcr p15, 0, r0, c1, c0, 0
 mov r0, #0
 mcr p15, 0, r0, c2, c0, 2
 bl enable_mmu
 ldr r1, =0x80001230
 try ldr r2, [r1]
 mov r8, #0
 mrrc p15, 0, r2, r3, c2
 result r8
 finish
 .ltorg
