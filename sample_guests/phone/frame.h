/* From drawings to the panel: pictures are put together in RAM, and only what changed is copied. */
#ifndef PHONE_FRAME_H
#define PHONE_FRAME_H

#include "canvas.h"

/* The picture being put together, the wallpaper, and the wallpaper as seen through frosted glass. */
extern struct surface back, wallpaper, frosted;
/* Two pictures for transitions. */
extern struct surface snapshot_from, snapshot_to;

void frame_start(void);
/* Copies a part of `back` to the panel, as bright as the display is set. */
void frame_show(struct rect r);
void frame_black(void);

/* 16 to 256. */
void set_brightness(int level);
int brightness(void);
/* A passing factor on top, 0 to 256, for waking and for going to sleep. */
void set_fade(int level);

struct frame_counts {
    uint32_t frames, late, full; /* late: more than one frame time after the one before */
    uint64_t pixels, draw_time, longest;
};
extern struct frame_counts frame_counts;

#endif
