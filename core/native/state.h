/* A device's state is a plain struct and a table that names its fields. The table is the save format: what
 * is not in it is not saved. Readers skip names that they do not know and refuse a missing one. */
#ifndef POCKETVISOR_STATE_H
#define POCKETVISOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_field {
    const char *name; /* NULL ends a table */
    uint32_t offset;  /* within the state struct */
    uint8_t size;     /* bytes of one element: 1, 2, 4 or 8, unsigned */
    uint32_t count;   /* elements; more than one is a list, and bytes where size is 1 */
    bool later;       /* older states lack it, which means 0 */
};

#define STATE_FIELD(type, member) {#member, offsetof(type, member), sizeof(((type *)0)->member), 1, false}
#define STATE_LATER_FIELD(type, member)                                                                      \
    {#member, offsetof(type, member), sizeof(((type *)0)->member), 1, true}
#define STATE_ARRAY(type, member)                                                                            \
    {#member, offsetof(type, member), sizeof(((type *)0)->member[0]),                                        \
     sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), false}
#define STATE_END {0, 0, 0, 0, false}

#endif
