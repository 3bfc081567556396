/* Entry, exception vectors and the stacks of the modes.
 *
 * Entered with the MMU off in SVC mode, as a boot loader or QEMU's `virt` machine enters an ELF image.
 * A Linux-style r2 (address of the device tree) is passed on, but not needed: the tree is also at the
 * start of RAM. One CPU; FIQ is not used.
 */
    .syntax unified
    .arch armv7-a
    .fpu neon
    .arm

    .equ MODE_IRQ, 0x12
    .equ MODE_SVC, 0x13
    .equ MODE_ABT, 0x17
    .equ MODE_UND, 0x1b
    .equ MODE_SYS, 0x1f
    .equ IRQ_OFF, 0xc0

    .section .text.start, "ax"
    .global _start
_start:
    cpsid   aif
    mov     r4, r2

    msr     cpsr_c, #MODE_IRQ | IRQ_OFF
    ldr     sp, =irq_stack_top
    msr     cpsr_c, #MODE_ABT | IRQ_OFF
    ldr     sp, =abort_stack_top
    msr     cpsr_c, #MODE_UND | IRQ_OFF
    ldr     sp, =undefined_stack_top
    msr     cpsr_c, #MODE_SVC | IRQ_OFF
    ldr     sp, =stack_top

    ldr     r0, =bss_start
    ldr     r1, =bss_end
    mov     r2, #0
1:  cmp     r0, r1
    strlo   r2, [r0], #4
    blo     1b

    ldr     r0, =vectors
    mcr     p15, 0, r0, c12, c0, 0          @ VBAR

    mrc     p15, 0, r0, c1, c0, 2           @ CPACR: allow VFP and NEON (the copy loops use them)
    orr     r0, r0, #0xf << 20
    mcr     p15, 0, r0, c1, c0, 2
    isb
    mov     r0, #1 << 30                    @ FPEXC.EN
    vmsr    fpexc, r0

    mov     r0, r4
    bl      runtime_start
1:  wfi
    b       1b

    .balign 32
vectors:
    b       .                               @ reset
    b       vector_undefined
    b       vector_svc
    b       vector_prefetch
    b       vector_data
    b       .
    b       vector_irq
    b       .                               @ FIQ

/* Each of these leaves a struct exception_frame (exceptions.h) on the stack of its mode: kind, spsr,
 * sp and lr of the interrupted mode, then r0-r12 and pc. */
    .macro FAULT kind, fix
    .if \fix
    sub     lr, lr, #\fix
    .endif
    push    {r0-r12, lr}
    mov     r1, #\kind
    b       fault_common
    .endm

vector_undefined:
    FAULT   0, 4
vector_svc:
    FAULT   1, 0
vector_prefetch:
    FAULT   2, 4
vector_data:
    FAULT   3, 8

fault_common:
    mrs     r0, spsr
    mrs     r2, cpsr
    and     r3, r0, #0x1f
    cmp     r3, #0x10
    moveq   r3, #MODE_SYS                   @ user mode shares its registers with system mode
    orr     r3, r3, #IRQ_OFF
    sub     sp, sp, #16
    msr     cpsr_c, r3
    mov     r4, sp
    mov     r5, lr
    msr     cpsr_c, r2
    stm     sp, {r1}
    str     r0, [sp, #4]
    str     r4, [sp, #8]
    str     r5, [sp, #12]
    mov     r6, r3
    mov     r7, r2
    mov     r0, sp
    bl      exception_taken
    ldr     r4, [sp, #8]
    ldr     r5, [sp, #12]
    msr     cpsr_c, r6
    mov     sp, r4
    mov     lr, r5
    msr     cpsr_c, r7
    ldr     r0, [sp, #4]
    msr     spsr_cxsf, r0
    clrex
    add     sp, sp, #16
    ldm     sp!, {r0-r12, pc}^

vector_irq:
    sub     lr, lr, #4
    push    {r0-r3, r12, lr}
    mov     r0, sp
    bic     r1, r0, #7                      @ the procedure call standard wants 8-byte alignment
    mov     sp, r1
    push    {r0, r1}
    bl      gic_take_interrupts
    mov     r2, r0
    pop     {r0, r1}
    mov     sp, r0
    cmp     r2, #0                          @ not where it was interrupted, but here, in SVC mode
    strne   r2, [sp, #20]
    movne   r2, #MODE_SVC | IRQ_OFF
    msrne   spsr_cxsf, r2
    clrex
    ldm     sp!, {r0-r3, r12, pc}^

/* Runs foreign code: void foreign_run(const uint32_t registers[15], uint32_t pc, uint32_t cpsr). It comes back
 * when an exception's hook puts foreign_return into the frame, or an interrupt diverts to it. */
    .text
    .global foreign_run
    .type foreign_run, %function
foreign_run:
    push    {r4-r12, lr}
    ldr     r3, =foreign_stack
    str     sp, [r3]
    msr     spsr_cxsf, r2
    mov     lr, r1
    and     r3, r2, #0xf
    cmp     r3, #0                          @ user mode has its own sp and lr
    addeq   r3, r0, #52
    ldmeq   r3, {sp, lr}^
    nop
    ldrne   sp, [r0, #52]
    mov     r3, r1
    ldr     r1, =foreign_pc
    str     r3, [r1]
    ldm     r0, {r0-r12}
    ldr     lr, =foreign_pc
    ldr     lr, [lr]
    movs    pc, lr

    .global foreign_return
    .type foreign_return, %function
foreign_return:
    msr     cpsr_cxsf, #MODE_IRQ | IRQ_OFF  @ whatever the foreign code did to the stacks
    ldr     sp, =irq_stack_top
    msr     cpsr_c, #MODE_ABT | IRQ_OFF
    ldr     sp, =abort_stack_top
    msr     cpsr_c, #MODE_UND | IRQ_OFF
    ldr     sp, =undefined_stack_top
    msr     cpsr_c, #MODE_SVC | IRQ_OFF
    ldr     r3, =foreign_stack
    ldr     sp, [r3]
    pop     {r4-r12, pc}

    .section .bss.foreign, "aw", %nobits
    .balign 4
foreign_stack:
    .space  4
foreign_pc:
    .space  4

    .section .bss.stacks, "aw", %nobits
    .balign 4096
    .global stack_guard
stack_guard:                                @ left out of the page tables: an overflow is an abort
    .space  4096
    .space  64 * 1024
stack_top:
    .space  4096
irq_stack_top:
    .space  4096
abort_stack_top:
    .space  4096
undefined_stack_top:
