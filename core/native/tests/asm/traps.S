@ Instructions that an A9 lacks and the board emulates, those it does not, and the hints.
 .include "prelude.inc"
 .arch_extension virt
 .arch_extension sec
 .arch_extension idiv
test:
 @ CNTVCT counts reads here; CNTFRQ is a constant
 mrc p15, 0, r0, c14, c0, 0
 result r0
 mrrc p15, 1, r0, r1, c14
 result r0
 result r1
 mov r0, #0x55
 mcr p15, 0, r0, c14, c3, 1
 ldr r0, =0x12345678
 ldr r1, =0x9abcdef0
 mcrr p15, 3, r0, r1, c14
 mov r0, #7
 cmp r0, #7
 mrcne p15, 0, r0, c14, c0, 0
 result r0                    @ 7
 mrceq p15, 0, r0, c14, c0, 0
 result r0
 mrc p15, 0, apsr_nzcv, c14, c2, 1
 mrs r0, cpsr
 lsr r0, r0, #28
 result r0
 @ a register that nobody has
 clear_aborts
 mov r0, #3
 mrc p15, 0, r0, c14, c7, 7
 result r0                    @ 3
 result r9                    @ 1
 @ HVC and SMC
 ldr r0, =0x84000000
 mov r1, #1
 mov r2, #2
 mov r3, #3
 hvc #0
 result r0
 result r1
 result r2
 result r3
 ldr r0, =0x84000000
 smc #0
 result r0
 mov r0, #0x99                @ refused by the host: undefined
 clear_aborts
 hvc #0
 result r9
 smc #0
 result r9                    @ 2
 ldr r0, =LAST
 ldr r1, [r0]
 adr r2, 1f
 sub r1, r1, r2
1: result r1                  @ LR: 8 before here is the SMC's end
 cps #0x10                    @ user mode: undefined
 clear_aborts
 ldr r0, =0x84000000
 hvc #0
 svc #0
 result r9                    @ 2: undefined and supervisor call
 cps #0x10
 mrc p15, 0, r2, c14, c0, 2   @ the fake host allows this to user mode
 mov r9, #0
 mrc p15, 0, r3, c14, c0, 0   @ and not this
 mov r4, r9
 svc #0
 result r2
 result r4                    @ 1
 @ division
 .macro division op, a, b
 ldr r0, =\a
 ldr r1, =\b
 \op r2, r0, r1
 result r2
 .endm
 division udiv, 100, 7
 division udiv, 0xffffffff, 2
 division udiv, 5, 0
 division sdiv, -100, 7
 division sdiv, 0x80000000, -1
 division sdiv, 7, -2
 division sdiv, 9, 0
 mov r0, #90
 mov r1, #10
 mov r2, #1
 cmp r0, #90
 udivne r2, r0, r1
 result r2                    @ 1
 sdiveq r0, r0, r1
 result r0                    @ 9
 blx thumb_traps
 result r0
 result r1
 result r2
 result r3
 result r4
 result r5
 blx thumb_it
 result r0
 result r1
 result r2
 result r3
 @ undefined, with LR and SPSR
 clear_aborts
 msr cpsr_f, #0x60000000
