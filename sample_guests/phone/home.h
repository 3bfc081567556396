/* The home screen, drawn also under the lock screen while that is lifted. */
#ifndef PHONE_HOME_H
#define PHONE_HOME_H

#include "canvas.h"

/* `shown` is 0 (not there) to 1024. */
void draw_home(struct canvas *c, int shown);

#endif
