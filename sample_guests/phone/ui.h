/* What every screen is made with: sizes, damage, things to touch, and scrolling. */
#ifndef PHONE_UI_H
#define PHONE_UI_H

#include "canvas.h"
#include "font.h"
#include "input.h"
#include "shape.h"
#include "timer.h"

#define FRAME_TIME (SECONDS / 60)

/* Sizes are given for a panel 320 wide and grow with it. */
int dp(int units);
int panel_width(void);
int panel_height(void);
struct rect panel_rect(void);
void ui_start(void);

/* Colours that all apps share. */
#define INK RGB(0x20242b)
#define INK_SOFT RGB(0x6d737d)
#define INK_FAINT RGB(0xa9afb8)
#define LINE RGB(0xe4e6ea)
#define GROUND RGB(0xf3f4f6)
#define CARD RGB(0xffffff)
#define WHITE RGB(0xffffff)
#define DANGER RGB(0xd9453d)

/* Marks a part of the panel to be drawn again. */
void damage(struct rect r);
void damage_all(void);
enum { DAMAGE_MAX = 6 };
int damage_take(struct rect list[DAMAGE_MAX]);
bool damage_any(void);

/* While a screen draws, it says what can be touched; the last one said lies on top. Id 0 is nothing. */
void hits_begin(void);
void hit(int id, struct rect r, const char *label);
int hit_at(int x, int y);
bool hit_rect(int id, struct rect *r);
bool is_pressed(int id);
void print_hits(void);
/* Only this much of the next hits is reachable (a list under a header). */
void hits_within(struct rect r);

/* A list that is dragged, flies on and springs back. */
struct scroller {
    struct rect view;
    int content;  /* height in pixels */
    int offset;   /* 1/256 of a pixel */
    int velocity; /* 1/256 of a pixel a frame */
    int shown;    /* frames for which the bar is still to be seen */
    bool held;
};

int scroller_y(const struct scroller *s); /* where the content's top is on the panel */
void scroller_to(struct scroller *s, int pixels);
void draw_scroll_bar(struct canvas *c, const struct scroller *s);

/* The finger that presses and scrolls. */
struct pointer {
    bool down, dragging;
    int pressed; /* id */
    int x, y, start_x, start_y;
    int velocity_x, velocity_y; /* 1/256 of a pixel a frame, when lifted */
};
extern struct pointer pointer;

/* Follows a touch. Answers the id that was tapped, or 0. */
int pointer_follow(const struct input_event *event, struct scroller *scroller, uint64_t now);
/* Notes where the finger is and how fast, and nothing else. */
void pointer_track(const struct input_event *event, uint64_t now);
void pointer_cancel(void);
/* Moves what is moving by some frames; true while it moves. */
bool scroller_tick(struct scroller *s, int frames);

/* From fast to slow: t and the answer are 0 to 1024. */
int ease_out(int t);
int ease_both(int t);

#endif