1: .word 0xe7f000f0
 ldr r0, =LAST
 ldr r1, [r0]
 adr r2, 1b
 sub r1, r1, r2
 result r1                    @ 4
 ldr r1, [r0, #4]
 result r1
 result r8                    @ 1
 blx thumb_undefined
 ldr r0, =LAST
 ldr r1, [r0]
 ldr r2, =thumb_undefined
 bic r2, r2, #1
 sub r1, r1, r2
 result r1                    @ 2
 @ fused multiply is not an A9's
 clear_aborts
 vfma.f32 s0, s1, s2
 result r9                    @ 1
 @ VFP switched off
 vmrs r1, fpexc
 mov r0, #0
 vmsr fpexc, r0
 clear_aborts
 vadd.f32 s0, s1, s2
 vmsr fpexc, r1
 result r9                    @ 1
 vadd.f32 s0, s1, s2
 result r9                    @ 1
 @ BKPT
 clear_aborts
 adr r7, 3f
2: bkpt #0
3: result r8                  @ 3
 result r10                   @ 2
 ldr r0, =LAST
 ldr r1, [r0]
 adr r2, 2b
 sub r1, r1, r2
 result r1                    @ 4
 @ SVC
 clear_aborts
4: svc #0x123
 result r8                    @ 2
 ldr r0, =LAST
 ldr r1, [r0]
 adr r2, 4b
 sub r1, r1, r2
 result r1                    @ 4
 @ hints go on behind themselves, once
 mov r3, #0
 clear_aborts
 yield
 add r3, r3, #1
 wfe
 add r3, r3, #1
 sev
 add r3, r3, #1
 result r3                    @ 3
 blx thumb_hints
 result r3                    @ 3
 result r9                    @ 0
 @ an undefined instruction right behind a hint, and a hint behind one
 yield
 .word 0xe7f000f0
 yield
 add r3, r3, #1
 result r9                    @ 1
 result r3                    @ 4
 @ exceptions in Thumb: SCTLR.TE
 mrc p15, 0, r6, c1, c0, 0
 mrc p15, 0, r5, c12, c0, 0
 ldr r0, =thumb_vectors
 bic r0, r0, #1
 mcr p15, 0, r0, c12, c0, 0
 orr r0, r6, #0x40000000
 mcr p15, 0, r0, c1, c0, 0
 isb
 svc #0
 mcr p15, 0, r6, c1, c0, 0
 mcr p15, 0, r5, c12, c0, 0
 isb
 result r0                    @ 5e
 @ high vectors: SCTLR.V
 bl enable_mmu
 ldr r1, =0x403f0000          @ at 0xffff0000 as well
 ldr r2, =0xe3a0005f          @ mov r0, #0x5f
 str r2, [r1, #8]
 ldr r2, =0xe1b0f00e          @ movs pc, lr
 str r2, [r1, #12]
 mrc p15, 0, r6, c1, c0, 0
 orr r0, r6, #0x2000
 mcr p15, 0, r0, c1, c0, 0
 isb
 svc #0
 mcr p15, 0, r6, c1, c0, 0
 isb
 result r0                    @ 5f
 finish
 .ltorg

 .thumb
 .thumb_func
thumb_traps:
 mrc p15, 0, r0, c14, c0, 0
 movs r1, #200
 movs r2, #9
 udiv r1, r1, r2              @ 22
 mvn r2, #99                  @ -100
 movs r3, #7
 sdiv r2, r2, r3              @ -14
 mrrc p15, 1, r3, r4, c14
 push {r0-r3}
 ldr r0, =0x84000000
 hvc #0
 mov r5, r0
 ldr r0, =0x84000000
 smc #0
 add r5, r5, r0
 pop {r0-r3}
 bx lr

 .thumb_func
thumb_it:
 movs r0, #100
 movs r1, #10
 movs r2, #0
 movs r3, #0
 cmp r0, #100
 itete eq
 udiveq r0, r0, r1            @ 10
 udivne r0, r0, r1
 sdiveq r1, r1, r0            @ 1
 addne r2, #1
 itt ne
 udivne r0, r0, r0
 addne r3, #1
 ittt eq
 addeq r2, #2
 mrceq p15, 0, r3, c14, c0, 0
 addeq r2, #3
 bx lr

 .thumb_func
thumb_undefined:
 .inst.w 0xf7f0a000
 bx lr

 .thumb_func
thumb_hints:
 movs r3, #0
 yield
 adds r3, #1
 wfe.w
 adds r3, #1
 it eq
 yieldeq
 adds r3, #1
 bx lr
 .ltorg

 .balign 32
 .thumb_func
thumb_vectors:
 b.w .
 b.w .
 b.w thumb_svc
 .thumb_func
thumb_svc:
 movs r0, #0x5e
 subs pc, lr, #0
 .arm
