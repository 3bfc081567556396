/* The phone's one loop: input, a frame if one is due, then sleep until there is something to do. */
#include "animation.h"
#include "board.h"
#include "clipboard.h"
#include "commands.h"
#include "exceptions.h"
#include "frame.h"
#include "notes.h"
#include "protected.h"
#include "runtime.h"
#include "shell.h"

static void loop(void) {
    uint64_t next_frame = 0;
    bool due = false; /* what was slept for has come: asked again, shell_next_wake() names the one after */
    for (;;) {
        struct input_event event;
        while (input_next(&event))
            shell_input(&event, timer_now());
        console_poll();
        uint64_t now = timer_now();
        clipboard_poll(now);
        protected_poll(now);
        bool moving = shell_moving() || animation_on();
        uint64_t wake = moving ? next_frame : shell_next_wake(now);
        if (clipboard_wake() < wake)
            wake = clipboard_wake();
        if (protected_wake() < wake)
            wake = protected_wake();
        if (damage_any() && !shell_asleep() && next_frame < wake)
            wake = next_frame;
        if (due || now >= wake) {
            due = false;
            if (animation_on() && !shell_asleep())
                animation_frame(now);
            else
                shell_frame(now);
            /* On the beat where it can be kept; after a pause the beat begins anew. */
            next_frame = now - next_frame < FRAME_TIME ? next_frame + FRAME_TIME : now + FRAME_TIME;
            continue;
        }
        idle_until(wake);
        due = timer_now() >= wake;
    }
}

void guest_main(void) {
    if (!board.panel.pixels)
        panic("no panel: the device tree has no simple framebuffer");
    ui_start();
    print("%s phone\n", dress.name);
    print("panel %d x %d, memory %u MiB, timer %u Hz\n", panel_width(), panel_height(), board.ram_bytes >> 20,
          timer_frequency());
    frame_start();
    notes_start();
    input_start();
    clipboard_start();
    protected_start();
    shell_start();
    shell_frame(timer_now());
    uint32_t micros = (uint32_t)(timer_now() / 1000);
    print("ready after %u.%03u ms\n", micros / 1000, micros % 1000);
    console_commands(phone_commands);
    loop();
}
