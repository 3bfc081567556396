/* Pictures made by rule: the wallpapers and photographs of the sample guests. */
#ifndef GUEST_SCENE_H
#define GUEST_SCENE_H

#include "canvas.h"

enum scene_kind {
    SCENE_HILLS,  /* ridges behind one another under a low sun */
    SCENE_SEA,    /* a sun over water */
    SCENE_NIGHT,  /* stars, a moon, a ridge */
    SCENE_FOREST, /* firs in mist */
    SCENE_CITY,   /* windows at dusk */
    SCENE_FACETS, /* translucent planes */
    SCENE_PAPER,  /* a plan on blue paper */
    SCENE_CHART,  /* a chart on a board */
};

struct scene {
    enum scene_kind kind;
    uint32_t top, middle, bottom; /* the sky or ground, from above to below */
    uint32_t near, light;         /* what is in front; the sun and its like */
    uint32_t seed;
};

void draw_scene(struct surface *to, const struct scene *scene);
/* `to` becomes `from`, blurred by about `radius` pixels (frosted glass). */
void blur_surface(struct surface *to, const struct surface *from, int radius);

#endif
