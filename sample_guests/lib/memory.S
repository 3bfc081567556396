/* Memory copies and fills. The names that the compiler calls (memcpy, memset...) use core registers alone,
 * so that interrupt handlers may use them; copy_block and fill_block move 128 bytes an instruction. */
    .syntax unified
    .arch armv7-a
    .fpu neon
    .arm
    .text

/* void *memcpy(void *to, const void *from, size_t bytes) */
    .global memcpy
    .type memcpy, %function
memcpy:
    mov     r12, r0
    orr     r3, r0, r1
    tst     r3, #3
    bne     2f
    push    {r4-r9}
1:  subs    r2, r2, #32
    ldmhs   r1!, {r3-r9}
    stmhs   r12!, {r3-r9}
    ldrhs   r3, [r1], #4
    strhs   r3, [r12], #4
    bhs     1b
    pop     {r4-r9}
    add     r2, r2, #32
3:  subs    r2, r2, #4
    ldrhs   r3, [r1], #4
    strhs   r3, [r12], #4
    bhs     3b
    add     r2, r2, #4
2:  subs    r2, r2, #1
    ldrbhs  r3, [r1], #1
    strbhs  r3, [r12], #1
    bhs     2b
    bx      lr

/* void *memmove(void *to, const void *from, size_t bytes) */
    .global memmove
    .type memmove, %function
memmove:
    subs    r3, r0, r1
    cmp     r3, r2                          @ unsigned: `to` before `from` counts as far away
    bhs     memcpy
1:  subs    r2, r2, #1
    ldrbhs  r3, [r1, r2]
    strbhs  r3, [r0, r2]
    bhs     1b
    bx      lr

/* void *memset(void *to, int byte, size_t bytes) */
    .global memset
    .type memset, %function
memset:
    mov     r12, r0
    and     r1, r1, #0xff
    tst     r0, #3
    bne     2f
    orr     r3, r1, r1, lsl #8
    orr     r3, r3, r3, lsl #16
1:  subs    r2, r2, #4
    strhs   r3, [r12], #4
    bhs     1b
    add     r2, r2, #4
2:  subs    r2, r2, #1
    strbhs  r1, [r12], #1
    bhs     2b
    bx      lr

/* int memcmp(const void *a, const void *b, size_t bytes) */
    .global memcmp
    .type memcmp, %function
memcmp:
    mov     r12, #0
1:  subs    r2, r2, #1
    blo     2f
    ldrb    r12, [r0], #1
    ldrb    r3, [r1], #1
    subs    r12, r12, r3
    beq     1b
2:  mov     r0, r12
    bx      lr

/* void copy_block(uint32_t *to, const uint32_t *from, uint32_t words). Not for interrupt handlers. */
    .global copy_block
    .type copy_block, %function
copy_block:
    subs    r2, r2, #32
    blo     2f
    vpush   {d8-d15}
1:  vldm    r1!, {d0-d15}
    vstm    r0!, {d0-d15}
    subs    r2, r2, #32
    bhs     1b
    vpop    {d8-d15}
2:  adds    r2, r2, #32
    bxeq    lr
3:  ldr     r3, [r1], #4
    str     r3, [r0], #4
    subs    r2, r2, #1
    bne     3b
    bx      lr

/* void fill_block(uint32_t *to, uint32_t value, uint32_t words). Not for interrupt handlers. */
    .global fill_block
    .type fill_block, %function
fill_block:
    subs    r2, r2, #32
    blo     2f
    vpush   {d8-d15}
    vdup.32 q0, r1
    vmov    q1, q0
    vmov    q2, q0
    vmov    q3, q0
    vmov    q4, q0
    vmov    q5, q0
    vmov    q6, q0
    vmov    q7, q0
1:  vstm    r0!, {d0-d15}
    subs    r2, r2, #32
    bhs     1b
    vpop    {d8-d15}
2:  adds    r2, r2, #32
    bxeq    lr
3:  str     r1, [r0], #4
    subs    r2, r2, #1
    bne     3b
    bx      lr
