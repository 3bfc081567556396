/* The keyboard on the panel: letters and figures, by as many fingers as there are. */
#ifndef PHONE_KEYBOARD_H
#define PHONE_KEYBOARD_H

#include "ui.h"

int keyboard_height(void);
/* `open` is 0 (below the panel) to 1024. */
void keyboard_draw(struct canvas *c, int open);
/* True where the touch belongs to the keyboard; `typed` is then called for a character ('\b' and '\n' too).
 */
bool keyboard_touch(const struct input_event *event, int open, void (*typed)(char character));
void keyboard_reset(void);

#endif
