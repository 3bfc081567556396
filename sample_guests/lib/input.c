#include "input.h"
#include "keys.h"
#include "virtio_input.h"

enum { QUEUE = 128 };

static struct input_event queue[QUEUE];
static volatile uint32_t head, tail;

void input_put(const struct input_event *event) {
    if (head - tail == QUEUE)
        return;
    queue[head % QUEUE] = *event;
    head++;
}

bool input_next(struct input_event *event) {
    virtio_input_poll();
    if (head == tail)
        return false;
    *event = queue[tail % QUEUE];
    tail++;
    return true;
}

void input_start(void) {
    keys_start();
    virtio_input_start();
}

char input_character(unsigned code, bool shift) {
    static const char plain[] = "\0\0001234567890-=\0\tqwertyuiop[]\0\0asdfghjkl;'`\0\\zxcvbnm,./";
    static const char shifted[] = "\0\0!@#$%^&*()_+\0\tQWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";
    if (code == 57)
        return ' ';
    return code < sizeof plain ? (shift ? shifted : plain)[code] : 0;
}
