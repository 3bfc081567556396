/* Which screen is in front, how one gives way to another, and what the hardware keys do. */
#ifndef PHONE_SHELL_H
#define PHONE_SHELL_H

#include "dress.h"
#include "rtc.h"
#include "ui.h"

/* A screen of an app. Everything but `name` and `draw` may be NULL. */
struct screen {
    const char *name;
    void (*open)(void);
    void (*draw)(struct canvas *c);
    void (*tap)(int id);
    /* Sees each touch first; true where it has dealt with it. */
    bool (*touch)(const struct input_event *event, uint64_t now);
    void (*key)(unsigned code, char character);
    /* True where it went back within the app. */
    bool (*back)(void);
    /* Moves what moves; true while it moves. */
    bool (*tick)(int frames, uint64_t now);
    /* When to tick though nothing moves. */
    uint64_t (*wake)(uint64_t now);
    struct scroller *scroller;
};

struct app {
    const char *name;
    enum icon icon;
    const struct screen *screen;
    uint32_t opened;
    uint64_t busy; /* nanoseconds spent on it */
};
extern struct app apps[APP_COUNT];
uint32_t app_color(const struct screen *screen);
/* The app that a screen belongs to, or APP_COUNT. */
enum app_id app_of(const struct screen *screen);

extern const struct screen home_screen, lock_screen, notes_screen, editor_screen, contacts_screen,
    contact_screen, photos_screen, photo_screen, settings_screen, calendar_screen, clock_screen,
    calculator_screen, draw_screen, protected_screen;

enum transition { SHOW_AT_ONCE, SHOW_GROW, SHOW_SHRINK, SHOW_PUSH, SHOW_POP, SHOW_FADE };

void shell_start(void);
const struct screen *shell_screen(void);
/* `at` is where SHOW_GROW begins or SHOW_SHRINK ends. */
void shell_show(const struct screen *screen, enum transition how, struct rect at);
void shell_open(enum app_id app, struct rect from);
void shell_home(void);
void shell_back(void);
void shell_lock(void);
void shell_sleep(void);
bool shell_asleep(void);
void shell_wake_up(void);

void shell_input(const struct input_event *event, uint64_t now);
/* Whether a frame is due as soon as possible, and when one is due otherwise. */
bool shell_moving(void);
uint64_t shell_next_wake(uint64_t now);
void shell_frame(uint64_t now);
extern bool trace_touches;

/* Overlays (overlays.c): above every screen. */
void overlays_draw(struct canvas *c);
bool overlays_touch(const struct input_event *event, uint64_t now);
bool overlays_tick(int frames, uint64_t now);
uint64_t overlays_wake(void);
/* True where something was open and is now closing. */
bool overlays_back(void);
void volume_step(int by);
void volume_mute(void);
int volume(void);
void dialog_show(const char *title, const char *text, const char *accept, uint32_t color,
                 void (*accepted)(void));
void power_menu_show(void);
/* A line of text that goes away by itself. */
void toast(const char *text);

/* Transitions (transition.c). */
void transition_start(enum transition how, struct rect at, uint32_t color, uint64_t now);
bool transition_running(void);
/* Draws a frame of it into `back`; false when it is over. */
bool transition_frame(uint64_t now);
void transition_end(void);

/* The time of day (wall.c), from the RTC and the timer. */
uint32_t wall_seconds(uint64_t now);
struct date wall_date(void);
uint64_t wall_next_minute(uint64_t now);
uint64_t wall_next_second(uint64_t now);
void wall_adjust(void);

void draw_status_bar(struct canvas *c, bool with_time);

#endif
