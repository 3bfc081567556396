/* A monitor on the serial console, one key a command; it waits for keys in WFI.
 * q: power off   r: reset   s: spin for ever   f: fill the panel's first line   t: touch 1 MiB of RAM
 * u: undefined instruction, handled by nothing   other keys are echoed, Enter gives a prompt.
 * arm-none-eabi-gcc -nostdlib -c monitor.S -o monitor.o && arm-none-eabi-objcopy -O binary monitor.o monitor.bin
 */
    .arch armv7-a
    .arch_extension virt
    .arm
_start:
    mov r4, #0x09000000         @ PL011
    mov r0, #0x70
    str r0, [r4, #0x2c]         @ LCR_H: 8 bits, FIFO
    movw r0, #0x301
    str r0, [r4, #0x30]         @ CR: on, TX, RX
    mov r0, #0x50
    str r0, [r4, #0x38]         @ IMSC: RX, RX timeout
    mov r6, #0x08000000         @ GIC distributor
    mov r0, #1
    str r0, [r6]
    strb r0, [r6, #0x821]       @ interrupt 33 goes to this CPU
    mov r1, #2
    str r1, [r6, #0x104]        @ enable 33
    add r6, r6, #0x10000        @ CPU interface
    str r0, [r6]
    mov r1, #0xff
    str r1, [r6, #4]
    adr r5, banner
    bl print
wait:
    wfi
next:
    ldr r0, [r4, #0x18]
    tst r0, #0x10               @ RX FIFO empty
    bne wait
    ldr r0, [r4]
    and r0, r0, #0xff
    cmp r0, #'q'
    beq off
    cmp r0, #'r'
    beq again
    cmp r0, #'s'
spin:
    beq spin
    cmp r0, #'f'
    beq fill
    cmp r0, #'t'
    beq touch
    cmp r0, #'u'
    beq undefined
    str r0, [r4]
    cmp r0, #'\r'
    bne next
    adr r5, prompt
    bl print
    b next
off:
    movw r0, #8
    movt r0, #0x8400
    hvc #0
again:
    movw r0, #9
    movt r0, #0x8400
    hvc #0
fill:
    mov r1, #0x0c000000
    movw r2, #0x00ff
    movt r2, #0x00ff            @ magenta
    mov r3, #320
1:  str r2, [r1], #4
    subs r3, r3, #1
    bne 1b
    b next
touch:
    mov r1, #0x40000000
    add r1, r1, #0x100000
    mov r3, #256
2:  str r3, [r1]
    add r1, r1, #4096
    subs r3, r3, #1
    bne 2b
    b next
undefined:
    udf #0
print:
    ldrb r0, [r5], #1
    cmp r0, #0
    bxeq lr
    str r0, [r4]
    b print
banner: .ascii "monitor ready\r"
prompt: .asciz "\n# "
