/* Touches, keyboard keys and the phone's own keys, as one stream. */
#ifndef GUEST_INPUT_H
#define GUEST_INPUT_H

#include <stdbool.h>
#include <stdint.h>

enum input_kind { INPUT_DOWN, INPUT_MOVE, INPUT_UP, INPUT_KEY, INPUT_HARDWARE_KEY };

struct input_event {
    enum input_kind kind;
    int slot, x, y; /* a touch: which finger, and where on the panel */
    unsigned code;  /* a key: Linux's KEY_* */
    int pressed;    /* a key: 1 pressed, 2 repeated, 0 released */
};

/* The codes that these guests use: include/uapi/linux/input-event-codes.h. */
enum {
    KEY_ESC = 1,
    KEY_BACKSPACE = 14,
    KEY_ENTER = 28,
    KEY_LEFTSHIFT = 42,
    KEY_RIGHTSHIFT = 54,
    KEY_CAPSLOCK = 58,
    KEY_HOME = 102,
    KEY_UP = 103,
    KEY_LEFT = 105,
    KEY_RIGHT = 106,
    KEY_END = 107,
    KEY_DOWN = 108,
    KEY_DELETE = 111,
    KEY_MUTE = 113,
    KEY_VOLUMEDOWN = 114,
    KEY_VOLUMEUP = 115,
    KEY_POWER = 116,
    KEY_MENU = 139,
    KEY_BACK = 158,
    KEY_PHONE = 169,
    KEY_HOMEPAGE = 172,
    KEY_CAMERA = 212,
    KEY_SEARCH = 217,
    KEY_HANGUP_PHONE = 446,
};

enum { INPUT_SLOTS = 5 };

void input_start(void);
bool input_next(struct input_event *event);
/* The character that a key gives on a US keyboard, or 0. */
char input_character(unsigned code, bool shift);

/* For the drivers. A full queue drops the event. */
void input_put(const struct input_event *event);

#endif
