/* The ways in which this guest misbehaves. Each goes on for ever: only whoever runs the guest ends it. */
#ifndef HOSTILE_MODES_H
#define HOSTILE_MODES_H

#include <stdint.h>

struct mode {
    const char *name, *title, *does;
    void (*run)(void);
};

/* Ends with a NULL name. */
extern const struct mode modes[];
void mode_run(const struct mode *mode) __attribute__((noreturn));

/* For the modes. */
uint32_t chance(void);
/* A line a second. What the guest did to the UART is undone first. */
void progress(uint32_t count, const char *unit);
/* A MiB of its own, on its own section. */
uint32_t *section_of_heap(void);

/* garbage.c */
void execute_as_user(void);
void execute_as_kernel(void);
void write_system(void);
void rewrite_code(void);

#endif
