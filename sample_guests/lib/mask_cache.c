#include "mask_cache.h"
#include "heap.h"
#include "text.h"

enum { SLOTS = 2048, ARENA = 1 << 20, LARGEST = 160 << 10 };

static struct {
    uint32_t key;
    const struct mask *mask;
} slots[SLOTS];
static uint8_t *arena;
static uint32_t used;
static int count;

static unsigned slot_of(uint32_t key) {
    unsigned at = key * 2654435761u >> 21;
    while (slots[at].mask && slots[at].key != key)
        at = (at + 1) % SLOTS;
    return at;
}

static uint32_t full_key(enum mask_family family, uint32_t key) {
    return (uint32_t)family << 30 | key;
}

const struct mask *mask_find(enum mask_family family, uint32_t key) {
    return slots[slot_of(full_key(family, key))].mask;
}

struct mask *mask_room(uint32_t *bytes) {
    if (!arena)
        arena = heap_take(ARENA);
    if (used + LARGEST > ARENA || count > SLOTS * 3 / 4) {
        memset(slots, 0, sizeof slots);
        used = 0;
        count = 0;
    }
    *bytes = LARGEST;
    return (struct mask *)(arena + used);
}

const struct mask *mask_keep(enum mask_family family, uint32_t key) {
    struct mask *mask = (struct mask *)(arena + used);
    used += (sizeof *mask + (uint32_t)(mask->width * mask->height) + 7) & ~7u;
    unsigned at = slot_of(full_key(family, key));
    slots[at].key = full_key(family, key);
    slots[at].mask = mask;
    count++;
    return mask;
}
