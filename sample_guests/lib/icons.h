/* The sample guests' own icons, as outlines on a grid of 24. */
#ifndef GUEST_ICONS_H
#define GUEST_ICONS_H

#include "canvas.h"

enum icon {
    ICON_NOTES,
    ICON_CONTACTS,
    ICON_PHOTOS,
    ICON_CLOCK,
    ICON_SETTINGS,
    ICON_CALCULATOR,
    ICON_DRAW,
    ICON_CALENDAR,
    ICON_BACK,
    ICON_PLUS,
    ICON_DELETE,
    ICON_CHECK,
    ICON_CLOSE,
    ICON_STAR,
    ICON_STAR_OUTLINE,
    ICON_PHONE,
    ICON_MAIL,
    ICON_PLACE,
    ICON_PERSON,
    ICON_BADGE,
    ICON_POWER,
    ICON_RESTART,
    ICON_BRIGHTNESS,
    ICON_VOLUME,
    ICON_MUTE,
    ICON_LOCK,
    ICON_CHEVRON_UP,
    ICON_CHEVRON_RIGHT,
    ICON_BATTERY,
    ICON_SHIFT,
    ICON_SHIFT_ON,
    ICON_BACKSPACE,
    ICON_RETURN,
    ICON_PLAY,
    ICON_PAUSE,
    ICON_FLAG,
    ICON_CHIP,
    ICON_MEMORY,
    ICON_PANEL,
    ICON_INFO,
    ICON_WARNING,
    ICON_COUNT
};

/* Centred on x, y. */
void draw_icon(struct canvas *c, enum icon icon, int x, int y, int size, uint32_t color);

#endif
