/* The PL011 as a console: print, and lines of input with an echo. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stdbool.h>

void console_start(void);
void print(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
void print_character(char character);
/* The next received byte, or -1. */
int console_read(void);

struct command {
    const char *name, *arguments, *help;
    void (*run)(int count, char **words); /* words[0] is the name */
};

/* Prints the prompt; console_poll() then runs what is typed, and `help` lists the commands (the table ends
 * with a NULL name). */
void console_commands(const struct command *commands);
void console_poll(void);
/* The prompt is printed again in front of the next input: call after printing on one's own account. */
void console_note(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

#endif
