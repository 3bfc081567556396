@ Interrupts. Writing to the device at 0x48000000 lowers the line; writing n to its offset 4 raises it when n
@ more instructions' worth of time have passed, at once for 0.
 .include "prelude.inc"
 .equ COUNT, 0x40019000
test:
 ldr r10, =0x48000000
 ldr r0, =IRQ_HANDLER
 adr r1, handler
 str r1, [r0]
 @ the line rises while masked, and stays
 mov r0, #0
 str r0, [r10, #4]
 mov r1, #1000
1: subs r1, r1, #1
 bne 1b
 bl count
 result r0                    @ 0
 cpsie i
 nop
 cpsid i                      @ one moment is enough
 bl count
 result r0                    @ 1
 ldr r0, =LAST
 ldr r1, [r0]
 adr r2, 1b + 20              @ the instruction behind CPSIE
 sub r1, r1, r2
 result r1                    @ 4
 ldr r1, [r0, #4]
 and r1, r1, #0xff
 result r1                    @ SVC mode, I clear
 @ it comes while a loop runs, and the loop does not notice
 mov r0, #500
 str r0, [r10, #4]
 cpsie i
 ldr r1, =10000
 mov r2, #0
2: add r2, r2, r1
 subs r1, r1, #1
 bne 2b
 cpsid i
 result r2
 bl count
 result r0                    @ 2
 @ WFI with the line low: the machine waits for us
 ldr r0, =0x7fffffff
 str r0, [r10, #4]
 cpsie i
 wfi
 cpsid i
 bl count
 result r0                    @ 3
 @ WFI masked, then a moment unmasked, as Linux idles
 ldr r0, =0x7fffffff
 str r0, [r10, #4]
 wfi
 bl count
 result r0                    @ 3
 cpsie i
 cpsid i
 bl count
 result r0                    @ 4
 @ from Thumb, in the middle of an IT block that ends a page
 mov r0, #0
 ldr r1, =thumb
 blx r1
 result r0                    @ 1
 result r2
 bl count
 result r0                    @ 5
 ldr r0, =LAST
 ldr r1, [r0, #4]
 ldr r2, =0x0600fc20
 and r1, r1, r2
 result r1                    @ T and the IT bits
 finish

count:
 ldr r0, =COUNT
 ldr r0, [r0]
 bx lr

handler:
 ldr r0, =COUNT
 ldr r1, [r0]
 add r1, r1, #1
 str r1, [r0]
 ldr r0, =0x48000000
 str r1, [r0]
 mvn r1, #0                   @ as a compiler may: flags and all
 cmp r1, r1
 bx lr
 .ltorg

 .thumb
 .balign 4096
 .space 4096 - 18
 .thumb_func
thumb:
 movs r2, #0
 ldr r3, =0x48000000
 movs r1, #1
 cpsie i
 str r2, [r3, #4]             @ raises the line
 cmp r2, #1
 ittee ne
 addne r0, #1
 addne r2, #5                 @ the page ends here, and with it the block: now it comes
 addeq r0, #100
 addeq r2, #100
 cpsid i
 bx lr
 .ltorg
 .arm
