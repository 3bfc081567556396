/* Memory that is asked for once and kept: from behind the image to the end of RAM. */
#ifndef GUEST_HEAP_H
#define GUEST_HEAP_H

#include <stddef.h>
#include <stdint.h>

void heap_start(void);
/* Zeroed memory, aligned to 64 bytes; a panic where RAM is out. */
void *heap_take(size_t bytes);
/* As heap_take, but NULL where RAM is out, and not zeroed: pages stay untouched until written. */
void *heap_try(size_t bytes);
size_t heap_used(void);
size_t heap_free(void);

#endif
