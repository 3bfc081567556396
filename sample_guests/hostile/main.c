/* A guest that misbehaves on command: by the console, by a touch, or at once by the boot argument
 * hostile=MODE. For testing what runs it; there is nothing useful here. */
#include "board.h"
#include "console.h"
#include "input.h"
#include "modes.h"
#include "runtime.h"
#include "screen.h"
#include "suite.h"
#include "text.h"
#include "timer.h"

#include <stddef.h>

enum { MODES_MAX = 16 };

static struct command commands[MODES_MAX + 2];

static const struct mode *find(const char *name) {
    for (const struct mode *mode = modes; mode->name; mode++)
        if (text_equal(mode->name, name))
            return mode;
    return NULL;
}

static void run(int count, char **words) {
    (void)count;
    mode_run(find(words[0]));
}

void guest_main(void) {
    char name[16];
    print("hostile\n");
    const struct mode *wanted = board_argument("hostile", name, sizeof name) ? find(name) : NULL;
    screen_start();
    if (wanted)
        mode_run(wanted);
    commands[0] = (struct command){"attack", "NAME", "one kind of attack, counted", suite_run};
    for (int i = 0; modes[i].name && i < MODES_MAX; i++)
        commands[i + 1] = (struct command){modes[i].name, "", modes[i].does, run};
    input_start();
    console_commands(commands);
    const struct mode *chosen = NULL;
    for (;;) {
        struct input_event event;
        console_poll();
        while (input_next(&event)) {
            if (event.kind == INPUT_DOWN)
                chosen = screen_press(event.x, event.y);
            if (event.kind == INPUT_UP && chosen)
                mode_run(chosen);
            if (event.kind == INPUT_UP)
                screen_release();
        }
        idle_until(NEVER);
    }
}
