/* What happens at an undefined instruction, SVC, prefetch or data abort: a report on the console and a stop,
 * unless a guest sets a hook. */
#ifndef GUEST_EXCEPTIONS_H
#define GUEST_EXCEPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum exception_kind { EXCEPTION_UNDEFINED, EXCEPTION_SVC, EXCEPTION_PREFETCH, EXCEPTION_DATA };

/* As start.S lays it out. Changes to it take effect on return. */
struct exception_frame {
    uint32_t kind, spsr, sp, lr;
    uint32_t r[13], pc;
};

/* Answers true where the guest is to go on with the frame as it is now. */
extern bool (*exception_hook)(struct exception_frame *frame);

/* The address that a data or prefetch abort names, and its status. */
uint32_t exception_address(const struct exception_frame *frame);
uint32_t exception_status(const struct exception_frame *frame);
/* Runs foreign code with these registers (r0-r12, sp, lr) and CPSR, until a hook or an interrupt's diversion
 * sends it to foreign_return. */
void foreign_run(const uint32_t registers[15], uint32_t pc, uint32_t cpsr);
void foreign_return(void);
/* Prints a sentence and stops for good. */
void panic(const char *pattern, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
