@ Every way to reach memory that was not reached before, through page tables in memory that was not either: see
@ test_engine_ram.c, which builds the tables and compares the results with those of a guest that has it all.
 .include "prelude.inc"
test:
 bl enable_mmu
 ldr r0, =0x40601ffe          @ over the border of two pages, loaded and stored
 ldr r1, [r0]
 result r1
 ldr r0, =0x40603ffe
 ldr r1, =0x12345678
 str r1, [r0]
 ldr r0, =0x40606ffc          @ the same with two words
 ldrd r2, r3, [r0, #-4]
 result r2
 ldr r0, =0x40608ffc
 stm r0, {r1, r2, r3}
 ldr r0, =0x4060a010
1: ldrex r1, [r0]
 add r1, r1, #1
 strex r2, r1, [r0]
 cmp r2, #0
 bne 1b
 result r1
 ldr r0, =0x4060b020          @ a STREX without its LDREX
 strex r2, r1, [r0]
 result r2
 ldr r0, =0x4060d010          @ as user mode
 ldrt r1, [r0]
 result r1
 ldr r0, =0x4060e010
 strt r1, [r0]
 ldr r0, =0x4060f000          @ code
 mov r1, #1
 blx r0
 result r1
 ldr r0, =0x40701ff0          @ NEON, over the border of pages, by another table
 vld1.8 {q0, q1}, [r0]
 ldr r0, =0x40703ff0
 vst1.8 {q0, q1}, [r0]
 ldr r0, =0x40800123          @ the engine's own translation, by a third and a fourth table
 mcr p15, 0, r0, c7, c8, 0
 isb
 mrc p15, 0, r1, c7, c4, 0
 result r1
 ldr r0, =0x40904000
 mcr p15, 0, r0, c7, c8, 3    @ user mode's write, which is not allowed
 isb
 mrc p15, 0, r1, c7, c4, 0
 result r1
 ldr r0, =0x40a00000          @ an abort whose cause is in a fifth
 try ldr r1, [r0]
 ldr r0, =0x40b00000          @ and a page that may not be written, in a sixth
 try str r1, [r0]
 finish
 .ltorg
