/* Masks that are worth keeping: glyphs, icons, corners, shadows. When the memory for them is full all are
 * dropped, so a mask is only good until the next one is asked for. */
#ifndef GUEST_MASK_CACHE_H
#define GUEST_MASK_CACHE_H

#include "canvas.h"

enum mask_family { MASK_GLYPH = 0, MASK_ICON = 1, MASK_CORNER = 2, MASK_SHADOW = 3 };

/* The key holds whatever tells masks of a family apart, in 30 bits. NULL: not there yet. */
const struct mask *mask_find(enum mask_family family, uint32_t key);
/* Room for a mask under construction, at least of this size; mask_keep() then files it. */
struct mask *mask_room(uint32_t *bytes);
const struct mask *mask_keep(enum mask_family family, uint32_t key);

#endif
