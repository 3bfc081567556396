#include "shell.h"
#include "board.h"
#include "console.h"
#include "frame.h"
#include "text.h"
#include "widgets.h"

struct app apps[APP_COUNT] = {
    [APP_NOTES] = {"Notes", ICON_NOTES, &notes_screen, 0, 0},
    [APP_CONTACTS] = {"Contacts", ICON_CONTACTS, &contacts_screen, 0, 0},
    [APP_PHOTOS] = {"Photos", ICON_PHOTOS, &photos_screen, 0, 0},
    [APP_SETTINGS] = {"Settings", ICON_SETTINGS, &settings_screen, 0, 0},
    [APP_CALENDAR] = {"Calendar", ICON_CALENDAR, &calendar_screen, 0, 0},
    [APP_CLOCK] = {"Clock", ICON_CLOCK, &clock_screen, 0, 0},
    [APP_CALCULATOR] = {"Calculator", ICON_CALCULATOR, &calculator_screen, 0, 0},
    [APP_DRAW] = {"Draw", ICON_DRAW, &draw_screen, 0, 0},
};
bool trace_touches;

#define HELD (600 * MILLISECONDS)

static const struct screen *current = &lock_screen;
static struct rect opened_from;
static bool asleep, moving = true;
static uint64_t last_frame, minute, power_pressed, fade_start;
static enum { EDGE_NONE, EDGE_LEFT, EDGE_BOTTOM } edge;

const struct screen *shell_screen(void) {
    return current;
}
bool shell_asleep(void) {
    return asleep;
}

enum app_id app_of(const struct screen *screen) {
    screen = screen == &editor_screen      ? &notes_screen
             : screen == &contact_screen   ? &contacts_screen
             : screen == &photo_screen     ? &photos_screen
             : screen == &protected_screen ? &photos_screen
                                           : screen;
    int id = 0;
    while (id < APP_COUNT && apps[id].screen != screen)
        id++;
    return id;
}

uint32_t app_color(const struct screen *screen) {
    enum app_id id = app_of(screen);
    return RGB(id == APP_COUNT ? dress.accent : dress.app_colors[id]);
}

/* Everything within the canvas's clip. */
static void compose(struct canvas *c) {
    hits_begin();
    current->draw(c);
    c->opacity = 256;
    draw_status_bar(c, current != &lock_screen);
    overlays_draw(c);
}

void shell_start(void) {
    wall_adjust();
    damage_all();
}

void shell_show(const struct screen *screen, enum transition how, struct rect at) {
    uint64_t now = timer_now();
    pointer_cancel();
    transition_end();
    const struct screen *before = current;
    if (how != SHOW_AT_ONCE && !asleep) {
        struct surface keep = back; /* the picture shown now becomes the one that goes */
        back = snapshot_from;
        snapshot_from = keep;
    }
    current = screen;
    if (screen->open)
        screen->open();
    moving = true;
    damage_all();
    if (how == SHOW_AT_ONCE || asleep)
        return;
    struct canvas c = canvas_on(&snapshot_to);
    compose(&c);
    transition_start(how, at, app_color(how == SHOW_SHRINK ? before : screen), now);
}

void shell_open(enum app_id app, struct rect from) {
    if (asleep)
        shell_wake_up();
    if (app_of(current) == app)
        return;
    opened_from = from;
    apps[app].opened++;
    shell_show(apps[app].screen, SHOW_GROW, from);
}

void shell_home(void) {
    if (current == &home_screen || current == &lock_screen)
        return;
    if (rect_empty(opened_from))
        opened_from = rect_inset(panel_rect(), panel_width() / 3);
    shell_show(&home_screen, SHOW_SHRINK, opened_from);
}

void shell_back(void) {
    if (overlays_back() || current == &lock_screen || (current->back && current->back()))
        return;
    shell_home();
}

void shell_lock(void) {
    if (current != &lock_screen)
        shell_show(&lock_screen, SHOW_FADE, panel_rect());
}

void shell_sleep(void) {
    asleep = true;
    pointer_cancel();
    transition_end();
    overlays_back();
    shell_show(&lock_screen, SHOW_AT_ONCE, panel_rect());
    frame_black();
}

void shell_wake_up(void) {
    asleep = false;
    wall_adjust();
    fade_start = timer_now();
    set_fade(0);
    moving = true;
}

static void open_by_key(enum app_id app) {
    if (current != &lock_screen)
        shell_open(app, rect_inset(panel_rect(), panel_width() / 3));
}

static void hardware_key(unsigned code, bool pressed, uint64_t now) {
    if (code == KEY_POWER) {
        if (pressed && !asleep)
            power_pressed = now;
        else if (pressed)
            shell_wake_up();
        else if (power_pressed && now - power_pressed < HELD) { /* else the menu is due, if late */
            power_pressed = 0;
            shell_sleep();
        }
        return;
    }
    if (!pressed)
        return;
    if (asleep) {
        if (code == KEY_HOMEPAGE || code == KEY_HOME)
            shell_wake_up();
        return;
    }
    switch (code) {
    case KEY_HOMEPAGE:
    case KEY_HOME:
        shell_home();
        break;
    case KEY_BACK:
        shell_back();
        break;
    case KEY_VOLUMEUP:
        volume_step(1);
        break;
    case KEY_VOLUMEDOWN:
        volume_step(-1);
        break;
    case KEY_MUTE:
        volume_mute();
        break;
    case KEY_HANGUP_PHONE:
        shell_sleep();
        break;
    case KEY_CAMERA:
        open_by_key(APP_PHOTOS);
        break;
    case KEY_SEARCH:
    case KEY_PHONE:
        open_by_key(APP_CONTACTS);
        break;
    case KEY_MENU:
        open_by_key(APP_SETTINGS);
        break;
    }
}

