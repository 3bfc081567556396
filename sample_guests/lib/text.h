/* Strings, numbers in text, and the console's print. */
#ifndef GUEST_TEXT_H
#define GUEST_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
int text_compare(const char *a, const char *b);
bool text_starts(const char *text, const char *prefix);
/* Copies and always terminates. */
void text_copy(char *to, const char *from, size_t size);
/* Decimal or 0x...; false where it is no number. */
bool text_number(const char *text, uint32_t *value);
/* The next UTF-8 character; a broken one is taken byte by byte. */
uint32_t text_next(const char **text);

/* %d %u %x %c %s %% with width and 0; %llu %llx for 64 bits. */
int format(char *to, size_t size, const char *pattern, ...) __attribute__((format(printf, 3, 4)));
int format_list(char *to, size_t size, const char *pattern, va_list values);

#endif
