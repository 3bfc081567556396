@ Obeys a list of commands at 0x40500000, two words each: what to do, and its operand. Each access results in
@ 1 where it faulted, 0 where it did not. Program, stacks and results are in domain 0, which stays a client.
 .include "prelude.inc"
test:
 bl enable_mmu
 ldr r6, =0x40500000
1: ldm r6!, {r0, r1}
 mov r9, #0
 cmp r0, #7
 addls pc, pc, r0, lsl #2
 b .
 b done
 b set_dacr
 b load
 b load_user
 b store
 b store_user
 b user_load
 b user_store
done:
 finish
set_dacr:
 mcr p15, 0, r1, c3, c0, 0
 isb
 b 1b
load:
 ldr r2, [r1]
 b 2f
load_user:
 ldrt r2, [r1]
 b 2f
store:
 str r0, [r1]
 b 2f
store_user:
 strt r0, [r1]
 b 2f
user_load:
 cps #0x10
 ldr r2, [r1]
 svc #0
 sub r9, r9, #1
 b 2f
user_store:
 cps #0x10
 str r0, [r1]
 svc #0
 sub r9, r9, #1
2: strb r9, [r12], #1
 b 1b
 .ltorg