static void keyboard(unsigned code, int pressed, uint64_t now) {
    static bool shift, caps;
    if (code == KEY_VOLUMEUP || code == KEY_VOLUMEDOWN ||
        code == KEY_POWER) { /* a keyboard may have them too */
        hardware_key(code, pressed != 0, now);
        return;
    }
    if (code == KEY_LEFTSHIFT || code == KEY_RIGHTSHIFT) {
        shift = pressed != 0;
        return;
    }
    if (!pressed || asleep)
        return;
    if (code == KEY_CAPSLOCK)
        caps = !caps;
    char character = input_character(code, shift);
    if (caps && ((character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z')))
        character ^= 0x20;
    if (code == KEY_ESC || code == KEY_BACK)
        shell_back();
    else if (code == KEY_HOMEPAGE)
        shell_home();
    else if (current->key)
        current->key(code, character);
}

/* A swipe from the lower edge goes home, one from the left edge goes back: not every handset has the keys. */
static bool edge_swipe(const struct input_event *event) {
    if (event->kind == INPUT_DOWN) {
        edge = event->y >= panel_height() - dp(10) ? EDGE_BOTTOM : event->x <= dp(9) ? EDGE_LEFT : EDGE_NONE;
        return false;
    }
    int up = pointer.start_y - event->y, right = event->x - pointer.start_x;
    bool done =
        (edge == EDGE_BOTTOM && up > dp(60)) || (edge == EDGE_LEFT && right > dp(60) && right > 2 * up);
    if (!done || event->kind != INPUT_MOVE || current == &lock_screen || current == &home_screen)
        return false;
    bool back_swipe = edge == EDGE_LEFT;
    edge = EDGE_NONE;
    pointer_cancel();
    if (back_swipe)
        shell_back();
    else
        shell_home();
    return true;
}

static void touched(const struct input_event *event, uint64_t now) {
    if (trace_touches && event->kind != INPUT_MOVE)
        console_note("touch %d %d %s", event->x, event->y, event->kind == INPUT_DOWN ? "down" : "up");
    if (asleep)
        return;
    if (transition_running() && event->kind == INPUT_DOWN) {
        transition_end(); /* a finger does not wait for a picture */
        damage_all();
    }
    if (overlays_touch(event, now) || (event->slot == 0 && edge_swipe(event)))
        return;
    if (current->touch && current->touch(event, now))
        return;
    if (event->slot != 0)
        return;
    int id = pointer_follow(event, current->scroller, now);
    if (id == ID_BACK)
        shell_back();
    else if (id && current->tap)
        current->tap(id);
}

void shell_input(const struct input_event *event, uint64_t now) {
    enum app_id app = app_of(current);
    if (event->kind == INPUT_HARDWARE_KEY) {
        if (trace_touches)
            console_note("key %u %s", event->code, event->pressed ? "down" : "up");
        hardware_key(event->code, event->pressed != 0, now);
    } else if (event->kind == INPUT_KEY) {
        keyboard(event->code, event->pressed, now);
    } else {
        touched(event, now);
    }
    moving = true;
    if (app < APP_COUNT)
        apps[app].busy += timer_now() - now;
}

bool shell_moving(void) {
    return moving && !asleep;
}

uint64_t shell_next_wake(uint64_t now) {
    uint64_t wake = NEVER;
    if (power_pressed)
        wake = power_pressed + HELD;
    if (asleep)
        return wake;
    if (wall_next_minute(now) < wake)
        wake = wall_next_minute(now);
    if (overlays_wake() < wake)
        wake = overlays_wake();
    if (current->wake && current->wake(now) < wake)
        wake = current->wake(now);
    return wake;
}

static void draw_damage(void) {
    struct rect list[DAMAGE_MAX];
    int count = damage_take(list);
    for (int i = 0; i < count; i++) {
        struct canvas c = canvas_on(&back);
        c.clip = list[i];
        compose(&c);
        frame_show(list[i]);
    }
}

static void tick_wake_fade(uint64_t now) {
    uint64_t passed = (now - fade_start) / MILLISECONDS;
    set_fade(passed >= 180 ? 256 : ease_out((int)passed * 1024 / 180) / 4);
    if (passed >= 180)
        fade_start = 0;
}

void shell_frame(uint64_t now) {
    if (power_pressed && now - power_pressed >= HELD) {
        power_pressed = 0;
        power_menu_show();
    }
    if (asleep)
        return;
    int frames = clamp((int)((now - last_frame + FRAME_TIME / 2) / FRAME_TIME), 1, 6);
    bool was_moving = moving;
    if (was_moving && last_frame && now - last_frame > FRAME_TIME * 7 / 4 && now - last_frame < SECONDS / 4)
        frame_counts.late++;
    last_frame = now;
    if (wall_seconds(now) / 60 != minute) {
        wall_adjust();
        minute = wall_seconds(now) / 60;
        damage_all();
    }
    moving = fade_start != 0;
    if (fade_start)
        tick_wake_fade(now);
    if (transition_running()) {
        moving = true;
        if (!transition_frame(now))
            damage_all();
    }
    if (!transition_running()) {
        moving |= current->tick && current->tick(frames, now);
        moving |= current->scroller && scroller_tick(current->scroller, frames);
        moving |= overlays_tick(frames, now);
        if (!damage_any())
            return;
        draw_damage();
    }
    uint64_t took = timer_now() - now;
    enum app_id app = app_of(current);
    if (app < APP_COUNT)
        apps[app].busy += took;
    frame_counts.frames++;
    frame_counts.draw_time += took;
    if (took > frame_counts.longest)
        frame_counts.longest = took;
}
