@ Each way to fault, and what the guest sees of it. The address map is in test_engine_faults.c.
 .include "prelude.inc"
test:
 bl enable_mmu

 @ reads
 ldr r1, =0x50000123
 try ldrb r2, [r1]
 ldr r1, =0x51001234
 try ldr r2, [r1]
 ldr r1, =0x52000004
 try ldr r2, [r1]
 ldr r1, =0x53000008
 try ldr r2, [r1]
 ldr r1, =0x59000010         @ no access at all, section
 try ldr r2, [r1]
 ldr r1, =0x51005ffc         @ no access at all, page
 try ldr r2, [r1]

 @ writes
 ldr r1, =0x50000124
 try str r2, [r1]
 ldr r1, =0x51001238
 try str r2, [r1]
 ldr r1, =0x52000014
 try str r2, [r1]
 ldr r1, =0x53000018
 try str r2, [r1]
 ldr r1, =0x54000020         @ read-only section
 ldr r2, [r1]
 try str r2, [r1]
 ldr r1, =0x51002ffc         @ read-only page
 ldr r2, [r1]
 try str r2, [r1]
 ldr r1, =0x51012344         @ read-only large page
 ldr r2, [r1]
 try str r2, [r1]
 ldr r1, =0x58000000         @ manager domain: no rights needed
 try str r2, [r1]

 @ fetches
 try_fetch 0x50000120
 try_fetch 0x51001230
 try_fetch 0x52000000
 try_fetch 0x53000000
 try_fetch 0x55000000        @ execute-never section
 try_fetch 0x51006000        @ execute-never page
 ldr r0, =LAST
 ldr r1, [r0]
 result r1                   @ LR is the address and 4

 @ LR and SPSR of a data abort
 ldr r1, =0x50000200
 clear_aborts
 msr cpsr_f, #0xa0000000
1: ldr r2, [r1]
 ldr r0, =LAST
 ldr r2, [r0]
 adr r3, 1b
 sub r2, r2, r3
 result r2                   @ 8
 ldr r2, [r0, #4]
 result r2                   @ SPSR is the CPSR of the load

 @ user mode
 ldr r1, =0x51003010         @ privileged only
 ldr r2, [r1]
 cps #0x10
 clear_aborts
 ldr r2, [r1]
 svc #0
 mov r9, #1
 result_aborts
 ldr r1, =0x51004010         @ user reads, does not write
 try ldrt r2, [r1]
 try strt r2, [r1]
 str r2, [r1]
 try strt r2, [r1]           @ after a privileged fill too
 ldr r1, =0x51003014
 try ldrt r2, [r1]
 ldr r2, [r1]
 try ldrt r2, [r1]

 @ page-crossing accesses: the second page unmapped, then the first
 ldr r1, =0x51000ffe
 ldr r2, =0x11223344
 strh r2, [r1]
 ldr r3, =0x55667788
 try str r3, [r1]
 ldrh r2, [r1]
 result r2                   @ 3344: the first page is untouched
 try ldr r2, [r1]
 ldr r1, =0x51001ffe         @ first page unmapped, second read-only
 try ldr r2, [r1]
 ldr r1, =0x51000ff8
 clear_aborts
 mov r2, #1
 mov r3, #2
 ldmia r1!, {r2-r5}
 result_aborts
 result r1                   @ base as before
 ldr r1, =0x51000ff8
 mov r2, #0xaa
 mov r3, #0xbb
 try stmia r1!, {r2-r5}
 result r1
 ldr r1, =0x51000ffc
 try ldrd r2, r3, [r1]

 @ alignment
 ldr r1, =0x51000002
 try ldrex r2, [r1]

 @ access flag: SCTLR.AFE
 mrc p15, 0, r6, c1, c0, 0
 orr r0, r6, #0x20000000
 mcr p15, 0, r0, c1, c0, 0
 mcr p15, 0, r0, c8, c7, 0
 isb
 ldr r1, =0x51007004         @ AP[0] clear, page
 try ldr r2, [r1]
 ldr r1, =0x5a000004         @ AP[0] clear, section
 try str r2, [r1]
 mcr p15, 0, r6, c1, c0, 0
 mcr p15, 0, r0, c8, c7, 0
 isb

 @ Thumb IT block: a fault in it, mapped by the handler, retried
 ldr r1, =0x51001010
 ldr r3, =0x40104004         @ its descriptor
 ldr r2, =MAP_SLOT
 str r3, [r2]
 ldr r3, =0x40300032
 str r3, [r2, #4]
 ldr r7, =0x40301000
 mov r2, #0x66
 str r2, [r7]
 mov r2, #0x77
 ldr r3, =0x40300010
 str r2, [r3]
 clear_aborts
 blx it_block
 result r0                   @ 5
 result r3                   @ 0
 result r4                   @ 0
 result r5                   @ 77
 result r6                   @ 66
 result_aborts
 finish
 .ltorg

 .thumb
 .thumb_func
it_block:
 movs r0, #0
 movs r3, #0
 movs r4, #0
 movs r5, #0
 movs r6, #0
 cmp r0, r0
 itete eq
 ldreq.w r6, [r7]            @ fills the TLB inside the block
 addne r3, #1
 ldreq.w r5, [r1]            @ faults, is mapped, is retried
 addne r4, #1
 itt eq
 ldreq.w r2, [r7, #4]
 addeq r0, #5
 bx lr
 .arm
